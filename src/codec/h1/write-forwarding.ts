// The forwarding fields of a request: who the client is, where it came in, and the id of the request.
// Owns which of them are ours to say. Leaves the rest of the head to write-head.ts.

import { addressText } from '../../base/addresses.js';
import { listElement, nextElement } from '../../base/lists.js';
import { PEER_BYTES } from '../../engine/layout.js';
import { Constant, type Pinned } from '../../engine/text.js';
import { clientAddressText } from '../../exchange/client-address.js';
import type { Exchange } from '../../exchange/exchange.js';
import type { HeadEdit } from '../../exchange/head-edit.js';
import { FIELD_ID } from '../../http/fields.js';
import { FIELD, type Head } from '../../http/head.js';
import type { CodecContext } from '../context.js';
import { pin } from './gather-lines.js';

/** Room for the lines written per request: the longest address, the id, a port, their names, and spare. */
const LINES_BYTES_MAX = 256;

/** Adds them to the open send, and the empty line. False: the slab is full. */
export function gatherForwarding(w: CodecContext, x: Exchange, head: Head, edit: HeadEdit | null): boolean {
  const lines = w.scratch(LINES_BYTES_MAX);
  if (lines < 0) return false;
  const simple = !x.client.trusted && x.client.proxied === null && edit?.touchesForwarding !== true;
  const fixed = simple ? w.forwardingOf(x.client) : null;
  if (fixed === null) gatherAfter(w, x, head, edit, lines);
  else gatherFixed(w, x, fixed, lines);
  w.scratchKeep();
  return true;
}

const DOT = 0x2e;

/** Writes the address of the peer as text. Hot for IPv4. */
function writeAddress(w: CodecContext, slot: number): void {
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

/** The forwarding fields of a request from someone we do not know, and the empty line. Hot. */
function gatherFixed(w: CodecContext, x: Exchange, fixed: Pinned, lines: number): void {
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
function gatherAfter(w: CodecContext, x: Exchange, head: Head, edit: HeadEdit | null, lines: number): void {
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
      writer.text(x.statedBytes === 0 ? 'unknown, ' : `${clientAddressText(w.engine.peers, x)}, `);
    }
    writeAddress(w, x.client.slot);
    writer.text('\r\n');
  }
  writer.text('\r\n');
  engine.span(at, writer.at - at);
}

/** The addresses that proxies in front listed, each followed by a comma; empty elements of their lists are left out. */
function gatherForwardedFor(w: CodecContext, head: Head): void {
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
