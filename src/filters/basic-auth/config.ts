// BasicAuth: users and passwords of a file.

import { z } from 'zod';
import { fileName, flag, map, option, text } from '../../config/schema/build.js';
import { fieldName } from '../../config/schema/field-name.js';
import { checkPageFile } from '../../config/scope.js';
import type { FilterKind } from '../kind.js';
import { checkFieldName } from '../parts/header-values.js';
import { readUsers } from '../parts/htpasswd.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const options = map('a basic authentication', {
  file: option(
    fileName('htpasswd file'),
    'A file as `htpasswd -B` writes it: one `user:hash` in a line, hashes of bcrypt. Read when the configuration is loaded, and again ' +
      'with each reload; `--watch` follows it. Relative to the configuration.',
  ),
  realm: option(
    text('a realm', 'Expected printable ASCII without quotes and backslashes.', (value) =>
      /^[ !#-[\]-~]+$/.test(value),
    ).prefault('Restricted'),
    'What browsers show when they ask for the password.',
  ),
  userHeader: option(
    fieldName().optional(),
    'A header in which the server gets the name of the user. What clients send in it, in any spelling, is taken away.',
    { byDefault: 'none' },
  ),
  forwardAuthorization: option(
    flag().prefault(false),
    'Passes `Authorization` on to the server, with the password in it.',
  ),
});

const schema = map('a filter', {
  type: option(z.literal('BasicAuth'), 'Lets users in who know a password (RFC 7617). Use it with https alone.'),
  basicAuth: option(options, 'Whom.'),
});

export type Config = z.output<typeof schema>;

export const basicAuth = {
  type: 'BasicAuth',
  schema,
  besideLocalReply: true,
  check({ basicAuth: { file, userHeader } }, place, _around, scope) {
    const at = [...place, 'basicAuth'];
    if (userHeader !== undefined) checkFieldName(userHeader, [...at, 'userHeader'], true, scope);
    const content = checkPageFile(file, [...at, 'file'], scope);
    if (content === null) return;
    const { users, problem } = readUsers(content);
    if (problem !== undefined) scope.report([...at, 'file'], problem.found, problem.expected);
    else if (users.length === 0)
      scope.report([...at, 'file'], `The file '${file}' has no user.`, 'Expected lines as htpasswd -B writes them.');
  },
  withFiles: (filter, absolute) => ({
    ...filter,
    basicAuth: { ...filter.basicAuth, file: absolute(filter.basicAuth.file) },
  }),
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
