// Compiles the matches of a config into an intermediate form: normal, and comparable by precedence.
// Owns the order of precedence. Leaves checking to src/config, and the table's words to emit.ts.

import { assert } from '../base/assert.js';
import type { DocumentPath, Place } from '../base/document-path.js';
import { isHostPattern } from '../base/host-names.js';
import { type AddressRange, parseRange } from '../base/ranges.js';
import { methodNumber } from '../http/methods.js';
import type { MatchConfig, PathMatchConfig, StringMatchType, ValueMatchConfig } from './input.js';
import { HOST_KIND, LEAF_KIND, OP, SOURCE_KIND } from './layout.js';
import { normalPathOf } from './path.js';

/** A host name in the form of the table: in lower case, a wildcard from its dot on, the default as ''. */
export interface HostIr {
  readonly kind: number;
  readonly name: string;
}

/** One condition. `source` is undefined for the client's address, whose ranges stand in `ranges`. */
export interface ConditionIr {
  readonly source: { readonly kind: number; readonly name: string } | undefined;
  readonly op: number;
  readonly invert: boolean;
  readonly value: string;
  readonly ranges: readonly AddressRange[];
}

/** One match of one rule. `path` is without a closing slash for prefixes, and the source for expressions. */
export interface MatchIr {
  readonly rule: number;
  readonly match: number;
  readonly at: DocumentPath;
  readonly place: Place;
  /** That of its rule: the higher comes first, whatever else there is. */
  readonly priority: number;
  readonly pathKind: number;
  readonly path: string;
  readonly method: number;
  readonly conditions: readonly ConditionIr[];
  /** Conditions on headers and cookies, on query parameters, and on the client: three steps of precedence. */
  readonly headerCount: number;
  readonly queryCount: number;
  readonly clientCount: number;
}

/** A match under one of its route's host names. */
export interface EntryIr {
  readonly host: HostIr;
  readonly match: MatchIr;
}

const OPS: Readonly<Record<StringMatchType, number>> = {
  Exact: OP.EXACT,
  Prefix: OP.PREFIX,
  Suffix: OP.SUFFIX,
  Contains: OP.CONTAINS,
  Present: OP.PRESENT,
  RegularExpression: OP.REGEX,
};

/** The steps of precedence, in order; the first that differs decides. */
const PRECEDENCE = ['priority', 'hostname', 'path', 'method', 'headers', 'queryParams', 'client', 'order'] as const;
export type PrecedenceStep = (typeof PRECEDENCE)[number];

/**
 * One comparison per step: negative when `a` takes precedence. Host names and paths of equal rank never match the same
 * request unless they are equal, so comparing their text only brings equal ones together.
 */
const COMPARE: Readonly<Record<PrecedenceStep, (a: EntryIr, b: EntryIr) => number>> = {
  priority: ({ match: a }, { match: b }) => b.priority - a.priority,
  hostname: ({ host: a }, { host: b }) =>
    b.kind - a.kind || b.name.length - a.name.length || compareText(a.name, b.name),
  path: ({ match: a }, { match: b }) => {
    if (a.pathKind !== b.pathKind) return b.pathKind - a.pathKind;
    return a.pathKind === LEAF_KIND.REGEX ? 0 : b.path.length - a.path.length || compareText(a.path, b.path);
  },
  method: ({ match: a }, { match: b }) => Number(a.method === -1) - Number(b.method === -1),
  headers: ({ match: a }, { match: b }) => b.headerCount - a.headerCount,
  queryParams: ({ match: a }, { match: b }) => b.queryCount - a.queryCount,
  client: ({ match: a }, { match: b }) => b.clientCount - a.clientCount,
  order: ({ match: a }, { match: b }) => a.rule - b.rule || a.match - b.match,
};

/** Negative when `a` takes precedence over `b`: a total order over all entries of a config. */
export function comparePrecedence(a: EntryIr, b: EntryIr): number {
  for (const step of PRECEDENCE) {
    const order = COMPARE[step](a, b);
    if (order !== 0) return order;
  }
  return 0;
}

/** The step that decides between two entries. */
export function decidingStep(a: EntryIr, b: EntryIr): PrecedenceStep {
  return PRECEDENCE.find((step) => COMPARE[step](a, b) !== 0) ?? 'order';
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The form of a host name in the table. */
export function compileHost(hostname: string): HostIr {
  if (hostname === '*') return { kind: HOST_KIND.DEFAULT, name: '' };
  assert(isHostPattern(hostname), 'a host name is one');
  const name = hostname.toLowerCase();
  return name.startsWith('*.') ? { kind: HOST_KIND.WILDCARD, name: name.slice(1) } : { kind: HOST_KIND.EXACT, name };
}

/**
 * Compiles one match. `listeners` are the names its route is bound to, or undefined: a condition that counts nothing in the
 * order of precedence.
 */
export function compileMatch(
  config: MatchConfig,
  { listeners, priority }: { readonly listeners: readonly string[] | undefined; readonly priority: number },
  rule: number,
  match: number,
  at: DocumentPath,
  place: Place,
): MatchIr {
  const { headers = [], cookies = [], queryParams = [] } = config;
  const client = [
    ...compileRanges(config.clientAddress),
    ...compileServerName(config.serverName),
    ...compileFixed(config.scheme, SOURCE_KIND.SCHEME),
    ...compileFixed(config.tlsVersion, SOURCE_KIND.TLS_VERSION),
    ...compileFixed(config.tlsCipher, SOURCE_KIND.TLS_CIPHER),
    ...compileCertificate(config.clientCertificate),
  ];
  return {
    rule,
    match,
    at,
    place,
    priority,
    ...compilePath(config.path),
    method: compileMethod(config.method),
    conditions: [
      ...compileListeners(listeners),
      ...headers.map((item) => compileCondition(item, { kind: SOURCE_KIND.HEADER, name: item.name.toLowerCase() })),
      ...cookies.map((item) => compileCondition(item, { kind: SOURCE_KIND.COOKIE, name: item.name })),
      ...queryParams.map((item) => compileCondition(item, { kind: SOURCE_KIND.QUERY, name: item.name })),
      ...client,
    ],
    headerCount: headers.length + cookies.length,
    queryCount: queryParams.length,
    clientCount: client.length,
  };
}

function compileMethod(method: string | undefined): number {
  if (method === undefined) return -1;
  const number = methodNumber(method);
  assert(number !== -1, 'a method is one of the known ones');
  return number;
}

function compilePath({ type = 'PathPrefix', value = '/' }: PathMatchConfig = {}): { pathKind: number; path: string } {
  if (type === 'RegularExpression') return { pathKind: LEAF_KIND.REGEX, path: value };
  const normal = normalPathOf(value);
  assert(normal !== undefined, 'a path is one that a request can have');
  if (type === 'Exact') return { pathKind: LEAF_KIND.EXACT, path: normal };
  if (normal === '/') return { pathKind: LEAF_KIND.ROOT, path: '/' };
  return { pathKind: LEAF_KIND.PREFIX, path: normal.endsWith('/') ? normal.slice(0, -1) : normal };
}

function compileCondition(
  { type = 'Exact', value = '', invert = false }: ValueMatchConfig,
  source: { readonly kind: number; readonly name: string },
): ConditionIr {
  return { source, op: OPS[type], invert, value, ranges: [] };
}

function compileRanges(config: MatchConfig['clientAddress']): ConditionIr[] {
  if (config === undefined) return [];
  const ranges = (typeof config === 'string' ? [config] : config).map((text) => {
    const range = parseRange(text);
    assert(range !== undefined, 'a range of addresses is one');
    return range;
  });
  return [{ source: undefined, op: OP.RANGES, invert: false, value: '', ranges }];
}

function compileServerName(name: string | undefined): ConditionIr[] {
  if (name === undefined) return [];
  const host = compileHost(name);
  const op = host.kind === HOST_KIND.WILDCARD ? OP.SUFFIX : host.kind === HOST_KIND.EXACT ? OP.EXACT : OP.PRESENT;
  return [{ source: { kind: SOURCE_KIND.SERVER_NAME, name: '' }, op, invert: false, value: host.name, ranges: [] }];
}

function compileListeners(names: readonly string[] | undefined): ConditionIr[] {
  if (names === undefined) return [];
  const op = names.length === 1 ? OP.EXACT : OP.ONE_OF;
  const value = [...names].sort().join('\n');
  return [{ source: { kind: SOURCE_KIND.LISTENER, name: '' }, op, invert: false, value, ranges: [] }];
}

/** A value of the connection that is one of a few words. */
function compileFixed(value: string | undefined, kind: number): ConditionIr[] {
  return value === undefined ? [] : [{ source: { kind, name: '' }, op: OP.EXACT, invert: false, value, ranges: [] }];
}

function compileCertificate(config: MatchConfig['clientCertificate']): ConditionIr[] {
  if (config === undefined) return [];
  const { subject, subjectAltName, fingerprint } = config;
  const compiled = (match: ValueMatchConfig | undefined, kind: number): ConditionIr[] =>
    match === undefined ? [] : [compileCondition(match, { kind, name: '' })];
  const conditions = [
    ...compiled(subject, SOURCE_KIND.CERTIFICATE_SUBJECT),
    ...compiled(subjectAltName, SOURCE_KIND.CERTIFICATE_NAMES),
    ...compileFixed(fingerprint?.replaceAll(':', '').toLowerCase(), SOURCE_KIND.CERTIFICATE_FINGERPRINT),
  ];
  return conditions.length > 0 ? conditions : compiled({ type: 'Present' }, SOURCE_KIND.CERTIFICATE_FINGERPRINT);
}
