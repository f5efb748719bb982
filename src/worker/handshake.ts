// TLS on a client connection: what was agreed on, and how many connections may be at it at once.
// The handshakes themselves happen in the engine; a worker hears of each once, when it is done.

import { TLS_FACTS } from '../engine/layout.js';
import type { ClientConnection } from './connections.js';
import type { Worker } from './worker.js';

/** What a handshake agreed on. */
export interface TlsFacts {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly version: string;
  /** The cipher suite by its standard name, such as TLS_AES_128_GCM_SHA256. */
  readonly cipher: string;
  /** The application protocol (ALPN); empty when the client named none. */
  readonly protocol: string;
  /** The server name the client asked for (SNI); empty when it asked for none. */
  readonly serverName: string;
  /** An earlier session goes on: no certificate was shown. */
  readonly resumed: boolean;
}

const VERSION_MAJOR_TLS = 3;

/**
 * Begins TLS on a client connection, with the `bytes` at `at` that it sent behind its PROXY header. Returns false when too many handshakes are under way: new ones would only
 * slow down those, and the connection is to be closed.
 */
export function handshakeBegin(w: Worker, client: ClientConnection, tls: number, at: number, bytes: number): boolean {
  if (w.handshakes >= w.plan.limits.handshakesMax) {
    w.counters.handshakesRefused++;
    return false;
  }
  w.engine.tls(client.conn, tls, at, bytes);
  client.handshaking = true;
  w.handshakes++;
  w.deadlines.set(client.slot, w.ticks.tlsHandshake);
  return true;
}

function handshakeEnd(w: Worker, client: ClientConnection): void {
  client.handshaking = false;
  w.handshakes--;
}

/** A connection goes: if its handshake was not done, it has failed. */
export function handshakeDrop(w: Worker, client: ClientConnection): void {
  if (!client.handshaking) return;
  handshakeEnd(w, client);
  w.counters.handshakesFailed++;
}

/** The handshake is done; the facts are at `at`, in a chunk whose reference passes to this function. */
export function clientSecured(w: Worker, client: ClientConnection, at: number): void {
  if (client.handshaking) handshakeEnd(w, client);
  client.tls = readFacts(w.memory, at);
  w.counters.handshakes++;
  if (client.tls.resumed) w.counters.resumptions++;
  w.engine.release(at);
  w.deadlines.set(client.slot, w.ticks.requestHead);
}

function readFacts(memory: Uint8Array, at: number): TlsFacts {
  let from = at + TLS_FACTS.WORDS;
  const text = (bytesAt: number): string => {
    const to = from + memory[at + bytesAt]!;
    const read = String.fromCharCode(...memory.subarray(from, to));
    from = to;
    return read;
  };
  const major = memory[at + TLS_FACTS.versionMajor]! - VERSION_MAJOR_TLS + 1;
  return {
    version: `TLSv${major}.${memory[at + TLS_FACTS.versionMinor]! - 1}`,
    resumed: memory[at + TLS_FACTS.resumed] === 1,
    protocol: text(TLS_FACTS.protocolBytes),
    cipher: text(TLS_FACTS.cipherBytes),
    serverName: text(TLS_FACTS.nameBytes),
  };
}
