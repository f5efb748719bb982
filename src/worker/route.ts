// Finds the rule for a request, and the path as the rule saw it.

import { CHUNK_BYTES, PEER_BYTES } from '../engine/layout.js';
import type { ReasonCode } from '../http/reasons.js';
import { normalisePath, PATH_AS_IS, PATH_GROWTH, PATH_REFUSED, scanPath } from '../routing/path.js';
import { NOT_STATED } from './client-address.js';
import type { ClientConnection } from './connections.js';
import { peerBytes } from './trust.js';
import type { Worker } from './worker.js';

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

/**
 * Fills `w.view` and the client's rule. The path is made normal first, and the server gets what was matched: a rule
 * cannot be walked around by writing its path differently. Returns why the request is refused, or null.
 */
export function route(w: Worker, client: ClientConnection): ReasonCode | null {
  const { memory, view } = w;
  const at = client.targetAt;
  const end = at + client.targetBytes;
  let query = at;
  while (query < end && memory[query] !== QUESTION) query++;
  const scanned = scanPath(memory, at, query - at);
  if (scanned === PATH_REFUSED) return 'TARGET_INVALID';
  if (scanned === PATH_AS_IS) {
    view.pathAt = at;
    view.pathBytes = query - at;
    view.queryAt = query + 1;
    view.queryBytes = query < end ? end - query - 1 : 0;
  } else {
    const refused = rewritePath(w, client, at, query, end);
    if (refused !== null) return refused;
  }
  view.head = client.parser!.head;
  view.method = client.method;
  view.tls = client.tls;
  view.hostAt = client.hostAt;
  view.hostBytes = withoutPort(memory, client.hostAt, client.hostBytes);
  view.listener = client.listener.http.name;
  readClientAddress(w, client);
  const rule = w.matcher.match(view);
  if (rule < 0) return 'NO_ROUTE';
  client.rule = w.rules[rule]!;
  return null;
}

/** Fills the client's address: that of its peer, unless the listener takes it from a field and the peer is trusted. */
function readClientAddress(w: Worker, client: ClientConnection): void {
  const { view } = w;
  const field = client.listener.http.clientField;
  client.statedBytes = NOT_STATED;
  if (field !== null && client.trusted) {
    client.stated ??= new Uint8Array(16);
    client.statedBytes = field.read(w.memory, client.parser!.head, w.trust, client.stated);
  }
  const isStated = client.statedBytes !== NOT_STATED;
  const { peers } = w.engine;
  const from = isStated ? client.stated! : peers;
  const at = isStated ? 0 : client.slot * PEER_BYTES + 4;
  view.clientAddressBytes = isStated ? client.statedBytes : peerBytes(peers, client.slot);
  for (let i = 0; i < view.clientAddressBytes; i++) view.clientAddress[i] = from[at + i]!;
}

/** The path is not in its normal form: the target that goes on is written out, and held until it is sent. */
function rewritePath(w: Worker, client: ClientConnection, at: number, query: number, end: number): ReasonCode | null {
  const { view, writer, memory } = w;
  const room = (query - at) * PATH_GROWTH + 1 + (end - query);
  if (room > CHUNK_BYTES) return 'URI_TOO_LONG';
  const out = w.scratch(room);
  if (out < 0) return 'OVERLOADED';
  const pathBytes = normalisePath(memory, at, query - at, memory, out);
  if (pathBytes < 0) return 'TARGET_INVALID';
  writer.at = out + pathBytes;
  writer.copy(query, end - query);
  w.scratchKeep();
  w.engine.retain(out);
  client.targetHeld = out;
  client.targetAt = out;
  client.targetBytes = pathBytes + end - query;
  view.pathAt = out;
  view.pathBytes = pathBytes;
  view.queryAt = out + pathBytes + 1;
  view.queryBytes = query < end ? end - query - 1 : 0;
  return null;
}
