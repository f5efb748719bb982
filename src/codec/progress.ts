// Idle means that nothing moved: whether bytes still move towards a peer that takes them slowly, or in a TLS record that
// comes slowly. No event says so, since the kernel's buffers are between; so it is looked for when a deadline passes, off
// the hot path, several times within each wait.
// Owns these looks, and the minimum rate of clients. Leaves to flow.ts who waits for whom.

import { TICK_MS } from '../base/tick.js';
import type { Exchange } from '../exchange/exchange.js';
import { ticksOf } from '../exchange/request-deadlines.js';
import { BACKEND, type BackendConnection, backendOf, CLIENT, type ClientConnection, clientOf } from './connections.js';
import type { CodecContext } from './context.js';
import { type Movement, UNSEEN } from './movement.js';

/** Looks in one wait: one that ends after nothing moved is met at most a quarter late. */
const LOOKS = 4;

/** A connection of either kind. */
interface Moving {
  readonly conn: number;
  readonly slot: number;
  readonly movement: Movement;
}

/** Acknowledged bytes, and those of a TLS record under way. */
const progress = new Float64Array(2);

function look(w: CodecContext, connection: Moving, ticks: number): void {
  const { clientRate } = w.ticks;
  const next = ticks === 0 ? clientRate : Math.min(Math.ceil(ticks / LOOKS), clientRate);
  w.deadlines.set(connection.slot, next);
}

/** From now on the peer has to take something of what waits for it every `ticks` ticks; 0 for no limit but its rate. */
export function watch(w: CodecContext, connection: Moving, ticks: number): void {
  const { movement } = connection;
  movement.ticks = ticks;
  movement.at = w.deadlines.now;
  movement.bytes = UNSEEN;
  movement.rateAt = 0;
  look(w, connection, ticks);
}

/**
 * Looks at a watched connection as its deadline passes. True: its peer has taken something in time, at `rateMin` bytes a
 * second or more, and the next look has its deadline.
 */
function stillTakes(w: CodecContext, connection: Moving, rateMin: number): boolean {
  const { movement } = connection;
  const { now } = w.deadlines;
  if (!w.engine.progress(connection.conn, progress)) return false;
  const bytes = progress[0]!;
  if (movement.bytes !== bytes) {
    // What moved before the first look cannot be told from what had moved before: only from here on it counts.
    if (movement.bytes !== UNSEEN || now - movement.at >= movement.ticks) movement.at = now;
    movement.bytes = bytes;
  }
  if (movement.ticks !== 0 && now - movement.at >= movement.ticks) return false;
  if (movement.rateAt === 0) {
    movement.rateAt = now;
    movement.rateBytes = bytes;
  } else if (rateMin > 0 && now - movement.rateAt >= w.ticks.clientRate) {
    const seconds = ((now - movement.rateAt) * TICK_MS) / 1000;
    if (bytes - movement.rateBytes < rateMin * seconds) {
      w.counters.clientsTooSlow++; // only clients have a minimum
      return false;
    }
    movement.rateAt = now;
    movement.rateBytes = bytes;
  }
  look(w, connection, movement.ticks);
  return true;
}

/** True when part of a TLS record came since data did, or since this was asked: bytes move, though none can be read yet. */
function stillSends(w: CodecContext, conn: number): boolean {
  return w.engine.progress(conn, progress) && progress[1]! > 0;
}

/** A client whose deadline has passed, but with whom bytes move: it has its next deadline. */
export function clientMoves(w: CodecContext, client: ClientConnection): boolean {
  const { blocked } = client;
  const rateMin = w.limits.clientBytesPerSecondMin;
  switch (client.state) {
    case CLIENT.IDLE:
      return blocked && stillTakes(w, client, rateMin);
    case CLIENT.LINGER:
      return stillTakes(w, client, rateMin);
    case CLIENT.BUSY:
    case CLIENT.HTTP2:
      return blocked && stillTakes(w, client, rateMin);
    case CLIENT.TUNNEL: {
      const backend = backendOf(client.x.attempt);
      if ((blocked && stillTakes(w, client, 0)) || (backend.blocked && takesTunnel(w, client))) return true;
      if (!stillSends(w, client.conn) && !stillSends(w, backend.conn)) return false;
      w.deadlines.set(client.slot, ticksOf(w, client.x).tunnelIdle);
      return true;
    }
    default:
      return false;
  }
}

/** An exchange whose deadline has passed, but with whose client bytes move: the next deadline runs. */
export function exchangeMoves(w: CodecContext, x: Exchange): boolean {
  const client = clientOf(x);
  const { requestBody } = ticksOf(w, x);
  if (client.blocked) {
    // A client that is watched for a response has that deadline on its connection; one that only uploads has this one alone.
    w.exchangeDeadlines.set(x.id, x.request.done || x.responseStarted ? 0 : requestBody, x.expires);
    return stillTakes(w, client, w.limits.clientBytesPerSecondMin);
  }
  if (x.request.done || !stillSends(w, client.conn)) return false;
  w.exchangeDeadlines.set(x.id, requestBody, x.expires);
  return true;
}

/** As stillTakes for the server's side of a tunnel, whose deadline is the client's. */
function takesTunnel(w: CodecContext, client: ClientConnection): boolean {
  const backend = backendOf(client.x.attempt);
  if (!stillTakes(w, backend, 0)) return false;
  w.deadlines.clear(backend.slot);
  look(w, client, backend.movement.ticks);
  return true;
}

/** Watches one side of a tunnel. */
export function watchTunnel(w: CodecContext, client: ClientConnection, side: Moving, ticks: number): void {
  watch(w, side, ticks);
  w.deadlines.clear(side.slot);
  look(w, client, ticks);
}

/** A server whose deadline has passed, but which still takes the request, or sends a record: the next deadline runs. */
export function serverMoves(w: CodecContext, backend: BackendConnection): boolean {
  const { exchange: x } = backend;
  if (x === null) return false;
  const { expires, id } = x.attempt;
  if (expires !== 0 && w.deadlines.now >= expires) return false;
  if (backend.state !== BACKEND.HEAD && backend.state !== BACKEND.BODY) return false;
  if (backend.blocked && !x.client.blocked) {
    w.attemptDeadlines.set(id, 0, expires);
    return stillTakes(w, backend, 0);
  }
  if (backend.state !== BACKEND.BODY || !stillSends(w, backend.conn)) return false;
  w.attemptDeadlines.set(id, ticksOf(w, x).responseIdle, expires);
  return true;
}
