// Compiles the matches of a config into an intermediate form: checked, normal, and comparable by precedence.
// Owns the order of precedence. Leaves messages for people to src/config, and the table's words to emit.ts.

import type { DocumentPath, Place } from '../base/document-path.js';
import type { Problems } from '../base/problems.js';
import { methodNumber } from '../http/methods.js';
import { compileRegex } from './conditions.js';
import type { MatchConfig, StringMatchConfig, StringMatchType, ValueMatchConfig } from './input.js';
import { HOST_BYTES_MAX, HOST_KIND, LEAF_KIND, OP, SOURCE_KIND } from './layout.js';
import { normalPathOf } from './path.js';
import { type AddressRange, parseRange } from './ranges.js';

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
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** The steps of precedence, in order; the first that differs decides. */
export const PRECEDENCE = [
  'priority',
  'hostname',
  'path',
  'method',
  'headers',
  'queryParams',
  'client',
  'order',
] as const;
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

/** The form of a host name in the table; undefined when a problem was reported. */
export function compileHost(hostname: string, at: DocumentPath, problems: Problems): HostIr | undefined {
  if (hostname === '*') return { kind: HOST_KIND.DEFAULT, name: '' };
  const wildcard = hostname.startsWith('*.');
  const name = (wildcard ? hostname.slice(2) : hostname).replace(/\.$/, '').toLowerCase();
  const isAddress = /^\[[0-9a-f:.]+\]$/.test(name);
  const isName = name.length <= HOST_BYTES_MAX && name.split('.').every((label) => LABEL.test(label));
  if (!isName && (wildcard || !isAddress)) {
    problems.error(
      at,
      `'${hostname}' is not a host name.`,
      'Expected one such as shop.example.com or *.example.com, in ASCII and without a port.',
    );
    return undefined;
  }
  return wildcard ? { kind: HOST_KIND.WILDCARD, name: `.${name}` } : { kind: HOST_KIND.EXACT, name };
}

/**
 * Compiles one match. Problems are reported, and what is wrong is left out. `listeners` are the names its route is
 * bound to, or undefined: a condition that counts nothing in the order of precedence.
 */
export function compileMatch(
  config: MatchConfig,
  { listeners, priority }: { readonly listeners: readonly string[] | undefined; readonly priority: number },
  rule: number,
  match: number,
  at: DocumentPath,
  problems: Problems,
): MatchIr {
  const { headers = [], cookies = [], queryParams = [] } = config;
  const strings = (list: readonly StringMatchConfig[], key: string, kind: number): ConditionIr[] =>
    list.flatMap((item, i) => {
      const name = kind === SOURCE_KIND.HEADER ? item.name.toLowerCase() : item.name;
      return compileCondition(item, { kind, name }, [...at, key, i], problems);
    });
  const client = [
    ...compileRanges(config.clientAddress, [...at, 'clientAddress'], problems),
    ...compileServerName(config.serverName, [...at, 'serverName'], problems),
    ...compileFixed(config.scheme, SOURCE_KIND.SCHEME),
    ...compileFixed(config.tlsVersion, SOURCE_KIND.TLS_VERSION),
    ...compileFixed(config.tlsCipher, SOURCE_KIND.TLS_CIPHER),
    ...compileCertificate(config.clientCertificate, [...at, 'clientCertificate'], problems),
  ];
  return {
    rule,
    match,
    at,
    place: problems.placeOf(at),
    priority,
    ...compilePath(config.path, [...at, 'path'], problems),
    method: compileMethod(config.method, [...at, 'method'], problems),
    conditions: [
      ...compileListeners(listeners),
      ...strings(headers, 'headers', SOURCE_KIND.HEADER),
      ...strings(cookies, 'cookies', SOURCE_KIND.COOKIE),
      ...strings(queryParams, 'queryParams', SOURCE_KIND.QUERY),
      ...client,
    ],
    headerCount: headers.length + cookies.length,
    queryCount: queryParams.length,
    clientCount: client.length,
  };
}

function compileMethod(method: string | undefined, at: DocumentPath, problems: Problems): number {
  if (method === undefined) return -1;
  const number = methodNumber(method);
  if (number === -1) problems.error(at, `'${method}' is not a method.`, 'Expected one in capitals, such as GET.');
  return number;
}

function compilePath(
  config: MatchConfig['path'],
  at: DocumentPath,
  problems: Problems,
): { pathKind: number; path: string } {
  const root = { pathKind: LEAF_KIND.ROOT, path: '/' };
  const { type = 'PathPrefix', value = '/' } = config ?? {};
  const valueAt = [...at, 'value'];
  if (type === 'RegularExpression') {
    checkRegex(value, valueAt, problems);
    return { pathKind: LEAF_KIND.REGEX, path: value };
  }
  const normal = value.startsWith('/') ? normalPathOf(value) : undefined;
  if (normal === undefined) {
    problems.error(valueAt, `'${value}' is not a path that a request can have.`, 'Expected one such as /api.');
    return root;
  }
  const closing = type === 'PathPrefix' && normal.endsWith('/');
  // Only percent-encoded is what every client does to such a path: not worth a warning.
  if (value !== normal && decodeURI(normal) !== value) {
    problems.warn(
      valueAt,
      `'${value}' is matched as '${normal}'.`,
      'Requests are brought into this form. Write it so.',
    );
  }
  if (type === 'Exact') return { pathKind: LEAF_KIND.EXACT, path: normal };
  return normal === '/' ? root : { pathKind: LEAF_KIND.PREFIX, path: closing ? normal.slice(0, -1) : normal };
}

/** One condition in a list, or none when a problem was reported. */
function compileCondition(
  config: ValueMatchConfig,
  source: { readonly kind: number; readonly name: string },
  at: DocumentPath,
  problems: Problems,
): ConditionIr[] {
  const { type = 'Exact', value, invert = false } = config;
  const op = OPS[type];
  if (op !== OP.PRESENT && value === undefined) {
    problems.error(at, "'value' is missing.", `Expected a text that type ${type} compares with, or type: Present.`);
    return [];
  }
  if (op === OP.REGEX) checkRegex(value!, [...at, 'value'], problems);
  return [{ source, op, invert, value: value ?? '', ranges: [] }];
}

function checkRegex(source: string, at: DocumentPath, problems: Problems): void {
  try {
    compileRegex(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace('error parsing regexp: ', '') : String(error);
    problems.error(at, `'${source}' is not a regular expression: ${reason}.`, 'Expected RE2 syntax.');
  }
}

function compileRanges(config: MatchConfig['clientAddress'], at: DocumentPath, problems: Problems): ConditionIr[] {
  if (config === undefined) return [];
  const ranges: AddressRange[] = [];
  for (const text of typeof config === 'string' ? [config] : config) {
    const range = parseRange(text);
    if (range !== undefined) ranges.push(range);
    else problems.error(at, `'${text}' is not an address range.`, 'Expected one such as 10.0.0.0/8 or 2001:db8::/32.');
  }
  return [{ source: undefined, op: OP.RANGES, invert: false, value: '', ranges }];
}

function compileServerName(name: string | undefined, at: DocumentPath, problems: Problems): ConditionIr[] {
  const host = name === undefined ? undefined : compileHost(name, at, problems);
  if (host === undefined) return [];
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

function compileCertificate(
  config: MatchConfig['clientCertificate'],
  at: DocumentPath,
  problems: Problems,
): ConditionIr[] {
  if (config === undefined) return [];
  const { subject, subjectAltName, fingerprint } = config;
  const compiled = (match: ValueMatchConfig | undefined, kind: number, key: string): ConditionIr[] =>
    match === undefined ? [] : compileCondition(match, { kind, name: '' }, [...at, key], problems);
  const conditions = [
    ...compiled(subject, SOURCE_KIND.CERTIFICATE_SUBJECT, 'subject'),
    ...compiled(subjectAltName, SOURCE_KIND.CERTIFICATE_NAMES, 'subjectAltName'),
    ...compileFixed(fingerprint?.replaceAll(':', '').toLowerCase(), SOURCE_KIND.CERTIFICATE_FINGERPRINT),
  ];
  if (conditions.length > 0) return conditions;
  return compiled({ type: 'Present' }, SOURCE_KIND.CERTIFICATE_FINGERPRINT, '');
}
