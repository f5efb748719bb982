// Checks of filters that no schema can say: what they exclude, where each may stand, fields that the proxy alone writes.
// Owns filters wherever they stand: in rules, on routes, on listeners, for all. Leaves what rules lead to to
// semantics-routes.ts, and in which order filters apply to src/routing.

import type { DocumentPath } from '../base/document-path.js';
import { shown } from '../base/problems.js';
import { normalPathOf } from '../routing/path.js';
import { groupCount, readSubstitution } from '../routing/rewrite.js';
import type { FilterConfig, RuleConfig } from './config.js';
import { checkForeignVariables } from './foreign-variables.js';
import { checkPageFile, checkPoolName, type Scope } from './scope.js';
import { checkRegex } from './semantics-matches.js';

/** What a list of filters is for: one rule, all rules of a route, or more than that. */
type Around =
  | { readonly kind: 'rule' | 'route'; readonly rules: readonly RuleConfig[] }
  | { readonly kind: 'listener' | 'all' };

/** The filter of a rule that answers the request, so that no server sees it, and its place. */
export function answering({ filters = [] }: RuleConfig): { filter: FilterConfig; index: number } | undefined {
  const index = filters.findIndex(answers);
  const filter = filters[index];
  return filter && { filter, index };
}

function answers({ type }: FilterConfig): boolean {
  return type === 'RequestRedirect' || type === 'DirectResponse';
}

/** Reports what is wrong with the filters of a rule. */
export function checkRuleFilters(rule: RuleConfig, at: DocumentPath, scope: Scope): void {
  const filters = rule.filters ?? [];
  checkFilters(filters, [...at, 'filters'], { kind: 'rule', rules: [rule] }, scope);
  const answer = answering(rule);
  if (answer === undefined) return;
  for (const [index, { type }] of filters.entries()) {
    if (index === answer.index || type === answer.filter.type || type === 'ResponseHeaderModifier') continue;
    scope.report(
      [...at, 'filters', index, 'type'],
      `${type} makes no sense with ${answer.filter.type}.`,
      `filters[${answer.index}] answers the request itself. Remove one of them.`,
    );
  }
}

/** Reports what is wrong with a list of filters. `at` is its place. */
export function checkFilters(filters: readonly FilterConfig[], at: DocumentPath, around: Around, scope: Scope): void {
  const taken = new Map<string, number>();
  for (const [index, filter] of filters.entries()) {
    const here = [...at, index];
    for (const [part, words] of onlyOnce(filter)) {
      const first = taken.get(part);
      if (first === undefined) taken.set(part, index);
      else scope.report([...here, 'type'], `filters[${first}] ${words} already.`, 'Expected it once.');
    }
    if (around.kind !== 'rule' && answers(filter)) {
      scope.report(
        [...here, 'type'],
        `A ${filter.type} stands outside of a rule.`,
        "An answer is what a rule does. Expected a rule with it, and with a 'priority' if it must win.",
      );
    }
    checkFilter(filter, here, around, scope);
  }
}

/**
 * What a filter does that a second one in the same list could only undo, and the words for it. Header modifiers apply one after
 * the other, and mirrors do not meet.
 */
function onlyOnce(filter: FilterConfig): [part: string, words: string][] {
  if (answers(filter)) return [[filter.type, `is a ${filter.type}`]];
  if (filter.type !== 'URLRewrite') return [];
  const { hostname, path } = filter.urlRewrite;
  return [
    ...(hostname === undefined ? [] : ([['hostname', 'rewrites the host name']] as [string, string][])),
    ...(path === undefined ? [] : ([['path', 'rewrites the path']] as [string, string][])),
  ];
}

function checkFilter(filter: FilterConfig, at: DocumentPath, around: Around, scope: Scope): void {
  switch (filter.type) {
    case 'RequestHeaderModifier':
      checkHeaderModifier(filter.requestHeaderModifier, [...at, 'requestHeaderModifier'], true, scope);
      break;
    case 'ResponseHeaderModifier':
      checkHeaderModifier(filter.responseHeaderModifier, [...at, 'responseHeaderModifier'], false, scope);
      break;
    case 'URLRewrite': {
      const { hostname, path } = filter.urlRewrite;
      if (hostname === undefined && path === undefined) {
        scope.report([...at, 'urlRewrite'], 'The rewrite changes nothing.', 'Expected hostname, path or both.');
      }
      checkPathModifier(path, [...at, 'urlRewrite', 'path'], around, scope);
      break;
    }
    case 'RequestRedirect': {
      const { scheme, hostname, port, path } = filter.requestRedirect;
      if (scheme === undefined && hostname === undefined && port === undefined && path === undefined) {
        scope.report(
          [...at, 'requestRedirect'],
          'The redirect leads back to the same URL.',
          'Expected scheme, hostname, port or path.',
        );
      }
      checkPathModifier(path, [...at, 'requestRedirect', 'path'], around, scope);
      break;
    }
    case 'RequestMirror':
      checkPoolName(filter.requestMirror.pool, [...at, 'requestMirror', 'pool'], scope);
      break;
    case 'LocationRewrite':
      for (const [index, rewrite] of filter.locationRewrite.rewrites.entries())
        checkPlaceRewrite(rewrite, [...at, 'locationRewrite', 'rewrites', index], scope);
      break;
    case 'CookieRewrite': {
      const { paths = [], domains = [] } = filter.cookieRewrite;
      if (paths.length + domains.length === 0)
        scope.report([...at, 'cookieRewrite'], 'The filter changes nothing.', 'Expected paths, domains or both.');
      break;
    }
    case 'DirectResponse':
      checkDirectResponse(filter.directResponse, [...at, 'directResponse'], scope);
      break;
  }
}

function checkDirectResponse(
  response: Extract<FilterConfig, { type: 'DirectResponse' }>['directResponse'],
  at: DocumentPath,
  scope: Scope,
): void {
  const { status, body, file } = response;
  if (body !== undefined && file !== undefined) {
    scope.report([...at, 'file'], 'A direct response has both a body and a file.', 'Expected one of them.');
  }
  if ((status === 204 || status === 205 || status === 304) && (body !== undefined || file !== undefined)) {
    scope.report(
      [...at, 'status'],
      `An answer with status ${status} has no body.`,
      'Expected another status, or neither body nor file.',
    );
  }
  checkProtected(response.headers, [...at, 'headers'], scope);
  if (file !== undefined) checkPageFile(file, [...at, 'file'], scope);
}

const MODIFIER_KEYS = {
  ReplaceFullPath: 'replaceFullPath',
  ReplacePrefixMatch: 'replacePrefixMatch',
  ReplaceRegexMatch: 'replaceRegexMatch',
} as const;

/** Checks an expression and what replaces its matches. */
function checkSubstitution(rewrite: { pattern: string; substitution: string }, at: DocumentPath, scope: Scope): void {
  const { pattern, substitution } = rewrite;
  if (!checkRegex(pattern, [...at, 'pattern'], scope)) return;
  const here = [...at, 'substitution'];
  const parts = readSubstitution(substitution);
  if (typeof parts === 'string') {
    scope.report(here, parts, 'Expected \\0 to \\9 for what was matched, or \\\\ for a backslash.');
    return;
  }
  const groups = groupCount(pattern);
  const most = Math.max(0, ...parts.filter((part) => typeof part === 'number'));
  if (most > groups) {
    const has = groups === 0 ? 'no group' : groups === 1 ? 'one group' : `${groups} groups`;
    scope.report(
      here,
      `There is no group \\${most}: the expression has ${has}.`,
      'Expected groups in ( ) for what is kept.',
    );
  }
  const written = /\$(\d|\{\d\})/.exec(substitution)?.[0];
  if (written !== undefined) {
    const number = written.replace(/\D/g, '');
    scope.report(
      here,
      `'${written}' would stand there as it is.`,
      `Expected \\${number} for what group ${number} matched.`,
    );
  }
}

type PlaceRewrite = Extract<FilterConfig, { type: 'LocationRewrite' }>['locationRewrite']['rewrites'][number];

/** A prefix and another, or an expression and a substitution, and not some of each. */
function checkPlaceRewrite({ from, to, pattern, substitution }: PlaceRewrite, at: DocumentPath, scope: Scope): void {
  const isPrefix = from !== undefined && to !== undefined && pattern === undefined && substitution === undefined;
  if (isPrefix) return;
  if (pattern !== undefined && substitution !== undefined && from === undefined && to === undefined) {
    checkSubstitution({ pattern, substitution }, at, scope);
    return;
  }
  scope.report(at, 'The rewrite is not complete, or two in one.', 'Expected from and to, or pattern and substitution.');
}

type PathModifier = NonNullable<Extract<FilterConfig, { type: 'URLRewrite' }>['urlRewrite']['path']>;

function checkPathModifier(modifier: PathModifier | undefined, at: DocumentPath, around: Around, scope: Scope): void {
  if (modifier === undefined) return;
  const wanted = MODIFIER_KEYS[modifier.type];
  if (modifier[wanted] === undefined)
    scope.report(at, `'${wanted}' is missing.`, `Expected it with type ${modifier.type}.`);
  for (const other of Object.values(MODIFIER_KEYS)) {
    if (other === wanted || modifier[other] === undefined) continue;
    scope.report([...at, other], `'${other}' stands with type ${modifier.type}.`, `Expected ${wanted} alone.`);
  }
  checkNewPath(modifier[wanted], [...at, wanted], scope);
  if (modifier.replaceRegexMatch !== undefined)
    checkSubstitution(modifier.replaceRegexMatch, [...at, 'replaceRegexMatch'], scope);
  if (modifier.type === 'ReplacePrefixMatch') checkPrefixes(at, around, scope);
}

/** Reports a new path that no request can have. An empty one is the root. */
function checkNewPath(path: unknown, at: DocumentPath, scope: Scope): void {
  if (typeof path !== 'string' || normalPathOf(path) !== undefined) return;
  scope.report(at, `${shown(path)} is not a path that a request can have.`, 'Expected one such as /v2.');
}

/** Reports rules that match by something else than the prefix that is to be replaced. */
function checkPrefixes(at: DocumentPath, around: Around, scope: Scope): void {
  if (!('rules' in around)) {
    scope.report(
      [...at, 'type'],
      'The prefix that is replaced is that of a rule.',
      'Expected it in rules or on their route, or ReplaceFullPath.',
    );
    return;
  }
  for (const [index, rule] of around.rules.entries()) {
    if (around.kind === 'route' && (answering(rule) !== undefined || rewritesPath(rule))) continue;
    const stray = (rule.matches ?? []).findIndex(({ path }) => path !== undefined && path.type !== 'PathPrefix');
    if (stray < 0) continue;
    scope.report(
      [...at, 'type'],
      `${around.kind === 'route' ? `rules[${index}].` : ''}matches[${stray}] has no prefix that could be replaced.`,
      `Expected a PathPrefix match in every match of ${around.kind === 'route' ? 'its rules' : 'the rule'}.`,
    );
  }
}

function rewritesPath({ filters = [] }: RuleConfig): boolean {
  return filters.some((filter) => filter.type === 'URLRewrite' && filter.urlRewrite.path !== undefined);
}

type HeaderModifier = Extract<FilterConfig, { type: 'RequestHeaderModifier' }>['requestHeaderModifier'];

function checkHeaderModifier(modifier: HeaderModifier, at: DocumentPath, isRequest: boolean, scope: Scope): void {
  const { set = [], add = [], remove = [] } = modifier;
  if (set.length + add.length + remove.length === 0) {
    scope.report(at, 'The filter changes nothing.', 'Expected set, add or remove.');
  }
  for (const [kind, headers] of Object.entries({ set, add })) {
    for (const [index, { value }] of headers.entries())
      checkForeignVariables(value, [...at, kind, index, 'value'], scope);
  }
  const seen = new Map<string, string>();
  for (const [kind, names] of [
    ['set', set.map(({ name }) => name)],
    ['add', add.map(({ name }) => name)],
    ['remove', remove],
  ] as const) {
    for (const [index, name] of names.entries()) {
      const path = kind === 'remove' ? [...at, kind, index] : [...at, kind, index, 'name'];
      const key = name.toLowerCase();
      const first = seen.get(key);
      // Several added values of one header are a list, which HTTP allows.
      if (first !== undefined && !(kind === 'add' && first.startsWith('add'))) {
        scope.report(path, `${first} names the header '${name}' already.`, 'Expected each header in one place.');
      }
      if (first === undefined) seen.set(key, `${kind}[${index}]`);
      checkProtectedName(name, path, isRequest, scope);
    }
  }
}

/** Fields that frame messages and manage connections: the proxy alone writes them. */
const PROTECTED = [
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

function checkProtected(
  headers: readonly { name: string; value: string }[] | undefined,
  at: DocumentPath,
  scope: Scope,
): void {
  for (const [index, { name, value }] of (headers ?? []).entries()) {
    checkProtectedName(name, [...at, index, 'name'], false, scope);
    checkForeignVariables(value, [...at, index, 'value'], scope);
  }
}

/** Fields that say who a client is by its certificate; also as servers read them that make no difference of `-` and `_`. */
const IDENTITY = /^(x-client-cert-(verified|subject|san|fingerprint)|client-cert(-chain)?)$/;

function checkProtectedName(name: string, path: DocumentPath, isRequest: boolean, scope: Scope): void {
  const key = name.toLowerCase();
  if (PROTECTED.includes(key)) {
    scope.report(
      path,
      `'${name}' cannot be changed.`,
      'It says where a message ends or what becomes of the connection, which the proxy decides.',
    );
  } else if (isRequest && IDENTITY.test(key.replaceAll('_', '-'))) {
    scope.report(
      path,
      `'${name}' cannot be changed.`,
      `The proxy alone says who a client is. Fill a header of another name with $\{clientCertificateSubject} and its kind.`,
    );
  } else if (isRequest && key === 'host') {
    scope.report(path, "'Host' cannot be changed here.", "Expected a URLRewrite filter with 'hostname'.");
  }
}
