// The end of a connection of HTTP/2: by GOAWAY, by an error, or since its socket is gone.
// Owns the order of it. Leaves lingering and closing to codec/close.ts, and the end of each stream to end-stream.ts.

import { fail } from '../../exchange/events.js';
import { CLIENT_KIND } from '../../exchange/streams.js';
import { closeClient, linger } from '../close.js';
import type { CodecContext } from '../context.js';
import { GOAWAY, type Http2Connection } from './connection.js';
import { dropStream } from './end-stream.js';
import { H2_ERROR, WINDOW_MAX } from './frames.js';
import { STREAM } from './stream.js';
import { touch } from './touched.js';
import { dropOut, flushOut, writeGoAway, writePing } from './write-frames.js';

/** How long we wait for the answer to our PING before the last GOAWAY, in ticks of 100 ms: several round trips. */
const GRACE_TICKS = 20;

/** Ends all streams without a word. */
function dropStreams(w: CodecContext, c: Http2Connection): void {
  for (const s of [...c.streams.values()]) {
    s.gone = true;
    if (s.state === STREAM.OPEN) fail(w, s.x, 'CLIENT_LEFT');
    else if (s.state === STREAM.FLUSHING) dropStream(w, s);
  }
}

/** From here on the client connection is one that has nothing to say. */
function leave(w: CodecContext, c: Http2Connection): void {
  c.closed = true;
  w.http2.connections.delete(c);
  c.reader.release();
  c.table.release();
  c.encoderTable.release();
  c.client.http2 = null;
  c.client.kind = CLIENT_KIND.H1;
}

/** All is said: ends our direction once it has left, and reads on for a while. */
export function lingerConnection(w: CodecContext, c: Http2Connection): void {
  flushOut(w, c);
  leave(w, c);
  linger(w, c.client);
}

/**
 * The client will send no more: it is gone. Without its WINDOW_UPDATEs and the answers to what it is asked no connection of HTTP/2
 * goes on, so none is served that is half-closed. What was listed before still leaves.
 */
export function http2Ended(w: CodecContext, c: Http2Connection): void {
  c.client.ended = true;
  c.closed = true;
  dropStreams(w, c);
  lingerConnection(w, c);
}

/** Closes the connection at once, with all that is under way on it; `cut` makes the client see that it was cut. */
export function closeConnection(w: CodecContext, c: Http2Connection, cut: boolean): void {
  c.closed = true;
  dropStreams(w, c);
  dropOut(w, c);
  leave(w, c);
  closeClient(w, c.client, cut);
}

/** Ends the connection with an error; `says` is for people who debug the client. */
export function failConnection(w: CodecContext, c: Http2Connection, error: number, says: string): void {
  if (c.closed) return;
  c.closed = true;
  dropStreams(w, c);
  writeGoAway(w, c, c.lastId, error, says);
  lingerConnection(w, c);
}

/** Says that no more requests are wanted. Those that are on their way still count. */
export function goAway(w: CodecContext, c: Http2Connection): void {
  if (c.goAway !== GOAWAY.NONE || c.closed) return;
  c.goAway = GOAWAY.ANNOUNCED;
  c.goAwayAt = w.deadlines.now + GRACE_TICKS;
  writeGoAway(w, c, WINDOW_MAX, H2_ERROR.NO_ERROR, '');
  writePing(w, c, false, 0, 0);
}

/** Says which requests were taken. Once their streams are over, so is the connection. */
export function goAwayForGood(w: CodecContext, c: Http2Connection): void {
  if (c.goAway === GOAWAY.FINAL || c.closed) return;
  c.goAway = GOAWAY.FINAL;
  c.goAwayAt = 0;
  writeGoAway(w, c, c.lastId, H2_ERROR.NO_ERROR, '');
  touch(w, c);
}
