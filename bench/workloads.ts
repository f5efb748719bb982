// The workloads: what is asked, over how many connections, of which origin.
// Owns requests and expected answers. How they are sent is load/, who answers is origins.ts.

import type { HandshakeKind } from './load/handshake-client.js';
import type { KeyType } from './tls-offer.js';

/** `cheap` answers as fast as this machine can; `slow` waits 20 ms before each answer. */
export type OriginKind = 'cheap' | 'slow';

export interface Workload {
  readonly id: string;
  readonly title: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Headers besides Host, in sending order. */
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly bodyBytes: number;
  /** Connections; undefined takes what the command line says. */
  readonly connections?: number;
  readonly origin: OriginKind;
  /** Bytes of the expected response body. */
  readonly responseBytes: number;
  /** Whether each request opens a connection of its own. */
  readonly closes: boolean;
  /** Whether clients speak TLS; contestants of the other kind do not take part. */
  readonly tls: boolean;
  /** Requests under way at once on each connection, which speaks HTTP/2 then; undefined: HTTP/1, one after the other. */
  readonly streams?: number;
  /** What the handshake of each request's connection has to be; undefined: nobody looks. */
  readonly handshake?: HandshakeKind;
  /** The kind of certificate that has to be shown then; undefined leaves it to the server. */
  readonly key?: KeyType;
}

/** The body of every small answer: about what a JSON API says. */
export const SMALL_BODY =
  '{"id":"1042","state":"shipped","items":[{"sku":"cat-7","count":1}],"total":{"amount":"49.90","currency":"EUR"}}';

const BROWSER_HEADERS: ReadonlyArray<readonly [string, string]> = [
  ['Connection', 'keep-alive'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
  ['Accept-Language', 'en-GB,en;q=0.5'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Referer', 'http://shop.example.com/catalogue/animals?page=2'],
  ['Cookie', 'theme=light; consent=1; visit=5f1c0a9e7d3b48aa'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Site', 'same-origin'],
];

const CLOSING_HEADERS = BROWSER_HEADERS.map(
  ([name, value]) => [name, name === 'Connection' ? 'close' : value] as const,
);

const small = {
  method: 'GET',
  path: '/small',
  headers: BROWSER_HEADERS,
  bodyBytes: 0,
  origin: 'cheap',
  responseBytes: SMALL_BODY.length,
  closes: false,
  tls: false,
} as const;

const handshake = { ...small, headers: CLOSING_HEADERS, closes: true, tls: true } as const;

/** All workloads, the main one first. */
export const WORKLOADS: readonly Workload[] = [
  { ...small, id: 'browser', title: 'small GET with ten browser-like headers' },
  { ...small, id: 'bare', title: 'small GET, no header but Host', headers: [] },
  { ...small, id: '64k', title: 'GET of 64 KiB', path: '/64k', responseBytes: 65_536 },
  { ...small, id: '1m', title: 'GET of 1 MiB', path: '/1m', responseBytes: 1_048_576, connections: 16 },
  {
    ...small,
    id: 'post',
    title: 'POST of 4 KiB',
    method: 'POST',
    path: '/post',
    headers: [...BROWSER_HEADERS, ['Content-Type', 'application/octet-stream']],
    bodyBytes: 4096,
  },
  {
    ...small,
    id: 'connect',
    title: 'a connection per request',
    headers: CLOSING_HEADERS,
    closes: true,
  },
  { ...small, id: 'many', title: 'small GET over 1,000 connections', connections: 1000 },
  { ...small, id: 'https', title: 'small GET over TLS', tls: true },
  {
    ...small,
    id: 'https-1m',
    title: 'GET of 1 MiB over TLS',
    path: '/1m',
    responseBytes: 1_048_576,
    connections: 16,
    tls: true,
  },
  { ...small, id: 'h2', title: 'small GET over HTTP/2, 8 streams on each connection', tls: true, streams: 8 },
  {
    ...small,
    id: 'h2-1m',
    title: 'GET of 1 MiB over HTTP/2, 4 streams on each connection',
    path: '/1m',
    responseBytes: 1_048_576,
    connections: 16,
    tls: true,
    streams: 4,
  },
  { ...handshake, id: 'handshake', title: 'a full TLS handshake per request', handshake: 'full', key: 'ecdsa' },
  { ...handshake, id: 'resume', title: 'a resumed TLS handshake per request', handshake: 'resumed', key: 'ecdsa' },
  { ...handshake, id: 'handshake-rsa', title: 'a full TLS handshake per request, RSA', handshake: 'full', key: 'rsa' },
  {
    ...small,
    id: 'slow',
    title: 'small GET, origin answers after 20 ms',
    path: '/delay/20',
    origin: 'slow',
    connections: 256,
  },
];

/** One request of `workload`, byte for byte, as every load generator sends it. */
export function requestBytes(workload: Workload, host: string): Buffer {
  const lines = [`${workload.method} ${workload.path} HTTP/1.1`, `Host: ${host}`];
  for (const [name, value] of workload.headers) lines.push(`${name}: ${value}`);
  if (workload.bodyBytes > 0) lines.push(`Content-Length: ${workload.bodyBytes}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${'x'.repeat(workload.bodyBytes)}`, 'latin1');
}
