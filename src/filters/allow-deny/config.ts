// AllowDeny: which clients may come in, by their addresses.

import { z } from 'zod';
import { choice, fileName, integer, list, map, option } from '../../config/schema/build.js';
import type { FilterKind } from '../kind.js';
import { checkRangesFile, ranges } from '../parts/address-lists.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const files = () => list('a list of files', fileName('file'), 1);

const sources = {
  allow: option(ranges().optional(), 'Addresses and CIDR ranges that may come in.'),
  deny: option(ranges().optional(), 'Addresses and CIDR ranges that may not.'),
  allowFiles: option(
    files().optional(),
    'Files with more of them: one address or range in a line, and `#` before comments. Read when the configuration is loaded, and ' +
      'again with each reload; `--watch` follows them. Relative to the configuration.',
  ),
  denyFiles: option(files().optional(), 'The same for those that may not.'),
};

const rule = map('a rule of addresses', sources);

const options = map('an address filter', {
  ...sources,
  rules: option(
    list('a list of rules', rule, 1).optional(),
    'In place of the lists beside it: rules in their order, of which the first with the address decides. Each has either what it ' +
      'allows or what it denies.',
  ),
  otherwise: option(
    choice('an outcome', ['allow', 'deny']).optional(),
    'What becomes of an address that is in no list, and of a client whose address is not known.',
    { byDefault: 'the opposite of the last rule: who lists those allowed denies the others' },
  ),
  status: option(integer('a status', 400, 599).prefault(403), 'The status of the refusal.'),
});

const schema = map('a filter', {
  type: option(
    z.literal('AllowDeny'),
    'Lets clients in by their addresses. At `tcp`, `tls` and `tls-passthrough` listeners it closes the connections of others.',
  ),
  allowDeny: option(options, 'Which ones.'),
});

export type Config = z.output<typeof schema>;
/** The lists of one rule. */
export type Sources = z.output<typeof rule>;

const NAMES = ['allow', 'deny', 'allowFiles', 'denyFiles'] as const;

export const allowDeny = {
  type: 'AllowDeny',
  schema,
  besideLocalReply: true,
  onConnections: true,
  check({ allowDeny }, place, _around, scope) {
    const at = [...place, 'allowDeny'];
    const { rules } = allowDeny;
    const stated = NAMES.filter((name) => allowDeny[name] !== undefined);
    if (rules === undefined && stated.length === 0) {
      scope.report(at, 'The filter lists no address.', 'Expected allow, deny, a file for one of them, or rules.');
    }
    if (rules !== undefined && stated[0] !== undefined) {
      scope.report([...at, stated[0]], `'${stated[0]}' stands beside 'rules'.`, 'Expected it as one of the rules.');
    }
    for (const [index, each] of [allowDeny, ...(rules ?? [])].entries()) {
      const here = index === 0 ? at : [...at, 'rules', index - 1];
      const allows = each.allow !== undefined || each.allowFiles !== undefined;
      const denies = each.deny !== undefined || each.denyFiles !== undefined;
      if (index > 0 && allows === denies) {
        const found = allows ? 'A rule both allows and denies.' : 'A rule lists no address.';
        scope.report(
          here,
          found,
          'Expected either what it allows or what it denies: the first rule that fits decides.',
        );
      }
      for (const name of ['allowFiles', 'denyFiles'] as const) {
        for (const [i, file] of (each[name] ?? []).entries()) checkRangesFile(file, [...here, name, i], scope);
      }
    }
  },
  withFiles(filter, absolute) {
    const named = <Part extends Sources>(part: Part): Part => ({
      ...part,
      ...(part.allowFiles === undefined ? {} : { allowFiles: part.allowFiles.map(absolute) }),
      ...(part.denyFiles === undefined ? {} : { denyFiles: part.denyFiles.map(absolute) }),
    });
    const { rules, ...rest } = filter.allowDeny;
    return { ...filter, allowDeny: { ...named(rest), ...(rules === undefined ? {} : { rules: rules.map(named) }) } };
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
