// Copies of requests for other pools. Whatever becomes of one, the client never feels it.
// Each copy has a connection of its own that ends with its answer, which is dropped unread. How many there are, and for
// how long, is bounded here: a copy counts where requests of its pool count, and is dropped where they would wait.

import { NO_SERVER, Tried } from '../balance/view.js';
import { BACKEND, type BackendConnection } from '../codec/connections.js';
import { gatherLastPiece, lastPiece } from '../codec/h1/relay.js';
import { closeBackend } from '../codec/h1/reuse.js';
import { sendRequestHead } from '../codec/h1/send-head.js';
import { sendProxyHeader } from '../codec/raw/proxy-out.js';
import { SEND_FLAG } from '../engine/layout.js';
import { openBackend } from './choose-server.js';
import type { Context } from './context.js';
import type { MirrorDrop } from './counters.js';
import type { Exchange } from './exchange.js';
import type { HeadEdit } from './head-edit.js';
import type { Pool } from './pools.js';

/** Bytes of bodies that may wait for a mirror that takes them slowly; beyond it the copy is given up. */
const MIRROR_QUEUE_BYTES_MAX = 262_144;

const tried = new Tried();

/** Sends the head of the client's request, changed by `edit`, to a server of each pool that filters named for a copy. */
export function beginCopies(w: Context, x: Exchange, edit: HeadEdit | null, more: boolean): void {
  for (const pool of w.copiesDue) beginCopy(w, x, pool, edit, more);
  w.copiesDue.length = 0;
}

function beginCopy(w: Context, x: Exchange, named: Pool, edit: HeadEdit | null, more: boolean): void {
  // The rule may be that of a plan before.
  const pool = named.retired ? w.poolNamed(named.plan.name) : named;
  if (pool === undefined) return;
  const index = enter(w, pool);
  if (index < 0) return;
  const server = w.servers.byIndex[index]!;
  const backend = openBackend(w, server, x, null);
  if (backend === null) {
    w.state.requestEnds(index);
    pool.breaker.leaves();
    countDrop(w, 'noRoom');
    return;
  }
  backend.mirrorOf = x;
  backend.mirrorPool = pool;
  w.mirrors++;
  w.counters.mirrored++;
  backend.to(BACKEND.MIRROR);
  setDeadline(w, x, backend);
  // What is sent before the connection stands waits in the engine.
  const isNamed = !backend.sendsProxyHeaderUnencrypted || sendProxyHeader(w, x.client, backend, true);
  if (!isNamed || !sendRequestHead(w, x, backend, edit, more)) {
    countDrop(w, 'noRoom');
    closeBackend(w, backend);
    return;
  }
  if (!x.request.done) x.mirrors.push(backend);
}

/**
 * Counts a copy in where requests are counted, and returns the server it goes to; below 0, and the drop counted, when
 * there is no room for it. A copy never waits: those who do are clients.
 */
function enter(w: Context, pool: Pool): number {
  if (w.mirrors >= w.limits.mirrorsMax) return refuse(w, 'mirrorsMax');
  if ((pool.limited && pool.line.busy()) || !pool.breaker.enters()) return refuse(w, 'poolLimits');
  tried.clear();
  const index = pool.balancer.pick(0, tried);
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

/** The mirror is waited for once it has all of the request; before that, the client is. */
function setDeadline(w: Context, x: Exchange, backend: BackendConnection): void {
  w.deadlines.set(backend.slot, x.request.done ? w.ticks.mirror : w.ticks.requestBody);
}

/**
 * Sends a copy of the piece of the body that went to the server last. A mirror that does not keep up is given up: it
 * gets a cut request, and the client does not wait for it.
 */
export function mirrorBody(w: Context, x: Exchange): void {
  for (const backend of [...x.mirrors]) {
    backend.waitingBytes = backend.blocked ? backend.waitingBytes + lastPiece.bytes : 0;
    if (backend.waitingBytes > MIRROR_QUEUE_BYTES_MAX) {
      countDrop(w, 'slow');
      closeBackend(w, backend);
      continue;
    }
    w.engine.sendBegin(backend.conn, SEND_FLAG.none);
    const sent = gatherLastPiece(w, x);
    w.engine.sendEnd();
    if (sent) {
      setDeadline(w, x, backend);
    } else {
      countDrop(w, 'noRoom');
      closeBackend(w, backend);
    }
  }
  if (x.request.done) x.mirrors.length = 0;
}

/** Gives up the copies whose body is not complete. */
export function mirrorsDrop(w: Context, x: Exchange): void {
  for (const backend of [...x.mirrors]) closeBackend(w, backend);
  x.mirrors.length = 0;
}
