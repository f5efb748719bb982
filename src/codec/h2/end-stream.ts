// The end of a stream, however it comes.
// Owns giving back what a stream holds. Leaves the end of its exchange to exchange/end.ts.

import { endExchange } from '../../exchange/end.js';
import type { CodecContext } from '../context.js';

import { H2_ERROR } from './frames.js';
import { type Http2Stream, STREAM } from './stream.js';
import { touch } from './touched.js';
import { dropHeld, dropQueue, giveCredit } from './windows.js';
import { writeReset } from './write-frames.js';

/** Streams that were reset and whose late frames are ignored, at most: the oldest is forgotten first. */
const RESETS_MAX = 256;

/** Gives back all that the stream holds. Its exchange is over. */
function release(w: CodecContext, s: Http2Stream): void {
  const c = s.connection;
  dropQueue(w, s);
  const held = s.held.bytes;
  dropHeld(w, s);
  c.streams.delete(s.id);
  s.to(STREAM.CLOSED);
  w.streamFree(s);
  if (held > 0) giveCredit(w, c, null, held);
  touch(w, c);
}

/** Resets the stream with an error; what comes for it from now on is ignored. */
function reset(w: CodecContext, s: Http2Stream, error: number): void {
  const c = s.connection;
  writeReset(w, c, s.id, error);
  if (s.remoteDone) return;
  if (c.resets.size >= RESETS_MAX) c.resets.delete(c.resets.values().next().value!);
  c.resets.add(s.id);
}

/** All of the response has left. A request that is not complete may stop now (RFC 9113, 8.1). */
export function endStream(w: CodecContext, s: Http2Stream): void {
  if (!s.remoteDone) reset(w, s, H2_ERROR.NO_ERROR);
  release(w, s);
}

/** The exchange of the stream is over, and its response was listed whole: what waits of it still goes. */
export function flushStream(w: CodecContext, s: Http2Stream): void {
  endExchange(w, s.x);
  s.to(STREAM.FLUSHING);
  if (s.endSent) endStream(w, s);
}

/** Ends a stream in the middle, with its exchange; `error` is what the client gets. */
export function resetStream(w: CodecContext, s: Http2Stream, error: number): void {
  if (s.state === STREAM.OPEN) endExchange(w, s.x);
  reset(w, s, error);
  release(w, s);
}

/** The client has reset the stream, or its connection is gone: it ends without a word. */
export function dropStream(w: CodecContext, s: Http2Stream): void {
  if (s.state === STREAM.OPEN) endExchange(w, s.x);
  release(w, s);
}
