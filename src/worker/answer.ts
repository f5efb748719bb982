// Answers of our own: one line that says what happened, the request id, and the reason code for machines; or an error page.

import { STATUS_CODES } from 'node:http';
import { CHUNK_BYTES } from '../engine/layout.js';
import { prefersJson } from '../http/accept-field.js';
import { httpDate } from '../http/date.js';
import { FIELD_ID } from '../http/fields.js';
import { BODY } from '../http/framing.js';
import { FIELD } from '../http/head.js';
import { METHOD } from '../http/methods.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import { closeClient } from './client.js';
import { CLIENT, type ClientConnection, NOWHERE } from './connections.js';
import type { ErrorPage } from './error-pages.js';
import { fillLines, requestId } from './filters/facts.js';
import { mirrorsDrop } from './filters/mirror.js';
import { exchangeDone, linger } from './finish.js';
import { blame, fallsBack } from './retry.js';
import { closeBackend } from './reuse.js';
import type { Worker } from './worker.js';

/** What a refused method could have been: every method llhttp knows but CONNECT is sent on; these are the usual ones. */
const FORWARDED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
/**
 * Seconds after which a client that got a 503 may try again. Nobody knows when a place is freed or a server comes back,
 * and the sooner it may be, the less a longer wait would be true.
 */
const RETRY_AFTER_SECONDS = 1;

/** The request's Accept field, of several all; empty when the head is not in hand. */
function acceptOf(w: Worker, client: ClientConnection): string {
  const head = client.parser?.head;
  if (head === undefined || client.headAt === NOWHERE) return '';
  let accept = '';
  for (let field = head.next(FIELD_ID.ACCEPT); field >= 0; field = head.next(FIELD_ID.ACCEPT, field + FIELD.WORDS)) {
    const at = head.valueAt(field);
    accept += `${Buffer.from(w.memory.buffer, at, head.valueBytes(field)).toString('latin1')},`;
  }
  return accept;
}

/** The error page for the answer, if the rule has one, or all requests. */
function pageFor(w: Worker, client: ClientConnection, status: number, accept: string): ErrorPage | null {
  return client.rule?.errorPages?.find(status, accept) ?? w.errorPages.find(status, accept);
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

/** Writes bytes to the client by way of scratch memory, chunk by chunk. False: the slab is full. */
function send(w: Worker, client: ClientConnection, bytes: Uint8Array): boolean {
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    const part = bytes.subarray(from, from + CHUNK_BYTES);
    const at = w.scratch(part.length);
    if (at < 0) return false;
    w.memory.set(part, at);
    w.writer.at = at + part.length;
    w.scratchKeep();
    w.engine.send(client.conn, at, part.length);
  }
  return true;
}

/**
 * Answers a TRACE or OPTIONS request that may be forwarded no more as its final recipient (RFC 9110, 7.6.2): with what can
 * be asked for here. TRACE would repeat the request, which no answer of ours does.
 */
export function answerLast(w: Worker, client: ClientConnection): void {
  if (client.method === METHOD.TRACE) fail(w, client, 'METHOD_REFUSED');
  else reply(w, client, 200, 'OK', `Allow: ${FORWARDED_METHODS}\r\n`, NOTHING, false);
}

/**
 * Ends the exchange with an answer of our own. `fields` are whole lines; length, date, id and connection are added here, and
 * what the rule's ResponseHeaderModifier says is done to all but length and connection. `bodiless`: the status allows no
 * body, so no length is named.
 */
export function reply(
  w: Worker,
  client: ClientConnection,
  status: number,
  phrase: string,
  fields: string,
  body: Uint8Array,
  bodiless: boolean,
  mustClose = false,
): void {
  if (!mustClose) skipBody(w, client);
  const closes = mustClose || !client.request.done || !client.keepAlive || w.draining;
  const connection = closes ? 'Connection: close\r\n' : client.minor === 0 ? 'Connection: keep-alive\r\n' : '';
  const lines = edited(w, client, `Date: ${httpDate()}\r\nX-Request-Id: ${requestId(w, client)}\r\n${fields}`);
  const length = bodiless ? '' : `Content-Length: ${body.length}\r\n`;
  const head = `HTTP/1.1 ${status} ${phrase}\r\n${length}${lines}${strictTransport(w, client)}${connection}\r\n`;
  const sendsBody = !bodiless && client.method !== METHOD.HEAD;
  const bytes = Buffer.concat([Buffer.from(head, 'latin1'), sendsBody ? body : NOTHING]);
  if (!send(w, client, bytes)) {
    closeClient(w, client, true);
    return;
  }
  client.response.done = true;
  if (closes) linger(w, client);
  else exchangeDone(w, client);
}

/** The lines of an answer after the rule's ResponseHeaderModifier, or that of the listener when no rule was found yet. */
function edited(w: Worker, client: ClientConnection, lines: string): string {
  const { rule } = client;
  const edit = rule === null ? client.listener.http.responseEdit : rule.responseEdit;
  if (edit === null) return lines;
  const filled = rule !== null || edit.filled === null ? client.responseLines : fillLines(w, client, edit.filled);
  return `${edit.without(lines)}${edit.lines(filled)}`;
}

/** The Strict-Transport-Security line of the client's listener, if it has one. */
function strictTransport(w: Worker, client: ClientConnection): string {
  return w.strictTransportOf(client);
}

const NOTHING = Buffer.alloc(0);

/**
 * Ends the exchange with a reason: answers when no answer has begun, else cuts the connection so that a half answer is
 * not taken for a whole one. The backend connection, if there is one, is closed. Where the rule's fallback pool can answer,
 * the exchange goes on there instead.
 */
export function fail(w: Worker, client: ClientConnection, code: ReasonCode): void {
  if (client.rule?.fallback && fallsBack(w, client, code)) return;
  const reason = REASONS[code];
  w.count(code);
  blame(client, code);
  if (client.backend !== null) closeBackend(w, client.backend);
  if (client.mirrors.length > 0) mirrorsDrop(w, client);
  if (client.responseStarted || code === 'CLIENT_LEFT') {
    closeClient(w, client, true);
    return;
  }
  const early = client.state === CLIENT.IDLE || client.state === CLIENT.HEAD;
  if (early) {
    client.requestNumber = w.ids.next();
    client.method = client.parser?.head.method ?? 0;
  }
  const phrase = STATUS_CODES[reason.status] ?? '';
  const accept = acceptOf(w, client);
  const page = pageFor(w, client, reason.status, accept);
  const { contentType, body } = page ?? ownText(w, client, code, phrase, prefersJson(accept));
  let fields = `Content-Type: ${contentType}\r\n`;
  if (reason.status === 405) fields += `Allow: ${FORWARDED_METHODS}\r\n`;
  if (reason.status === 503) fields += `Retry-After: ${RETRY_AFTER_SECONDS}\r\n`;
  reply(w, client, reason.status, phrase, fields, body, false, early || mustClose(code));
}

/** The text of a local reply that has no error page: what happened, in a line, for people or for programs. */
function ownText(
  w: Worker,
  client: ClientConnection,
  code: ReasonCode,
  phrase: string,
  json: boolean,
): { contentType: string; body: Uint8Array } {
  const { status, says } = REASONS[code];
  const id = requestId(w, client);
  const text = json
    ? `${JSON.stringify({ status, reason: code, message: says, requestId: id })}\n`
    : `${status} ${phrase}: ${says} (${code}, request ${id})\n`;
  return {
    contentType: json ? 'application/json' : 'text/plain; charset=utf-8',
    body: Buffer.from(text, 'latin1'),
  };
}
