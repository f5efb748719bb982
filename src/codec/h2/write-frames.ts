// Frames that we send. All that one turn makes for a connection is listed here, and leaves in one gather send: frame heads and
// small payloads from scratch memory, bodies from the chunks they came in.
// Owns the list and the layout of each frame. Leaves when to send which to server.ts, flow.ts and streams.ts.

import { CHUNK_BYTES, SEND_FLAG } from '../../engine/layout.js';
import type { CodecContext } from '../context.js';
import type { Http2Connection } from './connection.js';
import { FLAG, FRAME_HEAD_BYTES, FRAME_TYPE } from './frames.js';
import { touch } from './touched.js';

/**
 * Lists bytes behind what is listed already. The list takes a reference of its own; bytes that go on where the last ones ended, in
 * the same chunk, share its reference. Hot.
 */
export function listSpan(w: CodecContext, c: Http2Connection, at: number, bytes: number): void {
  const { out } = c;
  const last = out.length - 2;
  if (last >= 0 && out[last]! + out[last + 1]! === at && at !== w.engine.chunkOf(at)) {
    out[last + 1]! += bytes;
    return;
  }
  w.engine.retain(at);
  if (last < 0) touch(w, c);
  out.push(at, bytes);
}

/** Sends what is listed, in one piece, and gives its references back. */
export function flushOut(w: CodecContext, c: Http2Connection): void {
  const { out } = c;
  if (out.length === 0) return;
  w.engine.sendBegin(c.client.conn, SEND_FLAG.none);
  for (let i = 0; i < out.length; i += 2) w.engine.span(out[i]!, out[i + 1]!);
  w.engine.sendEnd();
  for (let i = 0; i < out.length; i += 2) w.engine.release(out[i]!);
  out.length = 0;
}

/** Drops what is listed: its connection is gone. */
export function dropOut(w: CodecContext, c: Http2Connection): void {
  for (let i = 0; i < c.out.length; i += 2) w.engine.release(c.out[i]!);
  c.out.length = 0;
}

/**
 * Writes the head of a frame to scratch memory, with room for `more` bytes of payload behind it where `w.writer` stands; `end()`
 * lists it. False: the slab is full; without the frame the two sides disagree, so the connection is cut (`c.broken`).
 */
function beginFrame(
  w: CodecContext,
  c: Http2Connection,
  length: number,
  type: number,
  flags: number,
  id: number,
  more: number,
): number {
  const at = w.scratch(FRAME_HEAD_BYTES + more);
  if (at < 0) {
    c.broken = true;
    touch(w, c);
    return at;
  }
  const { memory } = w;
  memory[at] = length >> 16;
  memory[at + 1] = length >> 8;
  memory[at + 2] = length;
  memory[at + 3] = type;
  memory[at + 4] = flags;
  memory[at + 5] = id >>> 24;
  memory[at + 6] = id >> 16;
  memory[at + 7] = id >> 8;
  memory[at + 8] = id;
  w.writer.at = at + FRAME_HEAD_BYTES;
  return at;
}

/** Lists the frame that begins at `at` and ends where the writer stands. */
function endFrame(w: CodecContext, c: Http2Connection, at: number): void {
  w.scratchKeep();
  if (c.client.blocked) c.waitingFrames++;
  listSpan(w, c, at, w.writer.at - at);
}

function word(w: CodecContext, value: number): void {
  const { writer } = w;
  writer.byte(value >>> 24);
  writer.byte((value >> 16) & 255);
  writer.byte((value >> 8) & 255);
  writer.byte(value & 255);
}

/** The head of a DATA frame; its payload is to be listed behind. False: the slab is full. Hot. */
export function listDataHead(w: CodecContext, c: Http2Connection, bytes: number, ends: boolean, id: number): boolean {
  const at = beginFrame(w, c, bytes, FRAME_TYPE.DATA, ends ? FLAG.END_STREAM : 0, id, 0);
  if (at < 0) return false;
  endFrame(w, c, at);
  return true;
}

export function writeReset(w: CodecContext, c: Http2Connection, id: number, error: number): void {
  const at = beginFrame(w, c, 4, FRAME_TYPE.RST_STREAM, 0, id, 4);
  if (at < 0) return;
  word(w, error);
  endFrame(w, c, at);
}

/** Our settings, each an identifier and a value. */
export function writeSettings(
  w: CodecContext,
  c: Http2Connection,
  settings: readonly (readonly [number, number])[],
): void {
  const bytes = 6 * settings.length;
  const at = beginFrame(w, c, bytes, FRAME_TYPE.SETTINGS, 0, 0, bytes);
  if (at < 0) return;
  for (const [id, value] of settings) {
    w.writer.byte(id >> 8);
    w.writer.byte(id & 255);
    word(w, value);
  }
  endFrame(w, c, at);
}

export function writeSettingsAck(w: CodecContext, c: Http2Connection): void {
  const at = beginFrame(w, c, 0, FRAME_TYPE.SETTINGS, FLAG.ACK, 0, 0);
  if (at >= 0) endFrame(w, c, at);
}

/** A PING, or (`ack`) the answer to one, whose eight bytes are the words `high` and `low`. */
export function writePing(w: CodecContext, c: Http2Connection, ack: boolean, high: number, low: number): void {
  const at = beginFrame(w, c, 8, FRAME_TYPE.PING, ack ? FLAG.ACK : 0, 0, 8);
  if (at < 0) return;
  word(w, high);
  word(w, low);
  endFrame(w, c, at);
}

/** `says` is for people who debug the client: short, in ASCII. */
export function writeGoAway(w: CodecContext, c: Http2Connection, lastId: number, error: number, says: string): void {
  const at = beginFrame(w, c, 8 + says.length, FRAME_TYPE.GOAWAY, 0, 0, 8 + says.length);
  if (at < 0) return;
  word(w, lastId);
  word(w, error);
  w.writer.text(says);
  endFrame(w, c, at);
}

export function writeWindowUpdate(w: CodecContext, c: Http2Connection, id: number, bytes: number): void {
  const at = beginFrame(w, c, 4, FRAME_TYPE.WINDOW_UPDATE, 0, id, 4);
  if (at < 0) return;
  word(w, bytes);
  endFrame(w, c, at);
}

/** The most of a header block that one frame of ours carries: a frame lies in one chunk, and every peer takes it. */
const FRAGMENT_BYTES_MAX = CHUNK_BYTES - FRAME_HEAD_BYTES;

/** Sends a header block that lies in memory of its own. False: the slab is full. */
export function writeBlock(
  w: CodecContext,
  c: Http2Connection,
  id: number,
  block: Uint8Array,
  bytes: number,
  ends: boolean,
): boolean {
  for (let from = 0; from === 0 || from < bytes; from += FRAGMENT_BYTES_MAX) {
    const part = Math.min(bytes - from, FRAGMENT_BYTES_MAX);
    const last = from + part === bytes ? FLAG.END_HEADERS : 0;
    const type = from === 0 ? FRAME_TYPE.HEADERS : FRAME_TYPE.CONTINUATION;
    const at = beginFrame(w, c, part, type, from === 0 && ends ? FLAG.END_STREAM | last : last, id, part);
    if (at < 0) return false;
    w.memory.set(block.subarray(from, from + part), w.writer.at);
    w.writer.at += part;
    endFrame(w, c, at);
  }
  return true;
}
