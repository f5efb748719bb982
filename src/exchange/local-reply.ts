// Responses of our own: one line that says what happened, the request id, and the reason code for machines; or an error page.
// Owns their status, fields and body. Leaves how long they are, and whether the connection stays, to the client's codec.

import { STATUS_CODES } from 'node:http';
import { prefersJson } from '../http/accept-field.js';
import { httpDate } from '../http/date.js';
import { FIELD_ID } from '../http/fields.js';
import { FIELD } from '../http/head.js';
import { FORWARDED_METHODS } from '../http/methods.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import type { Context } from './context.js';
import type { ErrorPage } from './error-pages.js';
import { type Exchange, NO_ADDRESS } from './exchange.js';
import type { RefusalDetails } from './filter.js';
import { requestId } from './header-variables.js';

/**
 * `Retry-After` of a 503, in seconds. When a place is freed or a server comes back is unknown, so the value is short.
 */
const RETRY_AFTER_SECONDS = 1;
/** A refusal that knows better begins with it. */
const RETRY_AFTER = 'Retry-After: ';

/** The request's Accept field, of several all; empty when the head is not in hand. */
function acceptOf(w: Context, x: Exchange): string {
  const { head } = x;
  if (head === null || x.headAt === NO_ADDRESS) return '';
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

/**
 * Ends the exchange with a response of our own. `fields` are whole lines; date and id are added here, and the filters of the
 * rule change all of them. `bodiless`: the status allows no body. `mustClose`: the connection may be out of step.
 */
export function reply(
  w: Context,
  x: Exchange,
  status: number,
  fields: string,
  body: Uint8Array,
  bodiless: boolean,
  mustClose = false,
): void {
  const lines = edited(w, x, `Date: ${httpDate()}\r\nX-Request-Id: ${requestId(w, x)}\r\n${fields}`);
  w.clientStream.reply(w, x, status, lines + w.strictTransportOf(x.client), body, bodiless, mustClose);
}

/** The lines of an answer after the filters of the rule, or those of the listener when no rule was found. */
function edited(w: Context, x: Exchange, lines: string): string {
  const { rule } = x;
  const phases = rule === null ? x.client.listener.http.phases : rule.phases;
  if (rule === null && phases.responseHead.length > 0) for (const routed of phases.routed) routed(x);
  const edit = phases.editResponse(x, w.headEdit);
  return edit === null ? lines : `${edit.without(lines)}${edit.lines}`;
}

/**
 * Answers the request with a reason: by the error page of its rule, or in a line of text. `mustClose` as for `reply`; `details` say what
 * is otherwise than the reason says.
 */
export function localReply(
  w: Context,
  x: Exchange,
  code: ReasonCode,
  mustClose: boolean,
  { status = REASONS[code].status, fields: more = '' }: RefusalDetails = {},
): void {
  const { connection } = REASONS[code];
  const accept = acceptOf(w, x);
  const { contentType, body } = pageFor(w, x, status, accept) ?? ownText(w, x, code, status, prefersJson(accept));
  let fields = `Content-Type: ${contentType}\r\n`;
  if (status === 405) fields += `Allow: ${FORWARDED_METHODS}\r\n`;
  if (status === 503 && !more.startsWith(RETRY_AFTER)) fields += `${RETRY_AFTER}${RETRY_AFTER_SECONDS}\r\n`;
  reply(w, x, status, fields + more, body, false, mustClose || connection === 'closes');
}

/** The text of a local reply that has no error page: what happened, in a line, for people or for programs. */
function ownText(
  w: Context,
  x: Exchange,
  code: ReasonCode,
  status: number,
  json: boolean,
): { contentType: string; body: Uint8Array } {
  const { says } = REASONS[code];
  const id = requestId(w, x);
  const text = json
    ? `${JSON.stringify({ status, reason: code, message: says, requestId: id })}\n`
    : `${status} ${STATUS_CODES[status] ?? ''}: ${says} (${code}, request ${id})\n`;
  return {
    contentType: json ? 'application/json' : 'text/plain; charset=utf-8',
    body: Buffer.from(text, 'latin1'),
  };
}
