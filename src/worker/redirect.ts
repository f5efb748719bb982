// A listener that only says where its requests are served by https.

import { STATUS_CODES } from 'node:http';
import { HTTPS_REDIRECT_STATUS, httpsLocation } from '../http/https-location.js';
import type { ReasonCode } from '../http/reasons.js';
import { reply } from './answer.js';
import type { ClientConnection } from './connections.js';
import type { Worker } from './worker.js';

const NOTHING = new Uint8Array(0);

/** Answers a request that was checked with its place by https at `port`. Returns why it cannot be, or null. */
export function redirectToHttps(w: Worker, client: ClientConnection, port: number): ReasonCode | null {
  const latin1 = (at: number, bytes: number): string => Buffer.from(w.memory.buffer, at, bytes).toString('latin1');
  // HTTP/1.0 may leave it out, and anyone may leave it empty: then nobody knows where to send the client.
  if (client.hostBytes === 0) return 'REDIRECT_HOST_MISSING';
  const host = latin1(client.hostAt, client.hostBytes);
  const to = httpsLocation(host, latin1(client.targetAt, client.targetBytes), port);
  const reason = STATUS_CODES[HTTPS_REDIRECT_STATUS] ?? '';
  reply(w, client, HTTPS_REDIRECT_STATUS, reason, `Location: ${to}\r\n`, NOTHING, false);
  return null;
}
