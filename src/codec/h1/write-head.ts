// Writes the heads that go on: the received bytes as spans, around what ends at this hop, and the lines we add.
// Nothing received is copied. Leaves the fields that say who the client is to write-forwarding.ts, bodies to write-body.ts.

import { SEND_FLAG } from '../../engine/layout.js';
import { sessionLine } from '../../exchange/affinity.js';
import type { Attempt } from '../../exchange/attempt.js';
import type { Exchange } from '../../exchange/exchange.js';
import type { HeadEdit } from '../../exchange/head-edit.js';
import { CLIENT_KIND } from '../../exchange/streams.js';
import { httpDate } from '../../http/date.js';
import { FIELD_ID, FORWARDING, HOP_BY_HOP, IDENTITY } from '../../http/fields.js';
import { BODY } from '../../http/framing.js';
import { FIELD, type Head } from '../../http/head.js';
import { expectsBody } from '../../http/methods.js';
import { BACKEND, type BackendConnection, backendOf, carrierOf, clientOf } from '../connections.js';
import type { CodecContext } from '../context.js';
import { gatherText, listing, pin } from './gather-lines.js';
import { gatherForwarding } from './write-forwarding.js';

/** The bits of field ids, as in Head.ids. */
const bits = (...ids: number[]): number => ids.reduce((all, id) => all | (1 << id), 0);

/** Fields that always end at this hop. */
const ENDS_HERE = bits(...HOP_BY_HOP);

/** And in a response without a body by its status, the length of one (RFC 9110, 8.6). */
const BODILESS_ENDS_HERE = ENDS_HERE | bits(FIELD_ID.CONTENT_LENGTH);

/** Never forwarded, from anyone: servers might trust them. */
const NOT_FROM_ANYONE = ENDS_HERE | bits(FIELD_ID.FOLDS_TO_KNOWN, ...IDENTITY);
const FROM_STRANGER = NOT_FROM_ANYONE | bits(...FORWARDING);
/** The list of addresses is written anew, longer by one. */
const FROM_TRUSTED = NOT_FROM_ANYONE | bits(FIELD_ID.X_FORWARDED_FOR);
const HOST = bits(FIELD_ID.HOST);
const MAX_FORWARDS = bits(FIELD_ID.MAX_FORWARDS);

/**
 * Lists what of a head goes on, from `from` to before the empty line, as few runs as there can be: without the fields
 * whose ids are in `drops`, those that `w.tokens` names, and those that `w.edit` takes. Hot.
 */
function gatherFields(w: CodecContext, head: Head, from: number, drops: number): void {
  const { fields, base } = head;
  const end = base + head.bytes - 2;
  const byName = w.tokens.count > 0 || w.edit !== null || w.clientField !== null;
  if (!byName && (head.ids & drops) === 0) {
    w.engine.span(from, end - from);
    return;
  }
  let runAt = from;
  for (let i = 0, field = 0; i < head.fieldCount; i++, field += FIELD.WORDS) {
    const id = fields[field + FIELD.id]!;
    if ((drops & (1 << id)) === 0 && !(byName && named(w, head, field, id))) continue;
    w.engine.span(runAt, head.nameAt(field) - runAt);
    runAt = i + 1 < head.fieldCount ? head.nameAt(field + FIELD.WORDS) : end;
  }
  w.engine.span(runAt, end - runAt);
}

/** Named by the message's Connection, by a header filter of the rule, or by the listener as what strangers must not say. */
function named(w: CodecContext, head: Head, field: number, id: number): boolean {
  const at = head.nameAt(field);
  const bytes = head.nameBytes(field);
  return (
    w.tokens.has(w.memory, id, at, bytes) ||
    w.edit?.drops(w.memory, at, bytes) === true ||
    w.clientField?.drops(w.memory, at, bytes, w.clientFieldTrusted) === true
  );
}

/**
 * Sends the request head to the server of an attempt. `edit` is what the filters of the rule change in it, or null. `more`: the
 * body follows in the same batch. Returns false when the slab has no room for the lines we add; the connection is of no use then.
 */
export function writeRequestHead(w: CodecContext, attempt: Attempt, edit: HeadEdit | null, more: boolean): boolean {
  const { engine } = w;
  const x = attempt.exchange;
  const backend = backendOf(attempt);
  const head = x.head!;
  // The names may be those of another request by now: this one may have waited for its connection.
  w.tokens.readAll(w.memory, head);
  // The server is spoken to in HTTP/1.1, whatever the client speaks.
  const targetAt = head.base + head.targetAt;
  const targetEnd = targetAt + head.targetBytes;
  if (head.minor === 0) w.memory[targetEnd + ' HTTP/1.'.length] = 0x31;
  engine.sendBegin(backend.conn, more ? SEND_FLAG.more : SEND_FLAG.none);
  const hostname = edit === null ? null : edit.hostname;
  const absolute = x.hostAt !== 0 && x.hostAt < targetEnd && x.hostAt >= targetAt;
  const ownHost = absolute || x.hostBytes === 0 || hostname !== null;
  const counted = x.maxForwards >= 0;
  const drops = (x.client.trusted ? FROM_TRUSTED : FROM_STRANGER) | (ownHost ? HOST : 0) | (counted ? MAX_FORWARDS : 0);
  w.edit = edit;
  w.clientField = x.client.listener.http.ownField;
  w.clientFieldTrusted = x.client.trusted;
  if (x.targetAt === targetAt && x.targetBytes === head.targetBytes) {
    gatherFields(w, head, head.base, drops);
  } else {
    engine.span(head.base, head.targetAt);
    engine.span(x.targetAt, x.targetBytes);
    gatherFields(w, head, targetEnd, drops);
  }
  w.edit = null;
  w.clientField = null;
  listing.hasRoom = true;
  if (hostname !== null) gatherText(w, `Host: ${hostname}\r\n`);
  else if (ownHost) gatherHost(w, x, backend);
  if (backend.state === BACKEND.MIRROR) engine.span(w.lineClose.at, w.lineClose.bytes);
  gatherFraming(w, x, head);
  if (counted) gatherText(w, `Max-Forwards: ${x.maxForwards - 1}\r\n`);
  if (edit !== null) gatherText(w, edit.lines);
  const { tls } = carrierOf(x);
  if (tls !== null) gatherText(w, tls.certificateLines);
  const hasRoom = listing.hasRoom && gatherForwarding(w, x, head, edit);
  engine.sendEnd();
  return hasRoom && listing.hasRoom;
}

/** The Host field an absolute target or a request without one asks for (RFC 9112, 3.2.2 and 3.2). */
function gatherHost(w: CodecContext, x: Exchange, backend: BackendConnection): void {
  if (x.hostBytes === 0) {
    pin(w, `Host: ${backend.server!.address.replace(/^unix:.*/, 'localhost')}\r\n`);
    return;
  }
  pin(w, 'Host: ');
  w.engine.span(x.hostAt, x.hostBytes);
  pin(w, '\r\n');
}

/** What was taken out as ending here but has to be said anew for the next hop, and what HTTP/2 says by its frames. */
function gatherFraming(w: CodecContext, x: Exchange, head: Head): void {
  if (x.request.kind === BODY.chunked) pin(w, 'Transfer-Encoding: chunked\r\n');
  else if (x.client.kind === CLIENT_KIND.H2 && expectsBody(x.method) && !head.has(FIELD_ID.CONTENT_LENGTH))
    pin(w, 'Content-Length: 0\r\n');
  if (!x.upgrade) return;
  pin(w, 'Connection: Upgrade\r\n');
  gatherUpgrade(w, head);
}

/** Repeats the Upgrade field of a head; of several the last. */
function gatherUpgrade(w: CodecContext, head: Head): void {
  if (!head.has(FIELD_ID.UPGRADE)) return;
  const field = head.last(FIELD_ID.UPGRADE);
  pin(w, 'Upgrade: ');
  w.engine.span(head.valueAt(field), head.valueBytes(field));
  pin(w, '\r\n');
}

/**
 * Lists an interim response (1xx) for the client, and sends it. A 101 keeps its Connection and Upgrade.
 */
export function writeInterim(w: CodecContext, x: Exchange, head: Head): void {
  // A client of HTTP/1.0 does not know them.
  if (x.minor === 0) return;
  w.tokens.readAll(w.memory, head);
  w.engine.sendBegin(clientOf(x).conn, SEND_FLAG.none);
  gatherResponse(w, head);
  if (head.status === 101) {
    pin(w, 'Connection: Upgrade\r\n');
    gatherUpgrade(w, head);
  }
  pin(w, '\r\n');
  x.bytesOut += w.engine.sendEnd();
}

const UPGRADE_REQUIRED = 426;

/**
 * Lists the head of a final response for the client in an open send, changed by `edit`. The body follows in the same send.
 * False: the slab is full.
 */
export function gatherResponseHead(w: CodecContext, x: Exchange, head: Head, edit: HeadEdit | null): boolean {
  const { engine } = w;
  const client = clientOf(x);
  listing.hasRoom = true;
  w.tokens.readAll(w.memory, head);
  w.edit = edit;
  if (edit === null || (head.ids & edit.rewriteIds) === 0) gatherResponse(w, head);
  else {
    gatherResponse(w, head, edit.rewriteIds);
    gatherRewritten(w, head, edit);
  }
  w.edit = null;
  if (edit !== null) gatherText(w, edit.lines);
  // A recipient with a clock says when it got a response that does not tell (RFC 9110, 6.6.1).
  if (!head.has(FIELD_ID.DATE) && edit?.owns(FIELD_ID.DATE) !== true) gatherText(w, `Date: ${httpDate()}\r\n`);
  if (head.status === UPGRADE_REQUIRED) {
    // What to upgrade to is the whole answer (RFC 9110, 15.5.22).
    pin(w, 'Connection: Upgrade\r\n');
    gatherUpgrade(w, head);
  }
  if (x.splitLine !== '' && !x.fellBack) pin(w, x.splitLine);
  const session = sessionLine(x);
  if (session !== null) pin(w, session);
  const strict = w.strictTransportOf(x.client);
  if (strict !== '') pin(w, strict);
  if (client.chunkedOut) engine.span(w.lineChunked.at, w.lineChunked.bytes);
  if (!client.keepAlive) engine.span(w.lineClose.at, w.lineClose.bytes);
  else if (x.minor === 0) engine.span(w.lineKeepAlive.at, w.lineKeepAlive.bytes);
  // The head's own empty line: with nothing added, head and body go out as the one run they came in.
  engine.span(head.base + head.bytes - 2, 2);
  return listing.hasRoom;
}

/** Lists the fields whose values filters rewrite, each as they say; those that go have gone already. */
function gatherRewritten(w: CodecContext, head: Head, edit: HeadEdit): void {
  for (let i = 0, field = 0; i < head.fieldCount; i++, field += FIELD.WORDS) {
    const id = head.fields[field + FIELD.id]!;
    if ((edit.rewriteIds & (1 << id)) === 0 || named(w, head, field, id)) continue;
    const [nameAt, nameBytes] = [head.nameAt(field), head.nameBytes(field)];
    const at = head.valueAt(field);
    const value = Buffer.from(w.memory.buffer, at, head.valueBytes(field)).toString('latin1');
    const name = Buffer.from(w.memory.buffer, nameAt, nameBytes).toString('latin1');
    gatherText(w, `${name}: ${edit.valueOf(id, w.memory, nameAt, nameBytes, value)}\r\n`);
  }
}

const STATUS_END = 'HTTP/1.1 200'.length;
const SPACE = 0x20;

/**
 * Lists a response head that was received. The version is that of who sends a message (RFC 9110, 6.2): what a server of
 * HTTP/1.0 says goes on as HTTP/1.1. The space behind the status is not optional (RFC 9112, 4). `more` are ids of fields that
 * do not go on either.
 */
function gatherResponse(w: CodecContext, head: Head, more = 0): void {
  w.memory[head.base + 'HTTP/1.'.length] = 0x31;
  const statusEnd = head.base + STATUS_END;
  const drops = more | (head.status < 200 || head.status === 204 ? BODILESS_ENDS_HERE : ENDS_HERE);
  if (w.memory[statusEnd] === SPACE) {
    gatherFields(w, head, head.base, drops);
    return;
  }
  w.engine.span(head.base, STATUS_END);
  pin(w, ' ');
  gatherFields(w, head, statusEnd, drops);
}
