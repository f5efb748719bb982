// Turns the matches of a config into drafts: checked, in normal form, and comparable by precedence.
// Owns what is a valid match, and the order of precedence. Leaves the table's words to emit.ts.

import { domainToASCII } from 'node:url';
import { compileRegex } from './conditions.js';
import type { DocumentPath, MatchConfig, StringMatchConfig } from './input.js';
import { FACT_KIND, HOST_BYTES_MAX, HOST_KIND, LEAF_KIND, OP } from './layout.js';
import { METHOD_NAMES, methodNumber } from './methods.js';
import { normalPathOf } from './path.js';
import { didYouMean, type Problems } from './problems.js';
import { type AddressRange, parseRange } from './ranges.js';

/** A host name in the form of the table: in lower case, a wildcard from its dot on, the default as ''. */
export interface HostDraft {
  readonly kind: number;
  readonly name: string;
}

/** One condition. `fact` is undefined for the client's address, whose ranges stand in `ranges`. */
export interface ConditionDraft {
  readonly fact: { readonly kind: number; readonly name: string } | undefined;
  readonly op: number;
  readonly invert: boolean;
  readonly value: string;
  readonly ranges: readonly AddressRange[];
}

/** One match of one rule. `path` is without a closing slash for prefixes, and the source for expressions. */
export interface MatchDraft {
  readonly rule: number;
  readonly match: number;
  readonly at: DocumentPath;
  readonly pathKind: number;
  readonly path: string;
  readonly method: number;
  readonly conditions: readonly ConditionDraft[];
  /** Conditions on headers and cookies, on query parameters, and on the client: three steps of precedence. */
  readonly headerCount: number;
  readonly queryCount: number;
  readonly clientCount: number;
}

/** A match under one of its route's host names. */
export interface EntryDraft {
  readonly host: HostDraft;
  readonly match: MatchDraft;
}

const OPS: Readonly<Record<string, number>> = {
  Exact: OP.EXACT,
  Prefix: OP.PREFIX,
  Suffix: OP.SUFFIX,
  Contains: OP.CONTAINS,
  Present: OP.PRESENT,
  RegularExpression: OP.REGEX,
};
const PATH_TYPES = ['Exact', 'PathPrefix', 'RegularExpression'];
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Negative when `a` takes precedence over `b`. A total order: host name, path, method, headers, query, client, file.
 * Host names and paths that tie in rank never match the same request unless they are equal, so sorting them by text
 * only brings equal ones together.
 */
export function comparePrecedence(a: EntryDraft, b: EntryDraft): number {
  return (
    b.host.kind - a.host.kind ||
    b.host.name.length - a.host.name.length ||
    compareText(a.host.name, b.host.name) ||
    comparePaths(a.match, b.match) ||
    compareWithinPath(a.match, b.match)
  );
}

function comparePaths(a: MatchDraft, b: MatchDraft): number {
  if (a.pathKind !== b.pathKind) return b.pathKind - a.pathKind;
  if (a.pathKind === LEAF_KIND.REGEX) return 0;
  return b.path.length - a.path.length || compareText(a.path, b.path);
}

function compareWithinPath(a: MatchDraft, b: MatchDraft): number {
  return (
    Number(a.method === -1) - Number(b.method === -1) ||
    b.headerCount - a.headerCount ||
    b.queryCount - a.queryCount ||
    b.clientCount - a.clientCount ||
    a.rule - b.rule ||
    a.match - b.match
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Checks one host name of a route; undefined when a problem was reported. */
export function draftHost(hostname: string, at: DocumentPath, problems: Problems): HostDraft | undefined {
  if (hostname === '*') return { kind: HOST_KIND.DEFAULT, name: '' };
  const wildcard = hostname.startsWith('*.');
  let name = (wildcard ? hostname.slice(2) : hostname).replace(/\.$/, '');
  const spelled = JSON.stringify(hostname);
  const ascii = [...name].every((char) => char.charCodeAt(0) < 0x80);
  if (!ascii) {
    problems.error(at, `${spelled} is not in ASCII. Requests carry the ASCII form: write ${domainToASCII(name)}.`);
    return undefined;
  }
  name = name.toLowerCase();
  if (!wildcard && /^\[[0-9a-f:.]+\]$/.test(name)) return { kind: HOST_KIND.EXACT, name };
  if (/:\d+$/.test(name)) {
    problems.error(at, `${spelled} names a port. Host names match on any port: leave the port out.`);
    return undefined;
  }
  if (name.includes('*')) {
    problems.error(at, `${spelled} has a * inside. Only the first label can be one, as in *.example.com.`);
    return undefined;
  }
  if (name.length > HOST_BYTES_MAX || !name.split('.').every((label) => LABEL.test(label))) {
    problems.error(at, `${spelled} is not a host name. Expected a name such as shop.example.com or *.example.com.`);
    return undefined;
  }
  return wildcard ? { kind: HOST_KIND.WILDCARD, name: `.${name}` } : { kind: HOST_KIND.EXACT, name };
}

/** Checks one match; problems are reported, and what is wrong is left out of the draft. */
export function draftMatch(
  config: MatchConfig,
  rule: number,
  match: number,
  at: DocumentPath,
  problems: Problems,
): MatchDraft {
  const conditions: ConditionDraft[] = [];
  const strings = (list: readonly StringMatchConfig[] | undefined, key: string, kind: number): void => {
    list?.forEach((item, i) => {
      const draft = draftCondition(item, kind, [...at, key, i], problems);
      if (draft !== undefined) conditions.push(draft);
    });
  };
  strings(config.headers, 'headers', FACT_KIND.HEADER);
  strings(config.cookies, 'cookies', FACT_KIND.COOKIE);
  strings(config.queryParams, 'queryParams', FACT_KIND.QUERY);
  const headerCount = (config.headers?.length ?? 0) + (config.cookies?.length ?? 0);
  const queryCount = config.queryParams?.length ?? 0;
  const named = conditions.length;
  if (config.clientAddress !== undefined) {
    const ranges = draftRanges(config.clientAddress, [...at, 'clientAddress'], problems);
    conditions.push({ fact: undefined, op: OP.RANGES, invert: false, value: '', ranges });
  }
  if (config.serverName !== undefined) {
    const host = draftHost(config.serverName, [...at, 'serverName'], problems);
    if (host !== undefined) {
      const op = host.kind === HOST_KIND.WILDCARD ? OP.SUFFIX : host.kind === HOST_KIND.EXACT ? OP.EXACT : OP.PRESENT;
      const fact = { kind: FACT_KIND.SERVER_NAME, name: '' };
      conditions.push({ fact, op, invert: false, value: host.name, ranges: [] });
    }
  }
  return {
    rule,
    match,
    at,
    ...draftPath(config, at, problems),
    method: draftMethod(config.method, [...at, 'method'], problems),
    conditions,
    headerCount,
    queryCount,
    clientCount: conditions.length - named,
  };
}

function draftMethod(method: string | undefined, at: DocumentPath, problems: Problems): number {
  if (method === undefined) return -1;
  const number = methodNumber(method);
  if (number === -1) {
    const hint = didYouMean(method, METHOD_NAMES);
    problems.error(
      at,
      `${JSON.stringify(method)} is not a method that can be received. Methods are in capitals.${hint}`,
    );
  }
  return number;
}

function draftPath(config: MatchConfig, at: DocumentPath, problems: Problems): { pathKind: number; path: string } {
  const root = { pathKind: LEAF_KIND.ROOT, path: '/' };
  if (config.path === undefined) return root;
  const type = config.path.type ?? 'PathPrefix';
  const value = config.path.value ?? '/';
  const valueAt = [...at, 'path', 'value'];
  if (!PATH_TYPES.includes(type)) {
    const hint = didYouMean(type, PATH_TYPES);
    problems.error([...at, 'path', 'type'], `'${type}' is not a path type. Expected ${PATH_TYPES.join(', ')}.${hint}`);
    return root;
  }
  if (type === 'RegularExpression') {
    checkRegex(value, valueAt, problems);
    return { pathKind: LEAF_KIND.REGEX, path: value };
  }
  const spelled = JSON.stringify(value);
  if (/[?#]/.test(value)) {
    problems.error(valueAt, `${spelled} holds a ? or #, which is never part of a path. Use queryParams for the query.`);
    return root;
  }
  const normal = value.startsWith('/') ? normalPathOf(value) : undefined;
  if (normal === undefined) {
    problems.error(valueAt, `${spelled} is not a path that a request can have. Expected one such as /api, from / on.`);
    return root;
  }
  if (type === 'Exact') {
    if (normal !== value) warnRespelled(value, normal, valueAt, problems);
    return { pathKind: LEAF_KIND.EXACT, path: normal };
  }
  const path = normal.endsWith('/') ? normal.slice(0, -1) : normal;
  if (path !== value && `${path}/` !== value) warnRespelled(value, normal, valueAt, problems);
  return path === '' ? root : { pathKind: LEAF_KIND.PREFIX, path };
}

function warnRespelled(value: string, normal: string, at: DocumentPath, problems: Problems): void {
  if (decodeURI(normal) === value) return; // only percent-encoded, as every client sends it
  problems.warn(
    at,
    `${JSON.stringify(value)} is matched as ${JSON.stringify(normal)}, the form requests are brought into.`,
  );
}

function draftCondition(
  config: StringMatchConfig,
  kind: number,
  at: DocumentPath,
  problems: Problems,
): ConditionDraft | undefined {
  const type = config.type ?? 'Exact';
  const op = OPS[type];
  if (op === undefined) {
    const names = Object.keys(OPS);
    problems.error(
      [...at, 'type'],
      `'${type}' is not a way to compare. Expected ${names.join(', ')}.${didYouMean(type, names)}`,
    );
    return undefined;
  }
  const isToken = TOKEN.test(config.name);
  if (config.name === '' || (kind !== FACT_KIND.QUERY && !isToken)) {
    const what = kind === FACT_KIND.HEADER ? 'header' : kind === FACT_KIND.COOKIE ? 'cookie' : 'query parameter';
    problems.error([...at, 'name'], `${JSON.stringify(config.name)} cannot be the name of a ${what}.`);
    return undefined;
  }
  if (op === OP.PRESENT ? config.value !== undefined : config.value === undefined) {
    if (op === OP.PRESENT) problems.error([...at, 'value'], 'A Present condition looks at no value. Leave value out.');
    else problems.error(at, `A ${type} condition needs a value. Add one, or use type: Present.`);
    return undefined;
  }
  const value = config.value ?? '';
  if (op === OP.REGEX && !checkRegex(value, [...at, 'value'], problems)) return undefined;
  const name = kind === FACT_KIND.HEADER ? config.name.toLowerCase() : config.name;
  return { fact: { kind, name }, op, invert: config.invert ?? false, value, ranges: [] };
}

function checkRegex(source: string, at: DocumentPath, problems: Problems): boolean {
  try {
    compileRegex(source);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
    problems.error(
      at,
      `Not a regular expression in RE2 syntax: ${reason}. There are no backreferences and no lookaround.`,
    );
    return false;
  }
}

function draftRanges(config: string | readonly string[], at: DocumentPath, problems: Problems): AddressRange[] {
  const texts = typeof config === 'string' ? [config] : config;
  const ranges: AddressRange[] = [];
  texts.forEach((text, i) => {
    const range = parseRange(text);
    if (range !== undefined) ranges.push(range);
    else {
      const where = typeof config === 'string' ? at : [...at, i];
      problems.error(where, `${JSON.stringify(text)} is not an address range. Expected one such as 10.0.0.0/8 or ::1.`);
    }
  });
  return ranges;
}
