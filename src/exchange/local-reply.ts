// Answers of our own: one line that says what happened, the request id, and the reason code for machines; or an error page.

import { STATUS_CODES } from 'node:http';
import { CLIENT } from '../codec/connections.js';
import { exchangeDone, linger } from '../codec/h1/finish.js';
import { closeBackend } from '../codec/h1/reuse.js';
import { closeClient } from '../codec/h1/server.js';
import { CHUNK_BYTES } from '../engine/layout.js';
import { prefersJson } from '../http/accept-field.js';
import { httpDate } from '../http/date.js';
import { FIELD_ID } from '../http/fields.js';
import { BODY } from '../http/framing.js';
import { FIELD } from '../http/head.js';
import { FORWARDED_METHODS, METHOD } from '../http/methods.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import type { Context } from './context.js';
import type { ErrorPage } from './error-pages.js';
import { type Exchange, NO_ADDRESS } from './exchange.js';
import { requestId } from './header-variables.js';
import { mirrorsDrop } from './mirror.js';
import { blame, fallsBack } from './retry.js';

/**
 * Seconds after which a client that got a 503 may try again. Nobody knows when a place is freed or a server comes back,
 * and the sooner it may be, the less a longer wait would be true.
 */
const RETRY_AFTER_SECONDS = 1;

/** The request's Accept field, of several all; empty when the head is not in hand. */
function acceptOf(w: Context, x: Exchange): string {
  const { head } = x;
  if (head === null) return '';
  let accept = '';
  for (let field = head.next(FIELD_ID.ACCEPT); field >= 0; field = head.next(FIELD_ID.ACCEPT, field + FIELD.WORDS)) {
    const at = head.valueAt(field);
    accept += `${Buffer.from(w.memory.buffer, at, head.valueBytes(field)).toString('latin1')},`;
  }
  return accept;
}

/** The error page for the answer, if the rule has one, or all requests. */
function pageFor(w: Context, x: Exchange, status: number, accept: string): ErrorPage | null {
  return x.rule?.errorPages?.find(status, accept) ?? w.errorPages.find(status, accept);
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

/**
 * A counted body whose rest is all here already can be passed over; the connection stays usable. While the request is not
 * done the pending bytes begin with what is left of its body, whatever was kept of it for another try.
 */
function skipBody(w: Context, x: Exchange): void {
  const { request } = x;
  if (request.done || request.kind !== BODY.counted || x.client.pendingAt === NO_ADDRESS) return;
  if (x.client.pendingBytes < request.left) return;
  x.client.pendingAt += request.left;
  x.client.pendingBytes -= request.left;
  request.left = 0;
  request.done = true;
  if (x.client.pendingBytes > 0) return;
  w.engine.release(x.client.pendingAt - 1);
  x.client.pendingAt = NO_ADDRESS;
}

/** Writes bytes to the client by way of scratch memory, chunk by chunk. False: the slab is full. */
function send(w: Context, x: Exchange, bytes: Uint8Array): boolean {
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    const part = bytes.subarray(from, from + CHUNK_BYTES);
    const at = w.scratch(part.length);
    if (at < 0) return false;
    w.memory.set(part, at);
    w.writer.at = at + part.length;
    w.scratchKeep();
    w.engine.send(x.client.conn, at, part.length);
  }
  return true;
}

/**
 * Ends the exchange with an answer of our own. `fields` are whole lines; length, date, id and connection are added here, and
 * the filters of the rule change all but length and connection. `bodiless`: the status allows no
 * body, so no length is named.
 */
export function reply(
  w: Context,
  x: Exchange,
  status: number,
  phrase: string,
  fields: string,
  body: Uint8Array,
  bodiless: boolean,
  mustClose = false,
): void {
  if (!mustClose) skipBody(w, x);
  const closes = mustClose || !x.request.done || !x.client.keepAlive || w.draining;
  const connection = closes ? 'Connection: close\r\n' : x.minor === 0 ? 'Connection: keep-alive\r\n' : '';
  const lines = edited(w, x, `Date: ${httpDate()}\r\nX-Request-Id: ${requestId(w, x)}\r\n${fields}`);
  const length = bodiless ? '' : `Content-Length: ${body.length}\r\n`;
  const head = `HTTP/1.1 ${status} ${phrase}\r\n${length}${lines}${strictTransport(w, x)}${connection}\r\n`;
  const sendsBody = !bodiless && x.method !== METHOD.HEAD;
  const bytes = Buffer.concat([Buffer.from(head, 'latin1'), sendsBody ? body : NOTHING]);
  if (!send(w, x, bytes)) {
    closeClient(w, x.client, true);
    return;
  }
  x.status = status;
  x.response.done = true;
  if (closes) linger(w, x.client);
  else exchangeDone(w, x);
}

/** The lines of an answer after the filters of the rule, or those of the listener when no rule was found. */
function edited(w: Context, x: Exchange, lines: string): string {
  const { rule } = x;
  const phases = rule === null ? x.client.listener.http.phases : rule.phases;
  if (rule === null && phases.responseHead.length > 0) for (const routed of phases.routed) routed(x);
  const edit = phases.editResponse(x, w.headEdit);
  return edit === null ? lines : `${edit.without(lines)}${edit.lines}`;
}

/** The Strict-Transport-Security line of the client's listener, if it has one. */
function strictTransport(w: Context, x: Exchange): string {
  return w.strictTransportOf(x.client);
}

const NOTHING = Buffer.alloc(0);

/**
 * Ends the exchange with a reason: answers when no answer has begun, else cuts the connection so that a half answer is
 * not taken for a whole one. The backend connection, if there is one, is closed. Where the rule's fallback pool can answer,
 * the exchange goes on there instead.
 */
export function fail(w: Context, x: Exchange, code: ReasonCode): void {
  if (x.rule?.fallback && fallsBack(w, x, code)) return;
  const reason = REASONS[code];
  x.reason = code;
  blame(x, code);
  if (x.backend !== null) closeBackend(w, x.backend);
  if (x.mirrors.length > 0) mirrorsDrop(w, x);
  if (x.responseStarted || code === 'CLIENT_LEFT') {
    closeClient(w, x.client, true);
    return;
  }
  const early = x.client.state === CLIENT.IDLE || x.client.state === CLIENT.HEAD;
  if (early) x.method = x.client.parser?.head.method ?? 0;
  const phrase = STATUS_CODES[reason.status] ?? '';
  const accept = acceptOf(w, x);
  const page = pageFor(w, x, reason.status, accept);
  const { contentType, body } = page ?? ownText(w, x, code, phrase, prefersJson(accept));
  let fields = `Content-Type: ${contentType}\r\n`;
  if (reason.status === 405) fields += `Allow: ${FORWARDED_METHODS}\r\n`;
  if (reason.status === 503) fields += `Retry-After: ${RETRY_AFTER_SECONDS}\r\n`;
  reply(w, x, reason.status, phrase, fields, body, false, early || mustClose(code));
}

/** The text of a local reply that has no error page: what happened, in a line, for people or for programs. */
function ownText(
  w: Context,
  x: Exchange,
  code: ReasonCode,
  phrase: string,
  json: boolean,
): { contentType: string; body: Uint8Array } {
  const { status, says } = REASONS[code];
  const id = requestId(w, x);
  const text = json
    ? `${JSON.stringify({ status, reason: code, message: says, requestId: id })}\n`
    : `${status} ${phrase}: ${says} (${code}, request ${id})\n`;
  return {
    contentType: json ? 'application/json' : 'text/plain; charset=utf-8',
    body: Buffer.from(text, 'latin1'),
  };
}
