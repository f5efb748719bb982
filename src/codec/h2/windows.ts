// What a stream holds of either body, taken and given back: chunks of the slab, and windows of the client.

import type { CodecContext } from '../context.js';
import type { Http2Connection } from './connection.js';
import { WINDOW_USUAL } from './settings.js';
import type { Http2Stream } from './stream.js';
import { touch } from './touched.js';
import { writeWindowUpdate } from './write-frames.js';

/** The part of the slab that bodies may take which wait in streams, those of requests and of responses each. */
const PART_OF_SLAB = 4;

/** Drops what of the response waits in a stream. */
export function dropQueue(w: CodecContext, s: Http2Stream): void {
  for (let i = s.queueAt; i < s.queue.length; i += 2) {
    w.engine.release(s.queue[i]!);
    w.http2.waitingChunks--;
    s.connection.waitingChunks--;
  }
  s.queue.length = 0;
  s.queueAt = 0;
  if (!s.blocked) return;
  s.blocked = false;
  s.connection.blockedStreams--;
}

/** Keeps a piece of a request body that cannot go on yet. False: there is no room for it. */
export function holdBody(w: CodecContext, s: Http2Stream, at: number, bytes: number): boolean {
  const { chunks } = s.held;
  const before = chunks.length;
  const kept = makeRoom(w, s.connection) && s.held.add(w.engine, w.memory, at, bytes);
  w.http2.heldChunks += chunks.length - before;
  s.connection.heldChunks += chunks.length - before;
  return kept;
}

/**
 * As much is held as may be: the connection that holds most is cut at the end of this turn, so that clients whose bodies wait take no
 * room from the others. False when that is the one which asks.
 */
function makeRoom(w: CodecContext, c: Http2Connection): boolean {
  if (w.http2.heldChunks * PART_OF_SLAB < w.chunkCount) return true;
  let heaviest = c;
  for (const other of w.http2.connections) if (other.heldChunks > heaviest.heldChunks) heaviest = other;
  if (heaviest === c) return false;
  if (!heaviest.broken) w.count('OVERLOADED');
  heaviest.broken = true;
  touch(w, heaviest);
  return true;
}

/** Drops what is held of a request body. */
export function dropHeld(w: CodecContext, s: Http2Stream): void {
  w.http2.heldChunks -= s.held.chunks.length;
  s.connection.heldChunks -= s.held.chunks.length;
  s.held.drop(w.engine);
}

/**
 * Gives the client back `bytes` bytes of both windows: they have gone on, or were dropped. An update goes out when half a window is
 * due, so that there is one for many frames.
 */
export function giveCredit(w: CodecContext, c: Http2Connection, s: Http2Stream | null, bytes: number): void {
  c.credit += bytes;
  if (c.credit >= w.http2.connectionWindow / 2) {
    writeWindowUpdate(w, c, 0, c.credit);
    c.receiveWindow += c.credit;
    c.credit = 0;
  }
  if (s === null || s.remoteDone) return;
  s.credit += bytes;
  if (s.credit < WINDOW_USUAL / 2) return;
  writeWindowUpdate(w, c, s.id, s.credit);
  s.receiveWindow += s.credit;
  s.credit = 0;
}
