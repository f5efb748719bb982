// The matching language once more, slow and obvious: strings, native regular expressions, every rule tried in turn.
// Shares no code with src/routing. Exists to be compared with the compiled matcher, never to route.

import type { MatchConfig, RouteConfig, StringMatchConfig } from '../../../src/routing/input.js';

/** A request in plain strings. The path is in normal form already; the query is as sent. */
export interface ReferenceRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Four numbers, or none for a client without an address. */
  readonly clientAddress: readonly number[] | undefined;
  /** The name of the listener it came to; empty for none. */
  readonly listener: string;
  /** Undefined for a request without TLS. */
  readonly tls: ReferenceTls | undefined;
}

export interface ReferenceTls {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  readonly cipher: string;
  readonly serverName: string;
  readonly certificate:
    | { readonly subject: string; readonly names: readonly string[]; readonly fingerprint: string }
    | undefined;
}

interface Candidate {
  readonly rule: number;
  readonly order: readonly number[];
}

/** Index of the winning rule in the order of the file, or -1: of all rules that match, the one of highest precedence. */
export function referenceMatch(routes: readonly RouteConfig[], request: ReferenceRequest): number {
  const candidates: Candidate[] = [];
  let rule = 0;
  for (const route of routes) {
    const isBound = route.listeners === undefined || route.listeners.some((name) => name === request.listener);
    const hostnames = route.hostnames?.length ? route.hostnames : ['*'];
    for (const { matches, priority = 0 } of route.rules) {
      const list = matches?.length ? matches : [{}];
      list.forEach((match, matchIndex) => {
        for (const hostname of hostnames) {
          if (!isBound || !hostHolds(hostname, request.host) || !matchHolds(match, request)) continue;
          candidates.push({
            rule,
            order: [priority, ...hostOrder(hostname), ...matchOrder(match), -rule, -matchIndex],
          });
        }
      });
      rule++;
    }
  }
  candidates.sort((a, b) => compareOrders(b.order, a.order));
  return candidates[0]?.rule ?? -1;
}

function compareOrders(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((step, i) => step !== b[i]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}

function hostOrder(hostname: string): number[] {
  if (hostname === '*') return [0, 0];
  return hostname.startsWith('*.') ? [1, hostname.length] : [2, hostname.length];
}

function matchOrder(match: MatchConfig): number[] {
  const { type = 'PathPrefix', value = '/' } = match.path ?? {};
  const path = value.replace(/\/$/, '');
  const pathOrder =
    type === 'Exact'
      ? [3, value.length]
      : type === 'RegularExpression'
        ? [1, 0]
        : path === ''
          ? [0, 0]
          : [2, path.length];
  return [
    ...pathOrder,
    match.method === undefined ? 0 : 1,
    (match.headers?.length ?? 0) + (match.cookies?.length ?? 0),
    match.queryParams?.length ?? 0,
    [match.clientAddress, match.serverName, match.scheme, match.tlsVersion, match.tlsCipher].filter(
      (condition) => condition !== undefined,
    ).length + certificateCount(match.clientCertificate),
  ];
}

function hostHolds(hostname: string, sent: string): boolean {
  const host = sent.toLowerCase().replace(/\.$/, '');
  if (hostname === '*') return true;
  if (host.length > 253) return false;
  const wanted = hostname.toLowerCase();
  if (!wanted.startsWith('*.')) return host === wanted;
  return host.endsWith(wanted.slice(1)) && host.length > wanted.length - 1;
}

function matchHolds(match: MatchConfig, request: ReferenceRequest): boolean {
  return (
    pathHolds(match, request.path) &&
    (match.method === undefined || match.method === request.method) &&
    (match.headers ?? []).every((condition) => stringHolds(condition, headerValue(condition.name, request))) &&
    (match.cookies ?? []).every((condition) => stringHolds(condition, cookieValue(condition.name, request))) &&
    (match.queryParams ?? []).every((condition) => stringHolds(condition, queryValue(condition.name, request.query))) &&
    (match.clientAddress === undefined || addressHolds([match.clientAddress].flat(), request.clientAddress)) &&
    (match.serverName === undefined || serverNameHolds(match.serverName, request.tls?.serverName ?? '')) &&
    (match.scheme === undefined || (match.scheme === 'https') === (request.tls !== undefined)) &&
    (match.tlsVersion === undefined || match.tlsVersion === request.tls?.version) &&
    (match.tlsCipher === undefined || match.tlsCipher === request.tls?.cipher) &&
    (match.clientCertificate === undefined || certificateHolds(match.clientCertificate, request.tls?.certificate))
  );
}

function serverNameHolds(wanted: string, asked: string): boolean {
  return asked !== '' && hostHolds(wanted, asked);
}

type CertificateMatch = NonNullable<MatchConfig['clientCertificate']>;

function certificateCount(match: MatchConfig['clientCertificate']): number {
  return match === undefined ? 0 : Math.max(1, Object.values(match).filter((part) => part !== undefined).length);
}

function certificateHolds(
  { subject, subjectAltName, fingerprint }: CertificateMatch,
  shown: ReferenceTls['certificate'],
): boolean {
  if (subject === undefined && subjectAltName === undefined && fingerprint === undefined) return shown !== undefined;
  const { invert = false, ...plain } = subjectAltName ?? {};
  return (
    (subject === undefined || stringHolds({ name: '', ...subject }, shown?.subject)) &&
    (fingerprint === undefined || fingerprint.toLowerCase().split(':').join('') === shown?.fingerprint) &&
    (subjectAltName === undefined ||
      (shown?.names ?? []).some((name) => stringHolds({ name: '', ...plain }, name)) !== invert)
  );
}

function pathHolds(match: MatchConfig, path: string): boolean {
  const { type = 'PathPrefix', value = '/' } = match.path ?? {};
  if (type === 'Exact') return path === value;
  if (type === 'RegularExpression') return new RegExp(`^(?:${value})$`).test(path);
  const prefix = value.replace(/\/$/, '');
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`);
}

function stringHolds(condition: StringMatchConfig, found: string | undefined): boolean {
  const wanted = condition.value ?? '';
  const holds = {
    Exact: () => found === wanted,
    Prefix: () => found!.startsWith(wanted),
    Suffix: () => found!.endsWith(wanted),
    Contains: () => found!.includes(wanted),
    Present: () => true,
    RegularExpression: () => new RegExp(`^(?:${wanted})$`).test(found!),
  }[condition.type ?? 'Exact'];
  return (found !== undefined && holds()) !== (condition.invert ?? false);
}

function headerValue(name: string, request: ReferenceRequest): string | undefined {
  const values = request.headers
    .filter(([found]) => found.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}

function cookieValue(name: string, request: ReferenceRequest): string | undefined {
  const pairs = request.headers
    .filter(([found]) => found.toLowerCase() === 'cookie')
    .flatMap(([, value]) => value.split(';'))
    .filter((pair) => pair.includes('='))
    .map((pair) => [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1).trim()]);
  return pairs.find(([found]) => found === name)?.[1];
}

function queryValue(name: string, query: string): string | undefined {
  for (const [found, value] of new URLSearchParams(query)) if (found === name) return value;
  return undefined;
}

function addressHolds(ranges: readonly string[], address: readonly number[] | undefined): boolean {
  if (address === undefined) return false;
  return ranges.some((range) => {
    const [base = '', length = '32'] = range.split('/');
    const bits = (parts: readonly number[]) => parts.map((part) => part.toString(2).padStart(8, '0')).join('');
    return bits(base.split('.').map(Number)).slice(0, Number(length)) === bits(address).slice(0, Number(length));
  });
}
