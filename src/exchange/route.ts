// Finds the rule for a request, and the path as the rule saw it.

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
import type { RepeatedSlashes } from '../routing/plan.js';
import { NOT_STATED } from './client-address.js';
import type { Context } from './context.js';
import type { Exchange } from './exchange.js';
import { peerBytes } from './trust.js';

const COLON = 0x3a;
const BRACKET = 0x5d;
const QUESTION = 0x3f;

/** Length of a host without its port. */
function withoutPort(memory: Uint8Array, at: number, bytes: number): number {
  for (let i = at + bytes - 1; i >= at; i--) {
    const byte = memory[i]!;
    if (byte === COLON) return i - at;
    if (byte === BRACKET) return bytes;
  }
  return bytes;
}

/** The target that leaves runs of `/` as they came, beside the one in the client connection; 0 bytes of path when refused. */
const kept = { at: 0, pathBytes: 0 };

/**
 * Fills `w.view` and the client's rule. The path is made normal first, and the server gets what was matched: a rule
 * cannot be walked around by writing its path differently. Only runs of `/`, which are one for every rule, may go on as they
 * came. Returns why the request is refused, or null.
 */
export function route(w: Context, x: Exchange): ReasonCode | null {
  const { memory, view } = w;
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
    x.pathBytes = query - at;
    view.pathAt = at;
    view.pathBytes = query - at;
    view.queryAt = query + 1;
    view.queryBytes = query < end ? end - query - 1 : 0;
  } else {
    hasRuns = w.distinguishesSlashes && hasRepeatedSlashes(memory, at, query - at);
    const refused = rewritePath(w, x, at, query, end, hasRuns);
    if (refused !== null) return refused;
  }
  view.head = x.client.parser!.head;
  view.method = x.method;
  view.tls = x.client.tls;
  view.hostAt = x.hostAt;
  view.hostBytes = withoutPort(memory, x.hostAt, x.hostBytes);
  view.listener = x.client.listener.http.name;
  readClientAddress(w, x);
  const index = w.matcher.match(view);
  if (index < 0) return 'NO_ROUTE';
  const { filters } = x.client.listener.http;
  const rule = filters === null ? w.rules[index]! : w.rules[index]!.under(filters);
  x.rule = rule;
  // From here on every answer, also one of our own, is changed as the rule says.
  const { routed } = rule.phases;
  for (let i = 0; i < routed.length; i++) routed[i]!(x);
  return hasRuns ? treatRuns(x, rule.plan.repeatedSlashes ?? x.client.listener.http.repeatedSlashes) : null;
}

/** The path has runs of `/`: does with them what the rule or the listener says. */
function treatRuns(x: Exchange, way: RepeatedSlashes): ReasonCode | null {
  if (way === 'merge') return null;
  if (way === 'refuse' || kept.pathBytes === 0) return 'TARGET_INVALID';
  x.targetBytes += kept.pathBytes - x.pathBytes;
  x.targetAt = kept.at;
  x.pathBytes = kept.pathBytes;
  return null;
}

/** Fills the client's address: that of its peer, unless the listener takes it from a field and the peer is trusted. */
function readClientAddress(w: Context, x: Exchange): void {
  const { view } = w;
  const field = x.client.listener.http.clientField;
  x.statedBytes = NOT_STATED;
  if (field !== null && x.client.trusted) {
    x.stated ??= new Uint8Array(16);
    x.statedBytes = field.read(w.memory, x.client.parser!.head, w.trust, x.stated);
  }
  const isStated = x.statedBytes !== NOT_STATED;
  const { peers } = w.engine;
  const from = isStated ? x.stated! : peers;
  const at = isStated ? 0 : x.client.slot * PEER_BYTES + 4;
  view.clientAddressBytes = isStated ? x.statedBytes : peerBytes(peers, x.client.slot);
  for (let i = 0; i < view.clientAddressBytes; i++) view.clientAddress[i] = from[at + i]!;
}

/**
 * The path is not in its normal form: the target that goes on is written out, and held until it is sent. With `both`, the one
 * that leaves runs of `/` as they came is written in front of it, in the same chunk.
 */
function rewritePath(
  w: Context,
  x: Exchange,
  at: number,
  query: number,
  end: number,
  both: boolean,
): ReasonCode | null {
  const { view, writer, memory } = w;
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
  x.pathBytes = pathBytes;
  view.pathAt = merged;
  view.pathBytes = pathBytes;
  view.queryAt = merged + pathBytes + 1;
  view.queryBytes = query < end ? queryBytes - 1 : 0;
  return null;
}
