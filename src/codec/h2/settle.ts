// The end of a turn for the connections that something was done with: what was listed leaves, a connection that is over is
// closed, and one that waits gets its deadline.
// Owns the deadline of a connection of HTTP/2, which is one for all that it waits for, and what it means that it has passed.

import { fail } from '../../exchange/events.js';
import type { CodecContext } from '../context.js';
import { clientMoves } from '../progress.js';
import { ABUSE, ABUSE_ROWS } from './abuse.js';
import { GOAWAY, type Http2Connection } from './connection.js';
import { closeConnection, goAway, goAwayForGood, lingerConnection } from './end-connection.js';
import { resetStream } from './end-stream.js';
import { H2_ERROR } from './frames.js';
import { STREAM } from './stream.js';
import { touch } from './touched.js';
import { flushOut } from './write-frames.js';

/** Looks at a client that takes what waits, within the time it has to take some of it. */
const LOOKS = 4;
/** What a client has to take of a stream that waits, within `timeouts.responseIdle`: less is a stall (CVE-2019-9511, -9517). */
const STALL_BYTES = 16_384;

/** To be called at the end of everything that takes steps. */
export function settleAll(w: CodecContext): void {
  const { touched } = w.http2;
  for (let i = 0; i < touched.length; i++) settle(w, touched[i]!);
  touched.length = 0;
}

function settle(w: CodecContext, c: Http2Connection): void {
  c.touched = false;
  if (c.closed) return;
  if (c.waitingFrames > 0 && c.abuse.waiting(c.waitingFrames) !== ABUSE.NONE) {
    w.count(ABUSE_ROWS[ABUSE.WAITING_FRAMES]!.reason);
    c.broken = true;
  }
  if (c.broken) {
    closeConnection(w, c, true);
    return;
  }
  if (w.draining && c.requests > 0) goAway(w, c);
  flushOut(w, c);
  if (c.goAway === GOAWAY.FINAL && c.streams.size === 0) lingerConnection(w, c);
  else arm(w, c);
}

const sooner = (one: number, other: number): number => (one === 0 || (other !== 0 && other < one) ? other : one);

/** Sets the deadline of what comes first of all that the connection waits for. */
function arm(w: CodecContext, c: Http2Connection): void {
  const { deadlines, ticks } = w;
  const { now } = deadlines;
  if (c.streams.size > 0) c.idleAt = 0;
  else if (c.idleAt === 0 && ticks.idle > 0) c.idleAt = now + ticks.idle;
  if (!c.reader.isInBlock) c.blockAt = 0;
  else if (c.blockAt === 0 && ticks.requestHead > 0) c.blockAt = now + ticks.requestHead;
  if (c.blockedStreams === 0 && !c.client.blocked) c.lookAt = 0;
  else if (c.lookAt === 0) c.lookAt = now + lookTicks(w);
  const at = sooner(sooner(c.idleAt, c.blockAt), sooner(c.goAwayAt, c.lookAt));
  if (at === 0) deadlines.clear(c.client.slot);
  else deadlines.set(c.client.slot, Math.max(at - now, 1));
}

/** How long until a client that has to take something is looked at. */
function lookTicks({ ticks }: CodecContext): number {
  const { clientRate, responseIdle } = ticks;
  return responseIdle === 0 ? clientRate : Math.min(Math.ceil(responseIdle / LOOKS), clientRate);
}

/** The deadline of a connection has passed. */
export function connectionLate(w: CodecContext, c: Http2Connection): void {
  const { now } = w.deadlines;
  const isLate = (at: number): boolean => at !== 0 && now >= at;
  touch(w, c);
  if (c.client.blocked && !clientMoves(w, c.client)) {
    closeConnection(w, c, true);
  } else if (isLate(c.blockAt)) {
    w.count('HEAD_TIMEOUT');
    closeConnection(w, c, true);
  } else if (isLate(c.idleAt)) {
    goAwayForGood(w, c);
  } else {
    if (isLate(c.goAwayAt)) goAwayForGood(w, c);
    if (isLate(c.lookAt)) c.lookAt = 0;
    if (!c.client.blocked) endStalled(w, c);
  }
}

/** Ends the streams whose window the client does not open, or only so far that a response takes for ever. */
function endStalled(w: CodecContext, c: Http2Connection): void {
  const { responseIdle } = w.ticks;
  const { now } = w.deadlines;
  if (responseIdle === 0 || c.blockedStreams === 0) return;
  for (const s of [...c.streams.values()]) {
    if (!s.blocked || now - s.lookedAt < responseIdle) continue;
    if (s.sentBytes - s.lookedBytes >= STALL_BYTES) {
      s.lookedAt = now;
      s.lookedBytes = s.sentBytes;
      continue;
    }
    w.counters.clientsTooSlow++;
    if (s.state === STREAM.OPEN) fail(w, s.x, 'CLIENT_LEFT');
    else resetStream(w, s, H2_ERROR.CANCEL);
  }
}
