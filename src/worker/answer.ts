// Answers of our own: one line that says what happened, the request id, and the reason code for machines.

import { STATUS_CODES } from 'node:http';
import { FIELD_ID } from '../http/fields.js';
import { BODY } from '../http/framing.js';
import { FIELD } from '../http/head.js';
import { METHOD } from '../http/methods.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import { closeClient } from './client.js';
import { CLIENT, type ClientConnection, NOWHERE } from './connections.js';
import { exchangeDone, linger } from './finish.js';
import { blame } from './retry.js';
import { closeBackend } from './reuse.js';
import type { Worker } from './worker.js';

/** Seconds after which a client that found no room may try again. */
const RETRY_AFTER_SECONDS = 1;

/** The client would rather have JSON: it names it, and does not name a web page. */
function wantsJson(w: Worker, client: ClientConnection): boolean {
  const head = client.parser?.head;
  if (head === undefined || client.headAt === NOWHERE) return false;
  for (let field = 0, end = head.fieldCount * FIELD.WORDS; field < end; field += FIELD.WORDS) {
    if (head.fields[field + FIELD.id] !== FIELD_ID.ACCEPT) continue;
    const at = head.base + head.fields[field + FIELD.valueAt]!;
    const accept = Buffer.from(w.memory.buffer, at, head.fields[field + FIELD.valueBytes]!).toString('latin1');
    return /\bapplication\/(?:[\w.-]+\+)?json\b/i.test(accept) && !/\btext\/html\b/i.test(accept);
  }
  return false;
}

/** The whole answer as text. */
function compose(w: Worker, client: ClientConnection, code: ReasonCode, closes: boolean): string {
  const reason = REASONS[code];
  const id = w.ids.text(client.requestNumber);
  const json = wantsJson(w, client);
  const body = json
    ? `${JSON.stringify({ status: reason.status, reason: code, message: reason.says, requestId: id })}\n`
    : `${reason.status} ${STATUS_CODES[reason.status] ?? ''}: ${reason.says} (${code}, request ${id})\n`;
  const lines = [
    `HTTP/1.1 ${reason.status} ${STATUS_CODES[reason.status] ?? 'Error'}`,
    `Date: ${new Date().toUTCString()}`,
    `Content-Type: ${json ? 'application/json' : 'text/plain; charset=utf-8'}`,
    `Content-Length: ${body.length}`,
    `X-Request-Id: ${id}`,
  ];
  if (reason.status === 503) lines.push(`Retry-After: ${RETRY_AFTER_SECONDS}`);
  if (reason.status === 426) lines.push('Upgrade: HTTP/1.1');
  if (closes) lines.push(reason.status === 426 ? 'Connection: close, Upgrade' : 'Connection: close');
  else if (client.minor === 0) lines.push('Connection: keep-alive');
  return `${lines.join('\r\n')}\r\n\r\n${client.method === METHOD.HEAD ? '' : body}`;
}

/** Statuses after which the connection cannot be trusted to be in step. */
function mustClose(code: ReasonCode): boolean {
  const { status } = REASONS[code];
  return (
    status === 400 ||
    status === 408 ||
    status === 413 ||
    status === 431 ||
    status === 414 ||
    status === 501 ||
    status === 505
  );
}

/** A counted body that is all here already can be passed over; the connection stays usable. */
function skipBody(w: Worker, client: ClientConnection): void {
  const { request } = client;
  if (request.done || request.kind !== BODY.counted || client.pendingAt === NOWHERE) return;
  if (client.pendingBytes < request.left) return;
  client.pendingAt += request.left;
  client.pendingBytes -= request.left;
  request.left = 0;
  request.done = true;
  if (client.pendingBytes > 0) return;
  w.engine.release(client.pendingAt - 1);
  client.pendingAt = NOWHERE;
}

/**
 * Ends the exchange with a reason: answers when no answer has begun, else cuts the connection so that a half answer is
 * not taken for a whole one. The backend connection, if there is one, is closed.
 */
export function fail(w: Worker, client: ClientConnection, code: ReasonCode): void {
  w.count(code);
  blame(client, code);
  if (client.backend !== null) closeBackend(w, client.backend);
  if (client.responseStarted || code === 'CLIENT_LEFT') {
    closeClient(w, client, true);
    return;
  }
  const early = client.state === CLIENT.IDLE || client.state === CLIENT.HEAD;
  if (early) client.requestNumber = w.ids.next();
  if (!mustClose(code)) skipBody(w, client);
  const closes = early || mustClose(code) || !client.request.done || !client.keepAlive || w.draining;
  if (early) client.method = client.parser?.head.method ?? 0;
  const text = compose(w, client, code, closes);
  const at = w.scratch(text.length);
  if (at < 0) {
    closeClient(w, client, true);
    return;
  }
  w.writer.text(text);
  w.scratchKeep();
  w.engine.send(client.conn, at, text.length);
  client.response.done = true;
  if (closes) linger(w, client);
  else exchangeDone(w, client);
}
