// Checks of routes that no schema can say: host names, pools, filters that exclude each other.
// Owns the rules about rules. Leaves matches to semantics-matches.ts, unreachable and shadowed rules to src/routing.

import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import { groupCount, readSubstitution } from '../routing/rewrite.js';
import type { FilterConfig, RuleConfig } from './config.js';
import type { Path } from './problems.js';
import type { ParsedConfig } from './schema.js';
import { checkPoolName, type Scope } from './semantics.js';
import { checkRouteListeners, isFor } from './semantics-listeners.js';
import { checkMatch, checkRegex } from './semantics-matches.js';
import { checkBackendRefs, checkHostnames } from './semantics-targets.js';

export function checkRoutes({ routes, listeners }: ParsedConfig, scope: Scope): void {
  const routeNames = new Map<string, string>();
  const ruleNames = new Map<string, string>();
  for (const [routeIndex, route] of (routes ?? []).entries()) {
    const at = ['routes', routeIndex];
    checkUnique(route.name, at, 'route', routeNames, scope);
    checkHostnames(route.hostnames ?? [], at, scope, " Leave 'hostnames' out to match every host.");
    checkRouteListeners(route, at, listeners, scope);
    const own = listeners.filter((listener) => isFor(route, listener));
    for (const [ruleIndex, rule] of route.rules.entries()) {
      const ruleAt = [...at, 'rules', ruleIndex];
      checkUnique(rule.name, ruleAt, 'rule', ruleNames, scope);
      for (const [index, match] of (rule.matches ?? []).entries())
        checkMatch(match, [...ruleAt, 'matches', index], own.length === 0 ? listeners : own, scope);
      checkBackends(rule, ruleAt, scope);
      checkFilters(rule, ruleAt, scope);
      checkFallback(rule, ruleAt, scope);
      checkTimeouts(rule, ruleAt, scope);
    }
  }
}

function checkUnique(name: string | undefined, at: Path, noun: string, seen: Map<string, string>, scope: Scope): void {
  if (name === undefined) return;
  const here = at
    .map((step) => (typeof step === 'number' ? `[${step}]` : step === 'routes' ? step : `.${step}`))
    .join('');
  const twin = seen.get(name);
  if (twin === undefined) seen.set(name, here);
  else
    scope.report(
      [...at, 'name'],
      `${twin} has the name '${name}' already.`,
      `Expected a name of its own for each ${noun}.`,
    );
}

/** Filters that answer the request themselves, so that no server sees it. */
function answering(rule: RuleConfig): { filter: FilterConfig; index: number } | undefined {
  const index = rule.filters?.findIndex(({ type }) => type === 'RequestRedirect' || type === 'DirectResponse') ?? -1;
  const filter = rule.filters?.[index];
  return filter && { filter, index };
}

function checkBackends(rule: RuleConfig, at: Path, scope: Scope): void {
  const { pool, backendRefs } = rule;
  checkBackendRefs(rule, 'rule', at, scope);
  const answer = answering(rule);
  if (answer && (pool !== undefined || backendRefs !== undefined)) {
    scope.report(
      [...at, pool === undefined ? 'backendRefs' : 'pool'],
      `A rule that answers with ${answer.filter.type} names a pool.`,
      'No server sees such a request. Remove the pool, or the filter.',
    );
  }
  if (!answer && pool === undefined && backendRefs === undefined) {
    scope.report(
      at,
      'The rule leads nowhere.',
      'Expected pool, backendRefs, or a RequestRedirect or DirectResponse filter.',
    );
  }
}

/** The pool that takes over: another one than those of the rule, which has to have some. */
function checkFallback(rule: RuleConfig, at: Path, scope: Scope): void {
  const { fallback, pool, backendRefs } = rule;
  if (fallback === undefined) return;
  checkPoolName(fallback, [...at, 'fallback'], scope);
  const answer = answering(rule);
  if (answer !== undefined) {
    scope.report(
      [...at, 'fallback'],
      `A rule that answers with ${answer.filter.type} has a fallback pool.`,
      'No server sees such a request. Remove the fallback, or the filter.',
    );
  }
  if (pool === fallback || backendRefs?.some((reference) => reference.pool === fallback)) {
    scope.report(
      [...at, 'fallback'],
      `'${fallback}' is a pool of the rule already.`,
      'Expected another one, which can answer when that cannot.',
    );
  }
}

function checkTimeouts({ timeouts }: RuleConfig, at: Path, scope: Scope): void {
  const { request = 0, backendRequest = 0, responseHead = 0 } = timeouts ?? {};
  if (request > 0 && backendRequest > request) {
    scope.report(
      [...at, 'timeouts', 'backendRequest'],
      'One try may take longer than the whole request.',
      'Expected at most timeouts.request of the same rule.',
    );
  }
  const most = backendRequest > 0 ? 'backendRequest' : 'request';
  const mostMs = most === 'request' ? request : backendRequest;
  if (mostMs > 0 && responseHead > mostMs) {
    scope.report(
      [...at, 'timeouts', 'responseHead'],
      `The response head may take longer than ${most === 'request' ? 'the whole request' : 'one try'}.`,
      `Expected at most timeouts.${most} of the same rule.`,
    );
  }
}

function checkFilters(rule: RuleConfig, at: Path, scope: Scope): void {
  const seen = new Map<string, number>();
  for (const [index, filter] of (rule.filters ?? []).entries()) {
    const here = [...at, 'filters', index];
    const twin = seen.get(filter.type);
    if (twin !== undefined && filter.type !== 'RequestMirror') {
      scope.report(
        [...here, 'type'],
        `filters[${twin}] is a ${filter.type} already.`,
        'Expected it once. Put everything into one filter.',
      );
    }
    if (twin === undefined) seen.set(filter.type, index);
    checkFilter(filter, here, rule, scope);
  }
  const answer = answering(rule);
  if (answer === undefined) return;
  for (const [index, { type }] of (rule.filters ?? []).entries()) {
    if (index === answer.index || type === answer.filter.type || type === 'ResponseHeaderModifier') continue;
    scope.report(
      [...at, 'filters', index, 'type'],
      `${type} makes no sense with ${answer.filter.type}.`,
      `filters[${answer.index}] answers the request itself. Remove one of them.`,
    );
  }
}

function checkFilter(filter: FilterConfig, at: Path, rule: RuleConfig, scope: Scope): void {
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
      checkPathModifier(path, [...at, 'urlRewrite', 'path'], rule, scope);
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
      checkPathModifier(path, [...at, 'requestRedirect', 'path'], rule, scope);
      break;
    }
    case 'RequestMirror':
      checkPoolName(filter.requestMirror.pool, [...at, 'requestMirror', 'pool'], scope);
      break;
    case 'DirectResponse':
      checkDirectResponse(filter.directResponse, [...at, 'directResponse'], scope);
      break;
  }
}

function checkDirectResponse(
  response: Extract<FilterConfig, { type: 'DirectResponse' }>['directResponse'],
  at: Path,
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
  if (file === undefined) return;
  try {
    accessSync(resolve(scope.directory, file), constants.R_OK);
  } catch {
    scope.report(
      [...at, 'file'],
      `The file '${file}' cannot be read.`,
      'Expected a file, named relative to the configuration.',
    );
  }
}

const MODIFIER_KEYS = {
  ReplaceFullPath: 'replaceFullPath',
  ReplacePrefixMatch: 'replacePrefixMatch',
  ReplaceRegexMatch: 'replaceRegexMatch',
} as const;

/** Checks an expression and what replaces its matches. */
function checkSubstitution(rewrite: { pattern: string; substitution: string }, at: Path, scope: Scope): void {
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

type PathModifier = NonNullable<Extract<FilterConfig, { type: 'URLRewrite' }>['urlRewrite']['path']>;

function checkPathModifier(modifier: PathModifier | undefined, at: Path, rule: RuleConfig, scope: Scope): void {
  if (modifier === undefined) return;
  const wanted = MODIFIER_KEYS[modifier.type];
  if (modifier[wanted] === undefined)
    scope.report(at, `'${wanted}' is missing.`, `Expected it with type ${modifier.type}.`);
  for (const other of Object.values(MODIFIER_KEYS)) {
    if (other === wanted || modifier[other] === undefined) continue;
    scope.report([...at, other], `'${other}' stands with type ${modifier.type}.`, `Expected ${wanted} alone.`);
  }
  if (modifier.replaceRegexMatch !== undefined)
    checkSubstitution(modifier.replaceRegexMatch, [...at, 'replaceRegexMatch'], scope);
  if (modifier.type !== 'ReplacePrefixMatch') return;
  const stray = (rule.matches ?? []).findIndex(({ path }) => path !== undefined && path.type !== 'PathPrefix');
  if (stray >= 0) {
    scope.report(
      [...at, 'type'],
      `matches[${stray}] has no prefix that could be replaced.`,
      'Expected a PathPrefix match in every match of the rule.',
    );
  }
}

type HeaderModifier = Extract<FilterConfig, { type: 'RequestHeaderModifier' }>['requestHeaderModifier'];

function checkHeaderModifier(modifier: HeaderModifier, at: Path, isRequest: boolean, scope: Scope): void {
  const { set = [], add = [], remove = [] } = modifier;
  if (set.length + add.length + remove.length === 0) {
    scope.report(at, 'The filter changes nothing.', 'Expected set, add or remove.');
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
      const twin = seen.get(key);
      // Several added values of one header are a list, which HTTP allows.
      if (twin !== undefined && !(kind === 'add' && twin.startsWith('add'))) {
        scope.report(path, `${twin} names the header '${name}' already.`, 'Expected each header in one place.');
      }
      if (twin === undefined) seen.set(key, `${kind}[${index}]`);
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

function checkProtected(headers: readonly { name: string }[] | undefined, at: Path, scope: Scope): void {
  for (const [index, { name }] of (headers ?? []).entries())
    checkProtectedName(name, [...at, index, 'name'], false, scope);
}

/** Fields that say who a client is by its certificate; also as servers read them that make no difference of `-` and `_`. */
const IDENTITY = /^(x-client-cert-(verified|subject|san|fingerprint)|client-cert(-chain)?)$/;

function checkProtectedName(name: string, path: Path, isRequest: boolean, scope: Scope): void {
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
