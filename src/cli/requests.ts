// Recorded requests: access logs, JSON lines, or one request per line.
// Owns telling the formats apart, line by line. Leaves asking where the requests go to diff.ts.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { TLS_VERSIONS } from '../base/tls-versions.js';
import type { RouteRequest } from '../explain/router.js';

/** Reads a file of recorded requests, one line at a time; null for a line that is none. Empty lines and `#` are left out. */
export async function* readRequests(file: string, host: string | undefined): AsyncGenerator<RouteRequest | null> {
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const text = line.trim();
    if (text !== '' && !text.startsWith('#')) yield readRequest(text, host);
  }
}

/**
 * One line as a request, whichever of these it is; null when it is none. `host` stands in where the line tells none.
 *
 * - `GET http://shop.example.com/images`, `GET /images`, `/images`
 * - common and combined log format, also with the virtual host in front
 * - JSON with `method` and `url`, `uri` or `path`; or `request` as in a log; and `host`, `headers`, `client`; and what
 *   TLS told: `serverName`, `tlsVersion`, `tlsCipher`, `clientCertificateSubject`, `clientCertificateFingerprint`
 */
export function readRequest(line: string, host?: string): RouteRequest | null {
  if (line.startsWith('{')) return fromJson(line, host);
  const log = LOG.exec(line);
  if (log) {
    const [, site, client, request, referer, agent] = log;
    const headers = { ...given('Referer', referer), ...given('User-Agent', agent) };
    return fromRequestLine(request!, { headers, host: site ?? host, client });
  }
  return fromRequestLine(line, { headers: {}, host, client: undefined });
}

/** [site:port ]client ident user [time] "request"[ status bytes[ "referer" "agent"]] */
const LOG =
  /^(?:([\w.-]+):\d+ )?([\da-fA-F.:]+) \S+ .*?\[[^\]]*\] "([^"]*)"(?: [\d-]+ [\d-]+(?: "([^"]*)" "([^"]*)")?)?/;

function given(name: string, value: string | undefined): Record<string, string> {
  return value === undefined || value === '' || value === '-' ? {} : { [name]: value };
}

interface Around {
  readonly headers: Readonly<Record<string, string>>;
  readonly host: string | undefined;
  readonly client: string | undefined;
}

function fromRequestLine(line: string, { headers, host, client }: Around): RouteRequest | null {
  const match = /^(?:([A-Z-]+) )?(\/\S*|https?:\/\/\S+)(?: HTTP\/[\d.]+)?$/.exec(line);
  if (!match) return null;
  const [, method, url] = match;
  return {
    url: url!,
    ...(method === undefined ? {} : { method }),
    headers: hasHost(headers) || host === undefined ? headers : { ...headers, Host: host },
    ...(client === undefined ? {} : { clientAddress: client }),
  };
}

/** True when the request says whom it is for. */
export function namesHost({ url, headers = {} }: RouteRequest): boolean {
  return !url.startsWith('/') || hasHost(headers);
}

function hasHost(headers: NonNullable<RouteRequest['headers']>): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'host');
}

function fromJson(line: string, host: string | undefined): RouteRequest | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const entries = new Map(
    Object.entries(value).map(([key, member]) => [key.toLowerCase().replaceAll(/[-_]/g, ''), member]),
  );
  const text = (...names: string[]): string | undefined => {
    const found = names.map((name) => entries.get(name)).find((member) => typeof member === 'string' && member !== '');
    return typeof found === 'string' ? found : undefined;
  };
  const url = text('url', 'uri', 'requesturi', 'path', 'target');
  const method = text('method', 'requestmethod', 'verb');
  const request = url === undefined ? text('request') : [method, url].filter(Boolean).join(' ');
  const read = fromRequestLine(request ?? '', {
    headers: headersOf(entries.get('headers') ?? entries.get('requestheaders')),
    host: text('host', 'httphost', 'vhost', 'authority') ?? host,
    client: text('client', 'clientaddress', 'clientip', 'remoteaddr', 'remoteip'),
  });
  return read === null ? null : { ...read, ...tlsFrom(text) };
}

function tlsFrom(text: (...names: string[]) => string | undefined): Partial<RouteRequest> {
  const serverName = text('servername', 'tlsservername', 'sslservername', 'sni');
  const tlsVersion = TLS_VERSIONS.find((version) => version === text('tlsversion', 'sslprotocol'));
  const tlsCipher = text('tlscipher');
  const subject = text('clientcertificatesubject', 'sslclientsdn');
  const fingerprint = text('clientcertificatefingerprint');
  return {
    ...(serverName === undefined ? {} : { serverName }),
    ...(tlsVersion === undefined ? {} : { tlsVersion }),
    ...(tlsCipher === undefined ? {} : { tlsCipher }),
    ...(subject === undefined && fingerprint === undefined ? {} : { clientCertificate: { subject, fingerprint } }),
  };
}

function headersOf(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      const text = Array.isArray(member) ? member.join(', ') : member;
      return typeof text === 'string' ? [[name, text]] : [];
    }),
  );
}
