// Copies of requests for other pools. Whatever becomes of one, the client never feels it.
// Each copy is an attempt of its own, on a connection of its own that ends with its answer, which is dropped unread. How many
// there are, and for how long, is bounded here: a copy counts where requests of its pool count, and is dropped where they
// would wait.

import { Attempted, NO_SERVER } from '../balance/view.js';
import { type Attempt, endAttempt } from './attempt.js';
import type { Context } from './context.js';
import type { MirrorDrop } from './counters.js';
import type { Exchange } from './exchange.js';
import type { HeadEdit } from './head-edit.js';
import type { Pool } from './pools.js';

/** Bytes of bodies that may wait for a mirror that takes them slowly; beyond it the copy is given up. */
const MIRROR_QUEUE_BYTES_MAX = 262_144;

const attempted = new Attempted();

/** Sends the head of the client's request, changed by `edit`, to a server of each pool that filters named for a copy. */
export function beginCopies(w: Context, x: Exchange, edit: HeadEdit | null, more: boolean): void {
  for (const pool of w.copiesDue) beginCopy(w, x, pool, edit, more);
  w.copiesDue.length = 0;
}

function beginCopy(w: Context, x: Exchange, named: Pool, edit: HeadEdit | null, more: boolean): void {
  // The rule may be that of an earlier snapshot.
  const pool = named.retired ? w.poolNamed(named.plan.name) : named;
  if (pool === undefined) return;
  const index = enter(w, pool);
  if (index < 0) return;
  const server = w.servers.byIndex[index]!;
  const copy = w.copyTake(x);
  copy.begin(pool, server);
  copy.backend = w.backendStream.open(w, copy, server);
  if (copy.backend === null) {
    endAttempt(w, copy);
    w.copyFree(copy);
    pool.breaker.leaves();
    countDrop(w, 'noRoom');
    return;
  }
  w.mirrors++;
  w.counters.mirrored++;
  setDeadline(w, copy);
  // What is sent before the connection stands waits in the engine.
  if (!w.backendStream.beginCopy(w, copy) || !w.backendStream.writeHead(w, copy, edit, more)) {
    dropCopy(w, copy, 'noRoom');
    return;
  }
  if (!x.request.done) x.copies.push(copy);
}

/**
 * Counts a copy in where requests are counted, and returns the server it goes to; below 0, and the drop counted, when
 * there is no room for it. A copy never waits: those who do are clients.
 */
function enter(w: Context, pool: Pool): number {
  if (w.mirrors >= w.limits.mirrorsMax) return refuse(w, 'mirrorsMax');
  if ((pool.limited && pool.line.busy()) || !pool.breaker.enters()) return refuse(w, 'poolLimits');
  attempted.clear();
  const index = pool.balancer.pick(0, attempted);
  if (index >= 0 && w.state.requestBegins(index)) return index;
  pool.breaker.leaves();
  return refuse(w, index === NO_SERVER ? 'noServer' : 'poolLimits');
}

/** Counts a copy that was not sent, or was given up. */
export function countDrop(w: Context, why: MirrorDrop): void {
  const { mirrorsDropped } = w.counters;
  mirrorsDropped.set(why, (mirrorsDropped.get(why) ?? 0) + 1);
}

function refuse(w: Context, why: MirrorDrop): number {
  countDrop(w, why);
  return -1;
}

function dropCopy(w: Context, copy: Attempt, why: MirrorDrop): void {
  countDrop(w, why);
  w.backendStream.close(w, copy);
}

/** The mirror is waited for once it has all of the request; before that, the client is. */
function setDeadline(w: Context, { exchange, id }: Attempt): void {
  w.attemptDeadlines.set(id, exchange.request.done ? w.ticks.mirror : w.ticks.requestBody);
}

/**
 * Sends a copy of the piece of the body that has just gone to the server. A mirror that does not keep up is given up: it
 * gets a cut request, and the client does not wait for it.
 */
export function copyBody(w: Context, x: Exchange): void {
  for (const copy of [...x.copies]) {
    copy.waitingBytes = copy.backend!.blocked ? copy.waitingBytes + w.piece.bytes : 0;
    if (copy.waitingBytes > MIRROR_QUEUE_BYTES_MAX) dropCopy(w, copy, 'slow');
    else if (w.backendStream.writeBody(w, copy, w.piece)) setDeadline(w, copy);
    else dropCopy(w, copy, 'noRoom');
  }
  if (x.request.done) x.copies.length = 0;
}

/** Gives up the copies whose body is not complete. */
export function dropCopies(w: Context, x: Exchange): void {
  for (const copy of [...x.copies]) w.backendStream.close(w, copy);
  x.copies.length = 0;
}

/** Ends a copy: takes it from what its pool, its server and this worker have under way. */
export function endCopy(w: Context, copy: Attempt): void {
  const place = copy.exchange.copies.indexOf(copy);
  if (place >= 0) copy.exchange.copies.splice(place, 1);
  copy.pool!.breaker.leaves();
  w.mirrors--;
  endAttempt(w, copy);
  w.copyFree(copy);
}
