// What has to hold between two turns of a worker, whatever clients and servers do. For the report, tests and fuzzing.
// Owns the whole-structure sweep. Single steps assert what they rely on where they stand.

import { POOL, SLICE } from '../balance/server-state.js';
import { BACKEND, type BackendConnection, backendOf, CLIENT, type ClientConnection } from '../codec/connections.js';
import type { Http2Connection } from '../codec/h2/connection.js';
import { type Http2Stream, STREAM } from '../codec/h2/stream.js';
import { CHUNK_BYTES, CONTROL } from '../engine/layout.js';
import type { Attempt } from '../exchange/attempt.js';
import { type Exchange, KIND, NO_ADDRESS, STAGE } from '../exchange/exchange.js';
import type { Worker } from './worker.js';

/** Violations reported at most: the first ones tell the cause. */
const VIOLATIONS_MAX = 20;

const STAGE_NAMES = Object.keys(STAGE);
const CLIENT_NAMES = Object.keys(CLIENT);
const BACKEND_NAMES = Object.keys(BACKEND);

/** Takes down what does not hold. */
type Report = (violation: string) => void;

/**
 * Checks the worker from outside a batch. Returns what does not hold, in words; empty when all is well.
 *
 * - every chunk has as many references as there are holders, so nothing leaks and nothing is freed early;
 * - what the shared server state counts for this worker is what its connections are doing;
 * - a connection holds what its state lets it hold, and each of two that belong together knows the other;
 * - something ends every wait: a deadline runs for each connection, or for the one it waits for.
 */
export function checkInvariants(w: Worker): string[] {
  const violations: string[] = [];
  const report: Report = (violation) => {
    if (violations.length < VIOLATIONS_MAX) violations.push(violation);
  };
  checkChunks(w, report);
  checkServers(w, report);
  checkPools(w, report);
  checkTables(w, report);
  w.connections.eachClient((client, slot) => checkClient(w, client, slot, report));
  w.connections.eachExchange((x) => {
    const wrong = (what: string): void => report(`exchange ${x.id}, ${STAGE_NAMES[x.stage]}: ${what}`);
    if (x.stage === STAGE.FREE) checkFree(x, wrong);
    else checkLinks(x, wrong);
  });
  w.connections.eachBackend((backend, slot) => checkBackend(w, backend, slot, report));
  return violations;
}

/** Says so when a count is not what it should be. */
function equal(report: Report, what: string, counted: number, expected: number): void {
  if (counted !== expected) report(`${what}: ${counted}, expected ${expected}`);
}

/** Every stream of HTTP/2 that is not over. */
function eachStream(w: Worker, visit: (stream: Http2Stream) => void): void {
  w.connections.eachClient(({ http2 }) => {
    for (const stream of http2?.streams.values() ?? []) visit(stream);
  });
}

/** A chunk with more references than holders is lost to the slab; one with fewer is overwritten while it is in use. */
function checkChunks(w: Worker, report: Report): void {
  const owed = w.engine.chunksOwed();
  const chunkAt = (at: number): number => Math.floor((at - w.engine.slabAt) / CHUNK_BYTES);
  const hold = (at: number, bytes = 1): void => {
    if (at === NO_ADDRESS) return;
    for (let chunk = chunkAt(at); chunk <= chunkAt(at + bytes - 1); chunk++) owed[chunk]! -= 1;
  };
  for (const at of w.chunksKept) hold(at);
  w.connections.eachClient((client) => {
    hold(client.x.headAt, Math.max(1, client.headRunBytes));
    hold(client.pendingAt);
  });
  eachStream(w, ({ x, headRunBytes, held, queue, queueAt }) => {
    hold(x.headAt, Math.max(1, headRunBytes));
    for (const chunk of held.chunks) hold(chunk);
    for (let i = queueAt; i < queue.length; i += 2) hold(queue[i]!);
  });
  w.connections.eachExchange(({ targetHeld, routedHeld, keptBody }) => {
    hold(targetHeld);
    hold(routedHeld);
    for (const chunk of keptBody.chunks) hold(chunk);
  });
  for (const [chunk, left] of owed.entries()) {
    if (left > 0) report(`chunk ${chunk}: ${left} more references than holders`);
    else if (left < 0) report(`chunk ${chunk}: ${-left} more holders than references`);
  }
}

/** Requests in flight and open connections, as the shared state has them for this worker. */
function checkServers(w: Worker, report: Report): void {
  const inFlight = new Map<number, number>();
  const connections = new Map<number, number>();
  const add = (counts: Map<number, number>, server: number): void => {
    counts.set(server, (counts.get(server) ?? 0) + 1);
  };
  w.connections.eachBackend(({ server }) => {
    if (server !== null) add(connections, server.index);
  });
  for (const { server } of openAttempts(w)) add(inFlight, server!.index);
  for (let server = 0; server < w.state.capacity.servers; server++) {
    equal(report, `server ${server}, requests in flight`, w.state.ownInFlight(server), inFlight.get(server) ?? 0);
    equal(report, `server ${server}, connections`, w.state.ownConnections(server), connections.get(server) ?? 0);
  }
}

/** Every attempt that is open, those of exchanges first, then copies. */
function openAttempts(w: Worker): Attempt[] {
  const open: Attempt[] = [];
  w.connections.eachExchange(({ attempt }) => {
    if (attempt.isOpen) open.push(attempt);
  });
  w.connections.eachBackend(({ attempt }) => {
    if (attempt?.isCopy) open.push(attempt);
  });
  return open;
}

/** Requests that wait, and those that a circuit breaker counts, by the pool's slot in the shared state. */
function checkPools(w: Worker, report: Report): void {
  const waiting = new Map<number, number>();
  const entered = new Map<number, number>();
  w.connections.eachExchange(({ pool, queued, entered: counted }) => {
    if (pool === null) {
      if (queued || counted) report('an exchange without a pool is counted by one');
      return;
    }
    const { slot } = pool.plan;
    if (queued) waiting.set(slot, (waiting.get(slot) ?? 0) + 1);
    if (counted && pool.breaker.counts) entered.set(slot, (entered.get(slot) ?? 0) + 1);
  });
  for (const { isCopy, pool } of openAttempts(w)) {
    if (!isCopy || !pool!.breaker.counts) continue;
    const { slot } = pool!.plan;
    entered.set(slot, (entered.get(slot) ?? 0) + 1);
  }
  const { words } = w.state;
  for (let slot = 0; slot < w.state.capacity.pools; slot++) {
    const own = w.state.sliceAt(w.index, slot);
    const queued = waiting.get(slot) ?? 0;
    equal(report, `pool ${slot}, requests that wait`, words[own + SLICE.waiting]!, queued);
    equal(
      report,
      `pool ${slot}, requests counted by its breaker`,
      words[own + SLICE.inFlight]!,
      entered.get(slot) ?? 0,
    );
    const all = Atomics.load(words, w.state.poolAt(slot) + POOL.waiting);
    if (all < queued) report(`pool ${slot}: ${all} requests wait in all workers, ${queued} of them here`);
  }
  for (const pool of w.pools) {
    equal(report, `pool ${pool.plan.name}, its line`, pool.line.length, waiting.get(pool.plan.slot) ?? 0);
  }
}

/** What is counted beside the tables of connections. */
function checkTables(w: Worker, report: Report): void {
  let clients = 0;
  let backends = 0;
  let parsers = 0;
  let handshakes = 0;
  let mirrors = 0;
  let longHeadBytes = 0;
  w.connections.eachClient(({ parser, handshaking, longHead }) => {
    clients++;
    longHeadBytes += longHead?.room ?? 0;
    if (parser !== null) parsers++;
    if (handshaking) handshakes++;
  });
  w.connections.eachBackend(({ parser, attempt, longHead }) => {
    backends++;
    longHeadBytes += longHead?.room ?? 0;
    if (attempt?.isCopy) mirrors++;
    if (parser !== null) parsers++;
  });
  equal(report, 'client connections of the engine', w.engine.counter(CONTROL.clientConnections), clients);
  equal(report, 'connections of the engine', w.engine.counter(CONTROL.connections), clients + backends);
  equal(report, 'parsers in use', w.llhttp.used, parsers);
  equal(report, 'handshakes under way', w.handshakes, handshakes);
  equal(report, 'bytes of long heads', w.longHeads.bytes, longHeadBytes);
  equal(report, 'copies of requests under way', w.mirrors, mirrors);
  let streams = 0;
  let waiting = 0;
  let held = 0;
  eachStream(w, (stream) => {
    streams++;
    waiting += (stream.queue.length - stream.queueAt) / 2;
    held += stream.held.chunks.length;
  });
  equal(report, 'streams of HTTP/2', w.connections.streamsOpen, streams);
  equal(report, 'pieces of responses that wait in streams', w.http2.waitingChunks, waiting);
  equal(report, 'chunks of requests held in streams', w.http2.heldChunks, held);
}

/** A connection of HTTP/2 and its streams: all that a turn made has left, and each stream that has an exchange is OPEN. */
function checkHttp2(w: Worker, c: Http2Connection, wrong: (what: string) => void): void {
  if (c.out.length > 0 || c.touched || c.closed) wrong('was not settled at the end of its turn');
  let blocked = 0;
  for (const stream of c.streams.values()) {
    const says = (what: string): void => wrong(`its stream ${stream.id} ${what}`);
    if (stream.blocked) blocked++;
    if (stream.connection !== c) says('believes in another connection');
    if ((stream.state === STREAM.OPEN) !== (stream.x.stage !== STAGE.FREE))
      says('is open without an exchange, or the reverse');
    if (stream.blocked !== stream.queueAt < stream.queue.length) says('does not know whether anything waits');
    if (stream.state === STREAM.FLUSHING && !stream.blocked) says('is over, and nothing of it waits');
    if (stream.state === STREAM.OPEN) checkExchange(w, stream.x, says);
    if (stream.state === STREAM.OPEN && !c.client.blocked && streamWaitsForEver(w, stream)) says('waits for ever');
  }
  equal(wrong, 'its blocked streams', c.blockedStreams, blocked);
}

/** Nothing would end the wait of a stream whose peers fall silent, though no timeout is switched off. */
function streamWaitsForEver(w: Worker, { carrier, x, blocked }: Http2Stream): boolean {
  if (anyTimeoutIsOff(w) || (x.queued && x.pool!.queueTicks === 0)) return false;
  if (blocked && w.deadlines.runs(carrier.slot)) return false;
  return !exchangeIsTimed(w, x);
}

function checkClient(w: Worker, client: ClientConnection, slot: number, report: Report): void {
  const { state, x } = client;
  const { attempt } = x;
  const backend = attempt.backend as BackendConnection | null;
  const wrong = (what: string): void => report(`client connection ${slot}, ${CLIENT_NAMES[state]}: ${what}`);
  if (client.headAt !== NO_ADDRESS) wrong('reads a head between two turns');
  if (client.slot !== slot) wrong(`stands in slot ${slot} and believes in ${client.slot}`);
  for (const pinned of client.pinned) {
    if (pinned.owner !== client || pinned.state !== BACKEND.IDLE)
      wrong('a connection that is pinned to it is not idle, or not its own');
  }
  switch (state) {
    case CLIENT.CLOSED:
      wrong('still in the table');
      break;
    case CLIENT.BUSY:
      if (!client.blocked && w.deadlines.runs(slot)) wrong('its socket takes what it gets, and has a deadline');
      checkExchange(w, client.x, wrong);
      break;
    case CLIENT.TUNNEL:
      if (backend?.state !== BACKEND.TUNNEL) wrong('has no other end');
      break;
    default:
      if (client.x.stage !== STAGE.FREE) wrong(`has an exchange, ${STAGE_NAMES[client.x.stage]}`);
      if (state !== CLIENT.HEAD && client.parser !== null) wrong('holds a parser');
  }
  if ((client.http2 !== null) !== (state === CLIENT.HTTP2)) wrong('does not know whether it speaks HTTP/2');
  if (client.http2 !== null) checkHttp2(w, client.http2, wrong);
  if (waitsForEver(w, client)) wrong('no deadline runs for what it waits for');
}

/** An exchange that is not under way holds nothing, and is counted nowhere. */
function checkFree(x: Exchange, wrong: (what: string) => void): void {
  if (x.attempt.isOpen || x.copies.length > 0) wrong('has an attempt');
  if (x.queued || x.entered) wrong('is counted by a pool');
  if (x.headAt !== NO_ADDRESS || x.targetHeld !== NO_ADDRESS || x.routedHeld !== NO_ADDRESS)
    wrong('holds the head of a request');
  if (x.keeping || x.keptBody.chunks.length > 0) wrong('keeps a request');
  if (x.rule !== null || x.pool !== null || x.wait !== null) wrong('has the rule, the pool or the wait of a request');
  if (x.head !== null) wrong('points to the head of a request');
}

/** What an exchange and its connections know of each other. */
function checkLinks(x: Exchange, wrong: (what: string) => void): void {
  const { attempt } = x;
  const backend = attempt.backend as BackendConnection | null;
  if (backend !== null && (backend.exchange !== x || backend.attempt !== attempt))
    wrong('its backend connection does not know it');
  for (const copy of x.copies) {
    if (!copy.isOpen || copy.exchange !== x || backendOf(copy).state !== BACKEND.MIRROR)
      wrong('one of its copies is none');
  }
}

/** Between two turns every exchange under way waits for exactly what its stage says. */
function checkExchange(w: Worker, x: Exchange, wrong: (what: string) => void): void {
  const { attempt, stage, queued } = x;
  const backend = attempt.backend as BackendConnection | null;
  const says = (what: string): void => wrong(`its exchange, ${STAGE_NAMES[stage]}, ${what}`);
  if ((x.rule === null) !== (x.kind === KIND.RAW)) says(x.rule === null ? 'has no rule' : 'is raw, and has a rule');
  if (queued !== (stage === STAGE.QUEUED)) says(queued ? 'stands in the line of its pool' : 'stands in no line');
  if (stage === STAGE.BACKOFF && attempt.reason === null) says('does not know why its last attempt failed');
  const hasAttempt = x.isAtServer || stage === STAGE.CONNECTING;
  if (attempt.isOpen !== hasAttempt) says(hasAttempt ? 'has no attempt' : 'has an attempt');
  if (x.pool?.retired && w.poolNamed(x.pool.plan.name)) says('holds a retired pool');
  if ((x.head === null) !== (x.headAt === NO_ADDRESS)) says('has a head and not its bytes, or the reverse');
  if ((x.wait !== null) !== (stage === STAGE.FILTERING)) says('does not know whether a filter holds it up');
  switch (stage) {
    case STAGE.FILTERING:
      if (x.pool !== null) says('has a pool already');
      if (x.headAt === NO_ADDRESS) says('has no head to go on with');
      break;
    case STAGE.QUEUED:
    case STAGE.BACKOFF:
      break;
    case STAGE.CONNECTING:
      if (backend?.state !== BACKEND.CONNECTING) says('has no backend connection that connects');
      break;
    case STAGE.SENDING:
    case STAGE.WAITING:
    case STAGE.RESPONDING:
      if (x.kind === KIND.RAW) says('is raw, and speaks HTTP');
      if (x.pool === null) says('has no pool');
      if (backend?.state !== BACKEND.HEAD && backend?.state !== BACKEND.BODY) says('has no backend connection at work');
      break;
    default:
      says('is between two steps');
  }
}

/** Nothing would end the wait of a client connection whose peer falls silent, though no timeout is switched off. */
function waitsForEver(w: Worker, client: ClientConnection): boolean {
  if (anyTimeoutIsOff(w) || (client.x.queued && client.x.pool!.queueTicks === 0)) return false;
  if (client.http2 !== null && client.http2.streams.size > 0) return false; // each of them has its own
  return !w.deadlines.runs(client.slot) && !exchangeIsTimed(w, client.x);
}

function anyTimeoutIsOff({ timeouts }: Worker): boolean {
  const { connectMs, idleMs, requestBodyMs, requestHeadMs, responseHeadMs, responseIdleMs, tunnelIdleMs } = timeouts;
  const bounded = [connectMs, idleMs, requestBodyMs, requestHeadMs, responseHeadMs, responseIdleMs, tunnelIdleMs];
  return bounded.includes(0);
}

/** A deadline runs for the exchange, for its attempt, or for the connection that carries that. */
function exchangeIsTimed(w: Worker, x: Exchange): boolean {
  const { backend, id } = x.attempt;
  if (w.exchangeDeadlines.runs(x.id) || w.attemptDeadlines.runs(id)) return true;
  return backend !== null && w.deadlines.runs((backend as BackendConnection).slot);
}

function checkBackend(w: Worker, backend: BackendConnection, slot: number, report: Report): void {
  const { exchange: x, attempt, server, state } = backend;
  const wrong = (what: string): void => report(`backend connection ${slot}, ${BACKEND_NAMES[state]}: ${what}`);
  if (backend.slot !== slot) wrong(`stands in slot ${slot} and believes in ${backend.slot}`);
  if (server === null) wrong('has no server');
  if (attempt !== null && (!attempt.isOpen || attempt.backend !== backend)) wrong('its attempt does not know it');
  if (x !== null && x.attempt !== attempt) wrong('its client connection does not know it');
  switch (state) {
    case BACKEND.CLOSED:
      wrong('still in the table');
      break;
    case BACKEND.IDLE:
      if (x !== null || attempt !== null) wrong('is at work');
      if (backend.aside === (server?.idle[backend.idleAt] === backend))
        wrong('is set aside, or on the idle list: not one of them');
      if (server?.current === false && !backend.aside) wrong('is kept for a server that left the configuration');
      if (backend.parser !== null) wrong('holds a parser');
      break;
    case BACKEND.MIRROR:
      if (x !== null) wrong('belongs to a client connection');
      if (attempt?.isCopy !== true) wrong('carries no copy');
      break;
    default:
      if (x === null) wrong('works for no client connection');
      if (attempt === null) wrong('carries no attempt');
      if (!backend.blocked && w.deadlines.runs(slot)) wrong('its socket takes what it gets, and has a deadline');
      if (backend.idleAt !== NO_ADDRESS) wrong('is on the idle list of its server');
  }
  if (state === BACKEND.IDLE || state === BACKEND.MIRROR) {
    const { backendIdleMs, responseHeadMs } = w.timeouts;
    const runs = attempt === null ? w.deadlines.runs(slot) : w.attemptDeadlines.runs(attempt.id);
    if (backendIdleMs > 0 && responseHeadMs > 0 && !runs) wrong('no deadline runs for it');
  }
}
