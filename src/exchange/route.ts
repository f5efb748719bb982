// Finds the rule for a request, and the path as the rule saw it.

import type { Engine } from '../engine/engine.js';
import { CHUNK_BYTES, PEER_BYTES } from '../engine/layout.js';
import { METHOD } from '../http/methods.js';
import type { ReasonCode } from '../http/reasons.js';
import {
  hasRepeatedSlashes,
  mergeRuns,
  normalisePath,
  PATH_AS_IS,
  PATH_GROWTH,
  PATH_REFUSED,
  scanPath,
} from '../routing/path.js';
import type { RepeatedSlashes, RulePlan } from '../routing/plan.js';
import { NOT_STATED } from './client-address.js';
import type { AnyExchange } from './client-info.js';
import type { Context } from './context.js';
import { peerBytes } from './trust.js';

/** What routing needs of a worker. */
export interface RouteContext
  extends Pick<
    Context,
    | 'memory'
    | 'writer'
    | 'scratch'
    | 'scratchKeep'
    | 'asterisk'
    | 'trust'
    | 'matcher'
    | 'rules'
    | 'distinguishesSlashes'
  > {
  readonly engine: Pick<Engine, 'peers' | 'retain'>;
}

/** True when some listener or rule does not merge runs of `/`. */
export function distinguishesSlashes(
  listeners: readonly { readonly repeatedSlashes?: RepeatedSlashes }[],
  rules: readonly RulePlan[],
): boolean {
  return [...listeners, ...rules].some(({ repeatedSlashes = 'merge' }) => repeatedSlashes !== 'merge');
}

const COLON = 0x3a;
const BRACKET = 0x5d;
const QUESTION = 0x3f;

/** Length of a host without its port. */
export function hostNameBytes(memory: Uint8Array, at: number, bytes: number): number {
  for (let i = at + bytes - 1; i >= at; i--) {
    const byte = memory[i]!;
    if (byte === COLON) return i - at;
    if (byte === BRACKET) return bytes;
  }
  return bytes;
}

/** The target that leaves runs of `/` as they came, beside the one in the exchange; 0 bytes of path when refused. */
const kept = { at: 0, pathBytes: 0 };

/**
 * Finds the rule of a request. The path is made normal first, and the server gets what was matched: a rule
 * cannot be walked around by writing its path differently. Only runs of `/`, which are one for every rule, may go on as they
 * came. Returns why the request is refused, or null.
 */
export function route(w: RouteContext, x: AnyExchange): ReasonCode | null {
  const { memory } = w;
  if (x.targetBytes === 0 && x.method === METHOD.OPTIONS) {
    // An absolute target without a path is about the server itself: the last proxy asks for `*` (RFC 9112, 3.2.4).
    x.targetAt = w.asterisk.at;
    x.targetBytes = w.asterisk.bytes;
  }
  const at = x.targetAt;
  const end = at + x.targetBytes;
  let query = at;
  while (query < end && memory[query] !== QUESTION) query++;
  const scanned = scanPath(memory, at, query - at);
  if (scanned === PATH_REFUSED) return 'TARGET_INVALID';
  let hasRuns = false;
  if (scanned === PATH_AS_IS) {
    x.targetPathBytes = query - at;
    x.pathAt = at;
    x.pathBytes = query - at;
    x.queryAt = query + 1;
    x.queryBytes = query < end ? end - query - 1 : 0;
  } else {
    hasRuns = w.distinguishesSlashes && hasRepeatedSlashes(memory, at, query - at);
    const refused = rewritePath(w, x, at, query, end, hasRuns);
    if (refused !== null) return refused;
  }
  x.hostNameBytes = hostNameBytes(memory, x.hostAt, x.hostBytes);
  readClientAddress(w, x);
  const index = w.matcher.match(x);
  if (index < 0) return 'NO_ROUTE';
  x.prefixBytes = w.matcher.prefixBytes;
  const { filters } = x.client.listener.http;
  const rule = filters === null ? w.rules[index]! : w.rules[index]!.under(filters);
  x.rule = rule;
  // From here on every answer, also one of our own, is changed as the rule says.
  const { routed } = rule.phases;
  for (let i = 0; i < routed.length; i++) routed[i]!(x);
  return hasRuns ? treatRuns(x, rule.plan.repeatedSlashes ?? x.client.listener.http.repeatedSlashes) : null;
}

/** The path has runs of `/`: does with them what the rule or the listener says. */
function treatRuns(x: AnyExchange, way: RepeatedSlashes): ReasonCode | null {
  if (way === 'merge') return null;
  if (way === 'refuse' || kept.pathBytes === 0) return 'TARGET_INVALID';
  x.targetBytes += kept.pathBytes - x.targetPathBytes;
  x.targetAt = kept.at;
  x.targetPathBytes = kept.pathBytes;
  return null;
}

/** Finds the client's address: that of its peer, unless the listener takes it from a field and the peer is trusted. */
function readClientAddress(w: RouteContext, x: AnyExchange): void {
  const field = x.client.listener.http.clientField;
  const { peers } = w.engine;
  x.statedBytes = NOT_STATED;
  if (field !== null && x.client.trusted) {
    x.stated ??= new Uint8Array(16);
    x.statedBytes = field.read(w.memory, x.head!, w.trust, x.stated);
  }
  if (x.statedBytes === NOT_STATED) {
    x.clientAddress = peers;
    x.clientAddressAt = x.client.slot * PEER_BYTES + 4;
    x.clientAddressBytes = peerBytes(peers, x.client.slot);
  } else {
    x.clientAddress = x.stated!;
    x.clientAddressAt = 0;
    x.clientAddressBytes = x.statedBytes;
  }
}

/**
 * The path is not in its normal form: the target that goes on is written out, and held until it is sent. With `both`, the one
 * that leaves runs of `/` as they came is written in front of it, in the same chunk.
 */
function rewritePath(
  w: RouteContext,
  x: AnyExchange,
  at: number,
  query: number,
  end: number,
  both: boolean,
): ReasonCode | null {
  const { writer, memory } = w;
  const queryBytes = end - query;
  const worst = (query - at) * PATH_GROWTH + 1 + queryBytes;
  // What is kept is written first; how long it has become says whether the other finds room behind it.
  const room = both ? Math.min(2 * worst, CHUNK_BYTES) : worst;
  if (worst > CHUNK_BYTES) return 'URI_TOO_LONG';
  const out = w.scratch(room);
  if (out < 0) return 'OVERLOADED';
  kept.at = out;
  kept.pathBytes = both ? Math.max(normalisePath(memory, at, query - at, memory, out, true), 0) : 0;
  writer.at = out + kept.pathBytes;
  if (kept.pathBytes > 0) writer.copy(query, queryBytes);
  const merged = writer.at;
  // Merged it is no longer than kept.
  if (merged - out + (kept.pathBytes > 0 ? kept.pathBytes + queryBytes : worst) > room) return 'URI_TOO_LONG';
  const pathBytes =
    kept.pathBytes > 0
      ? mergeRuns(memory, kept.at, kept.pathBytes, memory, merged)
      : normalisePath(memory, at, query - at, memory, merged);
  if (pathBytes < 0) return 'TARGET_INVALID';
  writer.at = merged + pathBytes;
  writer.copy(query, queryBytes);
  w.scratchKeep();
  w.engine.retain(out);
  x.targetHeld = out;
  x.targetAt = merged;
  x.targetBytes = pathBytes + queryBytes;
  x.targetPathBytes = pathBytes;
  x.pathAt = merged;
  x.pathBytes = pathBytes;
  x.queryAt = merged + pathBytes + 1;
  x.queryBytes = query < end ? queryBytes - 1 : 0;
  return null;
}
