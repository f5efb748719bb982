// A listener that only says where its requests are served by https.

import { STATUS_CODES } from 'node:http';
import type { ReasonCode } from '../http/reasons.js';
import { reply } from './answer.js';
import type { ClientConnection } from './connections.js';
import type { Worker } from './worker.js';

/** Keeps the method and the body, unlike 301 (RFC 9110, 15.4.9). */
const STATUS = 308;
const HTTPS_PORT = 443;
const NOTHING = new Uint8Array(0);

/** Answers a request that was checked with its place by https at `port`. Returns why it cannot be, or null. */
export function redirectToHttps(w: Worker, client: ClientConnection, port: number): ReasonCode | null {
  const latin1 = (at: number, bytes: number): string => Buffer.from(w.memory.buffer, at, bytes).toString('latin1');
  // HTTP/1.0 may leave it out, and anyone may leave it empty: then nobody knows where to send the client.
  if (client.hostBytes === 0) return 'REDIRECT_HOST_MISSING';
  const host = latin1(client.hostAt, client.hostBytes).replace(/:\d*$/, '');
  const target = latin1(client.targetAt, client.targetBytes);
  const path = target.startsWith('/') ? target : target === '*' ? '/' : `/${target}`;
  const to = `https://${host}${port === HTTPS_PORT ? '' : `:${port}`}${path}`;
  reply(w, client, STATUS, STATUS_CODES[STATUS] ?? '', `Location: ${to}\r\n`, NOTHING, false);
  return null;
}
