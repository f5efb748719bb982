// What of responses may leave now, and what waits: for a window of HTTP/2, or for the socket.
// Owns the windows of sending. A stream that cannot send is blocked: its server is read no more.

import { assert } from '../../base/assert.js';
import { clientBlocked } from '../../exchange/events.js';
import type { CodecContext } from '../context.js';
import { steerServer } from '../flow.js';
import type { Http2Connection } from './connection.js';
import { endStream } from './end-stream.js';
import { type Http2Stream, STREAM } from './stream.js';
import { touch } from './touched.js';
import { listDataHead, listSpan } from './write-frames.js';
import { writeTrailers } from './write-head.js';

/** The most of a body in one frame of ours: every peer takes it. */
const DATA_BYTES_MAX = 16_384;

/** Bytes of body that may leave now. */
function roomOf({ sendWindow, connection }: Http2Stream): number {
  if (connection.client.blocked) return 0;
  return Math.min(sendWindow, connection.sendWindow, DATA_BYTES_MAX);
}

/** Sends a frame of `bytes` bytes at `at`, for which there is room. False: the slab is full. Hot. */
function sendData(w: CodecContext, s: Http2Stream, at: number, bytes: number, ends: boolean): boolean {
  const c = s.connection;
  if (!listDataHead(w, c, bytes, ends, s.id)) return false;
  if (bytes > 0) listSpan(w, c, at, bytes);
  s.sendWindow -= bytes;
  c.sendWindow -= bytes;
  s.sentBytes += bytes;
  c.abuse.dataSent();
  if (ends) s.endSent = true;
  return true;
}

/**
 * Takes a piece of the response body, and (`end`) what is behind it. What may not leave now waits in the stream, with a reference, and
 * the stream is blocked. False: the slab is full. Hot.
 */
export function sendBody(
  w: CodecContext,
  s: Http2Stream,
  at: number,
  bytes: number,
  end: boolean,
  trailers: string,
): boolean {
  if (end) {
    s.endQueued = true;
    s.trailers = trailers;
  }
  s.x.bytesOut += bytes;
  let from = at;
  let left = bytes;
  if (s.queueAt === s.queue.length) {
    while (left > 0) {
      const part = Math.min(left, roomOf(s));
      if (part <= 0) break;
      if (!sendData(w, s, from, part, part === left && end && trailers === '')) return false;
      from += part;
      left -= part;
    }
  }
  if (left > 0) {
    if (!makeRoom(w, s)) return false;
    w.engine.retain(from);
    s.queue.push(from, left);
    w.http2.waitingChunks++;
    s.connection.waitingChunks++;
  } else if (s.queueAt === s.queue.length && !sendEnd(w, s)) {
    return false;
  }
  setBlocked(w, s);
  return true;
}

/** The part of the slab that may wait in streams for clients. */
const PART_OF_SLAB = 4;

/**
 * As much as may wait in streams does: the connection with most of it is cut at the end of this turn, so that clients which open no
 * windows take no room from the others. False when that is the stream's own.
 */
function makeRoom(w: CodecContext, s: Http2Stream): boolean {
  if (w.http2.waitingChunks * PART_OF_SLAB < w.chunkCount) return true;
  let heaviest = s.connection;
  for (const c of w.http2.connections) if (c.waitingChunks > heaviest.waitingChunks) heaviest = c;
  if (heaviest === s.connection) return false;
  if (!heaviest.broken) w.count('H2_WRITE_STALL');
  heaviest.broken = true;
  touch(w, heaviest);
  return true;
}

/** Sends what ends the response, once nothing waits in front of it. False: the slab is full. */
function sendEnd(w: CodecContext, s: Http2Stream): boolean {
  if (!s.endQueued || s.endSent) return true;
  if (s.trailers === '') return sendData(w, s, 0, 0, true);
  s.endSent = true;
  return writeTrailers(w, s);
}

/** Sends one frame of what waits. True: there may be more that can leave. */
function sendOne(w: CodecContext, s: Http2Stream): boolean {
  const { queue } = s;
  if (s.queueAt === queue.length) return false;
  const part = Math.min(queue[s.queueAt + 1]!, roomOf(s));
  if (part <= 0) return false;
  const at = queue[s.queueAt]!;
  const whole = part === queue[s.queueAt + 1];
  const last = whole && s.queueAt + 2 === queue.length;
  if (!sendData(w, s, at, part, last && s.endQueued && s.trailers === '')) return false;
  if (!whole) {
    queue[s.queueAt]! += part;
    queue[s.queueAt + 1]! -= part;
    return true;
  }
  w.engine.release(at);
  w.http2.waitingChunks--;
  s.connection.waitingChunks--;
  s.queueAt += 2;
  if (!last) return true;
  queue.length = 0;
  s.queueAt = 0;
  sendEnd(w, s);
  return false;
}

/** Whether the stream is blocked follows from what waits; its exchange and its server learn it when that changes. */
function setBlocked(w: CodecContext, s: Http2Stream): void {
  const blocked = s.queueAt < s.queue.length;
  if (blocked === s.blocked) return;
  s.blocked = blocked;
  const c = s.connection;
  c.blockedStreams += blocked ? 1 : -1;
  s.lookedAt = w.deadlines.now;
  s.lookedBytes = s.sentBytes;
  if (s.state !== STREAM.OPEN) return;
  clientBlocked(w, s.x);
  steerServer(w, s.x);
}

/** What waits in a stream may leave now: its window, that of its connection, or the socket has room again. */
export function streamGoesOn(w: CodecContext, s: Http2Stream): void {
  while (sendOne(w, s));
  settle(w, s);
}

/** After part of what waits has left. */
function settle(w: CodecContext, s: Http2Stream): void {
  setBlocked(w, s);
  if (s.state === STREAM.FLUSHING && s.endSent) endStream(w, s);
}

const waiting: Http2Stream[] = [];

/** The same for all streams of a connection: a frame of each in turn, so that none has to wait for the whole of another. */
export function connectionGoesOn(w: CodecContext, c: Http2Connection): void {
  if (c.blockedStreams === 0 || c.client.blocked) return;
  assert(waiting.length === 0, 'streams go on one connection at a time');
  for (const s of c.streams.values()) if (s.blocked) waiting.push(s);
  let sends = true;
  while (sends) {
    sends = false;
    for (let i = 0; i < waiting.length; i++) if (sendOne(w, waiting[i]!)) sends = true;
  }
  // Later ones may have had the window that earlier ones could not use.
  const all = waiting.splice(0);
  for (const s of all) if (s.state !== STREAM.CLOSED) settle(w, s);
}
