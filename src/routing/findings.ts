// What a match asks of a request, condition by condition, and what the request had in its place.
// Owns turning the table's and the request's bytes into text for people. Leaves choosing whom to explain to explain.ts.

import { addressText } from '../base/addresses.js';
import type { AddressRange } from '../base/ranges.js';
import { METHOD_NAMES } from '../http/methods.js';
import type { ConditionIr, EntryIr } from './compiled-match.js';
import { HOST_KIND, LEAF_KIND, OP, SOURCE_KIND } from './layout.js';
import type { Matcher } from './matcher.js';
import type { MatchRequest } from './request.js';

/** How a condition compares, in the words of the config; `Within` is an address in a range, `Equals` anything else. */
export type Comparison =
  | 'Exact'
  | 'PathPrefix'
  | 'Prefix'
  | 'Suffix'
  | 'Contains'
  | 'Present'
  | 'RegularExpression'
  | 'OneOf'
  | 'Within';

/** A part of a request that can be a condition. */
export type Part =
  | 'listener'
  | 'hostname'
  | 'path'
  | 'method'
  | 'header'
  | 'cookie'
  | 'queryParam'
  | 'clientAddress'
  | 'serverName'
  | 'scheme'
  | 'tlsVersion'
  | 'tlsCipher'
  | 'clientCertificate'
  | 'clientCertificateSubject'
  | 'clientCertificateSubjectAltName';

/** One condition, and what the request had in its place. */
export interface Finding {
  readonly part: Part;
  /** Of a header, cookie or query parameter. */
  readonly name: string | undefined;
  readonly comparison: Comparison;
  readonly expected: string;
  readonly invert: boolean;
  /** undefined when the request has no such thing. */
  readonly found: string | undefined;
  readonly holds: boolean;
}

/** The findings of one match of one rule under one host name. The matcher must have begun this request. */
export function findingsOf(
  ir: EntryIr,
  request: MatchRequest,
  matcher: Matcher,
  entry: {
    readonly hostHolds: boolean;
    readonly pathHolds: boolean;
    readonly pathRegex: number;
    readonly condition: number;
  },
): Finding[] {
  return [
    hostFinding(ir, request, entry.hostHolds),
    pathFinding(ir, request, matcher, entry.pathHolds, entry.pathRegex),
    ...methodFinding(ir, request),
    ...ir.match.conditions.map((condition, i) => conditionFinding(condition, entry.condition + i, request, matcher)),
  ];
}

/** A host name as the config writes it. */
export function hostnameOf({ host }: EntryIr): string {
  return host.kind === HOST_KIND.DEFAULT ? '*' : host.kind === HOST_KIND.WILDCARD ? `*${host.name}` : host.name;
}

function hostFinding(ir: EntryIr, request: MatchRequest, holds: boolean): Finding {
  return {
    part: 'hostname',
    name: undefined,
    comparison: 'Exact',
    expected: hostnameOf(ir),
    invert: false,
    found: request.hostNameBytes === 0 ? undefined : textOf(request, request.hostAt, request.hostNameBytes),
    holds,
  };
}

function pathFinding(
  { match }: EntryIr,
  request: MatchRequest,
  matcher: Matcher,
  reached: boolean,
  regex: number,
): Finding {
  const isRegex = match.pathKind === LEAF_KIND.REGEX;
  const comparison = isRegex ? 'RegularExpression' : match.pathKind === LEAF_KIND.EXACT ? 'Exact' : 'PathPrefix';
  const found = textOf(request, request.pathAt, request.pathBytes);
  // A leaf under a host the walk never came to was not looked at: its path is compared here, for the words only.
  const holds = isRegex
    ? matcher.conditions.pathMatches(regex, request)
    : reached || (comparison === 'Exact' ? found === match.path : hasPrefix(found, match.path));
  return { part: 'path', name: undefined, comparison, expected: match.path, invert: false, found, holds };
}

function hasPrefix(path: string, prefix: string): boolean {
  return prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
}

function methodFinding({ match }: EntryIr, request: MatchRequest): Finding[] {
  if (match.method === -1) return [];
  const expected = METHOD_NAMES[match.method] ?? '';
  const found = METHOD_NAMES[request.method] ?? '';
  const holds = match.method === request.method;
  return [{ part: 'method', name: undefined, comparison: 'Exact', expected, invert: false, found, holds }];
}

const COMPARISONS: Readonly<Record<number, Comparison>> = {
  [OP.EXACT]: 'Exact',
  [OP.PREFIX]: 'Prefix',
  [OP.SUFFIX]: 'Suffix',
  [OP.CONTAINS]: 'Contains',
  [OP.PRESENT]: 'Present',
  [OP.REGEX]: 'RegularExpression',
  [OP.RANGES]: 'Within',
  [OP.ONE_OF]: 'OneOf',
};

const PARTS: Readonly<Record<number, Part>> = {
  [SOURCE_KIND.HEADER]: 'header',
  [SOURCE_KIND.COOKIE]: 'cookie',
  [SOURCE_KIND.QUERY]: 'queryParam',
  [SOURCE_KIND.SERVER_NAME]: 'serverName',
  [SOURCE_KIND.SCHEME]: 'scheme',
  [SOURCE_KIND.TLS_VERSION]: 'tlsVersion',
  [SOURCE_KIND.TLS_CIPHER]: 'tlsCipher',
  [SOURCE_KIND.CERTIFICATE_SUBJECT]: 'clientCertificateSubject',
  [SOURCE_KIND.CERTIFICATE_NAMES]: 'clientCertificateSubjectAltName',
  [SOURCE_KIND.CERTIFICATE_FINGERPRINT]: 'clientCertificate',
  [SOURCE_KIND.LISTENER]: 'listener',
};

function conditionFinding(ir: ConditionIr, condition: number, request: MatchRequest, matcher: Matcher): Finding {
  const part = ir.source === undefined ? 'clientAddress' : PARTS[ir.source.kind]!;
  const isNamed = part === 'header' || part === 'cookie' || part === 'queryParam';
  return {
    part,
    name: isNamed ? ir.source?.name : undefined,
    comparison: COMPARISONS[ir.op]!,
    expected: ir.source === undefined ? ir.ranges.map(rangeText).join(', ') : ir.value.replaceAll('\n', ', '),
    invert: ir.invert,
    found: ir.source === undefined ? clientText(request) : valueText(condition, matcher),
    holds: matcher.conditions.holds(condition, request),
  };
}

function valueText(condition: number, matcher: Matcher): string | undefined {
  const { values } = matcher;
  if (!values.locate(matcher.conditions.sourceOf(condition))) return undefined;
  const text = Buffer.from(values.bytes.subarray(values.at, values.at + values.length)).toString('utf8');
  return text.replaceAll('\n', ', '); // a list; no other value has one
}

function clientText(request: MatchRequest): string | undefined {
  if (request.clientAddressBytes === 0) return undefined;
  const { clientAddress, clientAddressAt: at, clientAddressBytes } = request;
  return addressText(clientAddress.subarray(at, at + clientAddressBytes));
}

function rangeText({ address, bits }: AddressRange): string {
  return `${addressText(address)}/${bits}`;
}

/** Bytes of a request as text, for people. */
export function textOf(request: MatchRequest, at: number, length: number): string {
  return Buffer.from(request.bytes.subarray(at, at + length)).toString('utf8');
}
