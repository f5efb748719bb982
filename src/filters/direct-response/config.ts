// DirectResponse: an answer that is configured.

import { z } from 'zod';
import { fileName, integer, map, option, text } from '../../config/schema/build.js';
import { checkPageFile } from '../../config/scope.js';
import type { FilterKind } from '../kind.js';
import { checkFieldName, checkHeaderValues, headerValues } from '../parts/header-values.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const options = map('a direct response', {
  status: option(integer('a status', 200, 599), 'The status of the answer.'),
  headers: option(headerValues().optional(), 'Headers of the answer.'),
  body: option(text('a body', 'Expected a text.', () => true).optional(), 'The body of the answer.', {
    byDefault: 'empty',
  }),
  file: option(
    fileName('file').optional(),
    'A file that holds the body, in place of `body`. Read when the configuration is loaded, and again with each reload; `--watch` follows it. Relative to the configuration file.',
  ),
});

const schema = map('a filter', {
  type: option(z.literal('DirectResponse'), 'Answers by itself; no server sees the request.'),
  directResponse: option(options, 'The answer.'),
});

export type Config = z.output<typeof schema>;

/** Statuses whose responses have no body. */
const BODILESS: readonly number[] = [204, 205, 304];

export const directResponse = {
  type: 'DirectResponse',
  schema,
  localReply: ({ status }) => ({ status, says: `answer ${status}` }),
  once: () => [['DirectResponse', 'is a DirectResponse']],
  check({ directResponse: { status, headers = [], body, file } }, place, _around, scope) {
    const at = [...place, 'directResponse'];
    if (body !== undefined && file !== undefined) {
      scope.report([...at, 'file'], 'A direct response has both a body and a file.', 'Expected one of them.');
    }
    if (BODILESS.includes(status) && (body !== undefined || file !== undefined)) {
      scope.report(
        [...at, 'status'],
        `An answer with status ${status} has no body.`,
        'Expected another status, or neither body nor file.',
      );
    }
    for (const [index, { name }] of headers.entries())
      checkFieldName(name, [...at, 'headers', index, 'name'], false, scope);
    checkHeaderValues(headers, [...at, 'headers'], scope);
    if (file !== undefined) checkPageFile(file, [...at, 'file'], scope);
  },
  withFiles(filter, absolute) {
    const { directResponse } = filter;
    if (directResponse.file === undefined) return filter;
    return { ...filter, directResponse: { ...directResponse, file: absolute(directResponse.file) } };
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
