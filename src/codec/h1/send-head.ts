// Writes the heads that go on: the received bytes as spans, around what ends at this hop, and the lines we add.
// Nothing received is copied. Leaves the bodies to relay.ts.

import { addressText } from '../../base/addresses.js';
import { listElement, nextElement } from '../../base/lists.js';
import { CHUNK_BYTES, PEER_BYTES, SEND_FLAG } from '../../engine/layout.js';
import { Constant, type Pinned } from '../../engine/text.js';
import type { Context } from '../../exchange/context.js';
import type { Exchange } from '../../exchange/exchange.js';
import type { HeadEdit } from '../../exchange/head-edit.js';
import { httpDate } from '../../http/date.js';
import { FIELD_ID, FORWARDING, HOP_BY_HOP, IDENTITY } from '../../http/fields.js';
import { BODY } from '../../http/framing.js';
import { FIELD, type Head } from '../../http/head.js';
import { BACKEND, type BackendConnection } from '../connections.js';

/** Room for the lines written per request: the longest address, the id, a port, their names, and spare. */
const LINES_BYTES_MAX = 256;

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
function gatherFields(w: Context, head: Head, from: number, drops: number): void {
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
function named(w: Context, head: Head, field: number, id: number): boolean {
  const at = head.nameAt(field);
  const bytes = head.nameBytes(field);
  return (
    w.tokens.has(w.memory, id, at, bytes) ||
    w.edit?.drops(w.memory, at, bytes) === true ||
    w.clientField?.drops(w.memory, at, bytes, w.clientFieldTrusted) === true
  );
}

/** False once a line found no room in the slab: the head that is being listed is not to be trusted. */
let room = true;

/** Adds a constant line to the open send. */
function pin(w: Context, text: string): void {
  const pinned = w.pinned.pinIfRoom(text);
  // A full slab takes no new constants for ever; one more line for this batch it may.
  if (pinned === null) gatherText(w, text);
  else w.engine.span(pinned.at, pinned.bytes);
}

/** The constants that any message may need, to be pinned while there is room. */
export const CONSTANT_LINES: readonly string[] = [
  ' ',
  ', ',
  '\r\n',
  'Host: ',
  'Upgrade: ',
  'Connection: Upgrade\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Via: 1.1 sevenfold\r\n',
  'X-Forwarded-For: ',
  'X-Forwarded-Host: ',
  'X-Forwarded-Proto: http\r\n',
  'X-Forwarded-Proto: https\r\n',
  'X-Request-Id: ',
];

const DOT = 0x2e;

/** Writes the address of the peer as text. Hot for IPv4. */
function writeAddress(w: Context, slot: number): void {
  const { peers } = w.engine;
  const at = slot * PEER_BYTES;
  const family = peers[at];
  if (family === 4) {
    for (let i = 4; i < 8; i++) {
      if (i > 4) w.writer.byte(DOT);
      w.writer.octet(peers[at + i]!);
    }
  } else if (family === 6) {
    w.writer.text(addressText(peers, at + 4, 16));
  } else {
    w.writer.text('unix:');
  }
}

/** Adds text to the open send by way of scratch memory, chunk by chunk, if there is room. */
function gatherText(w: Context, text: string): void {
  for (let from = 0; from < text.length; from += CHUNK_BYTES) {
    const part = text.length <= CHUNK_BYTES ? text : text.slice(from, from + CHUNK_BYTES);
    const at = w.scratch(part.length);
    if (at < 0) {
      room = false;
      return;
    }
    w.writer.text(part);
    w.scratchKeep();
    w.engine.span(at, part.length);
  }
}

/**
 * Sends the request head to the backend connection. `edit` is what the filters of the rule change in it, or null. `more`: the
 * body follows in the same batch. Returns false when the slab has no room for the lines we add; the connection is of no use then.
 */
export function sendRequestHead(
  w: Context,
  x: Exchange,
  backend: BackendConnection,
  edit: HeadEdit | null,
  more: boolean,
): boolean {
  const { engine } = w;
  const { head } = x.client.parser!;
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
  room = true;
  if (hostname !== null) gatherText(w, `Host: ${hostname}\r\n`);
  else if (ownHost) gatherHost(w, x, backend);
  if (backend.state === BACKEND.MIRROR) engine.span(w.lineClose.at, w.lineClose.bytes);
  gatherFraming(w, x, head);
  if (counted) gatherText(w, `Max-Forwards: ${x.maxForwards - 1}\r\n`);
  if (edit !== null) gatherText(w, edit.lines);
  if (x.client.tls !== null) gatherText(w, x.client.tls.certificateLines);
  const lines = room ? w.scratch(LINES_BYTES_MAX) : -1;
  if (lines >= 0) {
    const simple = !x.client.trusted && x.client.proxied === null && edit?.touchesForwarding !== true;
    const fixed = simple ? w.forwardingOf(x.client) : null;
    if (fixed === null) gatherForwardingAfter(w, x, head, edit, lines);
    else gatherForwarding(w, x, fixed, lines);
    w.scratchKeep();
  }
  engine.sendEnd();
  return room && lines >= 0;
}

/** The Host field an absolute target or a request without one asks for (RFC 9112, 3.2.2 and 3.2). */
function gatherHost(w: Context, x: Exchange, backend: BackendConnection): void {
  if (x.hostBytes === 0) {
    pin(w, `Host: ${backend.server!.address.replace(/^unix:.*/, 'localhost')}\r\n`);
    return;
  }
  pin(w, 'Host: ');
  w.engine.span(x.hostAt, x.hostBytes);
  pin(w, '\r\n');
}

/** What was taken out as ending here but has to be said anew for the next hop. */
function gatherFraming(w: Context, x: Exchange, head: Head): void {
  if (x.request.kind === BODY.chunked) pin(w, 'Transfer-Encoding: chunked\r\n');
  if (!x.upgrade) return;
  pin(w, 'Connection: Upgrade\r\n');
  gatherUpgrade(w, head);
}

/** Repeats the Upgrade field of a head; of several the last. */
function gatherUpgrade(w: Context, head: Head): void {
  if (!head.has(FIELD_ID.UPGRADE)) return;
  const field = head.last(FIELD_ID.UPGRADE);
  pin(w, 'Upgrade: ');
  w.engine.span(head.valueAt(field), head.valueBytes(field));
  pin(w, '\r\n');
}

/** The forwarding fields of a request from someone we do not know, and the empty line. Hot. */
function gatherForwarding(w: Context, x: Exchange, fixed: Pinned, lines: number): void {
  const { engine, writer } = w;
  if (x.hostBytes > 0) {
    engine.span(fixed.at, fixed.bytes);
    engine.span(x.hostAt, x.hostBytes);
    writer.put(AFTER_HOST);
  } else {
    engine.span(fixed.at, fixed.bytes - HOST_NAME.length);
    writer.put(ID_NAME);
  }
  w.ids.write(writer, x.requestNumber);
  writer.put(FOR_NAME);
  writeAddress(w, x.client.slot);
  writer.put(HEAD_END);
  engine.span(lines, writer.at - lines);
}

/** The line that says which port a client came to; empty for a unix socket, which has none. */
export function portLine(port: number): string {
  return port === 0 ? '' : `X-Forwarded-Port: ${port}\r\n`;
}

/** What the fixed lines end with, for a request that has a host. */
export const HOST_NAME = 'X-Forwarded-Host: ';
const ID_NAME = new Constant('X-Request-Id: ');
const AFTER_HOST = new Constant('\r\nX-Request-Id: ');
const FOR_NAME = new Constant('\r\nX-Forwarded-For: ');
const HEAD_END = new Constant('\r\n\r\n');

/**
 * The same where it is not that simple. A PROXY header said which port the client came to. Behind a trusted proxy what it
 * said stays, what it did not say is added, and its list of addresses grows. What a header filter of the rule sets or
 * removes is left to it.
 */
function gatherForwardingAfter(w: Context, x: Exchange, head: Head, edit: HeadEdit | null, lines: number): void {
  const { engine, writer } = w;
  const ours = (id: number): boolean => edit?.owns(id) !== true && !(x.client.trusted && head.has(id));
  if (ours(FIELD_ID.X_FORWARDED_PROTO))
    pin(w, x.client.tls === null ? 'X-Forwarded-Proto: http\r\n' : 'X-Forwarded-Proto: https\r\n');
  let at = lines;
  if (ours(FIELD_ID.X_FORWARDED_PORT)) {
    const line = portLine(x.client.proxied?.destinationPort ?? x.client.listener.plan.port);
    if (line !== '') {
      writer.text(line);
      engine.span(at, writer.at - at);
      at = writer.at;
    }
  }
  if (ours(FIELD_ID.X_FORWARDED_HOST) && x.hostBytes > 0) {
    pin(w, 'X-Forwarded-Host: ');
    engine.span(x.hostAt, x.hostBytes);
    pin(w, '\r\n');
  }
  if (edit?.owns(FIELD_ID.VIA) !== true) pin(w, 'Via: 1.1 sevenfold\r\n');
  if (ours(FIELD_ID.X_REQUEST_ID)) {
    pin(w, 'X-Request-Id: ');
    w.ids.write(writer, x.requestNumber);
    writer.text('\r\n');
    engine.span(at, writer.at - at);
    at = writer.at;
  }
  if (edit?.owns(FIELD_ID.X_FORWARDED_FOR) !== true) {
    pin(w, 'X-Forwarded-For: ');
    if (x.client.trusted && head.has(FIELD_ID.X_FORWARDED_FOR)) gatherForwardedFor(w, head);
    else if (x.statedBytes >= 0) {
      // Another field named the client: what servers read tells it as well.
      writer.text(x.statedBytes === 0 ? 'unknown, ' : `${w.addressOf(x.client)}, `);
    }
    writeAddress(w, x.client.slot);
    writer.text('\r\n');
  }
  writer.text('\r\n');
  engine.span(at, writer.at - at);
}

/** The addresses that proxies in front listed, each followed by a comma; empty elements of their lists are left out. */
function gatherForwardedFor(w: Context, head: Head): void {
  for (
    let field = head.next(FIELD_ID.X_FORWARDED_FOR);
    field >= 0;
    field = head.next(FIELD_ID.X_FORWARDED_FOR, field + FIELD.WORDS)
  ) {
    const at = head.valueAt(field);
    const stop = at + head.valueBytes(field);
    for (let one = nextElement(w.memory, at, stop); one >= 0; one = nextElement(w.memory, listElement.next, stop)) {
      w.engine.span(one, listElement.bytes);
      pin(w, ', ');
    }
  }
}

/**
 * Lists an interim response (1xx) for the client, and sends it. A 101 keeps its Connection and Upgrade.
 */
export function sendInterim(w: Context, x: Exchange, head: Head): void {
  w.tokens.readAll(w.memory, head);
  w.engine.sendBegin(x.client.conn, SEND_FLAG.none);
  gatherResponse(w, head);
  if (head.status === 101) {
    pin(w, 'Connection: Upgrade\r\n');
    gatherUpgrade(w, head);
  }
  pin(w, '\r\n');
  w.engine.sendEnd();
}

const UPGRADE_REQUIRED = 426;

/**
 * Lists the head of a final response for the client in an open send. The caller adds what it has of the body, and
 * ends the send. False: the slab is full.
 */
export function gatherResponseHead(w: Context, x: Exchange, head: Head): boolean {
  const { engine } = w;
  const edit = x.rule!.phases.editResponse(x, w.headEdit);
  room = true;
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
  gatherSession(w, x);
  const strict = w.strictTransportOf(x.client);
  if (strict !== '') pin(w, strict);
  if (x.chunkedOut) engine.span(w.lineChunked.at, w.lineChunked.bytes);
  if (!x.client.keepAlive) engine.span(w.lineClose.at, w.lineClose.bytes);
  else if (x.minor === 0) engine.span(w.lineKeepAlive.at, w.lineKeepAlive.bytes);
  // The head's own empty line: with nothing added, head and body go out as the one run they came in.
  engine.span(head.base + head.bytes - 2, 2);
  return room;
}

/** Lists the fields whose values filters rewrite, each as they say; those that go have gone already. */
function gatherRewritten(w: Context, head: Head, edit: HeadEdit): void {
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

/** Names its pool and its server to the client, where they are remembered and that is news. */
function gatherSession(w: Context, x: Exchange): void {
  if (x.splitLine !== '' && !x.fellBack) pin(w, x.splitLine);
  const { sessions } = x.pool!;
  if (sessions === null) return;
  const line = sessions.line(x.session, x.backend!.server!.index);
  if (line !== null) pin(w, line);
}

const STATUS_END = 'HTTP/1.1 200'.length;
const SPACE = 0x20;

/**
 * Lists a response head that was received. The version is that of who sends a message (RFC 9110, 6.2): what a server of
 * HTTP/1.0 says goes on as HTTP/1.1. The space behind the status is not optional (RFC 9112, 4). `more` are ids of fields that
 * do not go on either.
 */
function gatherResponse(w: Context, head: Head, more = 0): void {
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
