// The PROXY header in front of a backend connection: tells the server who the client is.
// Owns writing it, and which idle connections are pinned to a client. Leaves its format to base/proxy-protocol.ts.

import { type ProxyAddresses, proxyHeader } from '../../base/proxy-protocol.js';
import { PEER_BYTES, SEND_FLAG } from '../../engine/layout.js';
import { clientAddressText } from '../../exchange/client-address.js';
import type { Exchange } from '../../exchange/exchange.js';
import type { Server } from '../../exchange/pools.js';
import { type BackendConnection, type ClientConnection, carrierOf } from '../connections.js';
import type { CodecContext } from '../context.js';

/*
 * A header names one client, for as long as the connection lives. So a connection that began with one is the client
 * connection's own, from its first request on:
 *
 *   ──taken──► at work for its owner ──done──► IDLE, in `owner.pinned` ──taken, by its owner alone──► at work …
 *                                                │
 *                                                └─ the owner goes, the server does, late, too many ──► closed
 */

/** Idle connections that are pinned to one client connection: enough for clients whose requests go to a few servers. */
const PINNED_PER_CLIENT_MAX = 4;

const local = new Uint8Array(PEER_BYTES);

/** One record of an address, as the engine writes it, in bytes and port; null for a unix socket. */
function endOf(record: Uint8Array, at: number): { address: Uint8Array; port: number } | null {
  const family = record[at];
  if (family !== 4 && family !== 6) return null;
  const address = record.slice(at + 4, at + (family === 4 ? 8 : 20));
  return { address, port: (record[at + 2]! << 8) | record[at + 3]! };
}

/**
 * The two ends of the client's connection: as a PROXY header named them, or those of its socket; the source is the client
 * that a trusted peer stated for this request, if it did (its port is not known: 0). Null when it has none: a client must
 * not pass for ourselves, so there is no header then.
 */
function endsOf(w: CodecContext, x: Exchange): ProxyAddresses | null {
  const ends = connectionEnds(w, carrierOf(x));
  if (ends === null || x.statedBytes <= 0) return ends;
  return { ...ends, source: x.stated!.slice(0, x.statedBytes), sourcePort: 0 };
}

function connectionEnds(w: CodecContext, client: ClientConnection): ProxyAddresses | null {
  if (client.proxied !== null) return client.proxied;
  const source = endOf(w.engine.peers, client.slot * PEER_BYTES);
  const destination = w.engine.localAddress(client.conn, local) ? endOf(local, 0) : null;
  if (source === null || destination === null) return null;
  return {
    source: source.address,
    sourcePort: source.port,
    destination: destination.address,
    destinationPort: destination.port,
  };
}

/** A header in scratch memory: good until the next batch, longer for what was sent. Allocated once per connection. */
interface Written {
  at: number;
  bytes: number;
}

/** No bytes in front of a handshake. */
export const NO_HEADER: Written = { at: 0, bytes: 0 };

/**
 * Writes the header that names the client of the exchange for `server` to scratch memory. Null: it cannot be named, or the
 * slab is full.
 */
export function writeProxyHeader(w: CodecContext, x: Exchange, server: Server): Written | null {
  const ends = endsOf(w, x);
  if (ends === null) return null;
  const header = proxyHeader(server.proxyProtocol!, ends);
  const at = w.scratch(header.length);
  if (at < 0) return null;
  w.memory.set(header, at);
  w.writer.at = at + header.length;
  w.scratchKeep();
  return { at, bytes: header.length };
}

/** Sends the header on a connection without TLS. `more`: a request follows in this batch. False as above. */
export function sendProxyHeader(w: CodecContext, backend: BackendConnection, more: boolean): boolean {
  const header = writeProxyHeader(w, backend.attempt!.exchange, backend.server!);
  if (header === null) return false;
  w.engine.sendBegin(backend.conn, more ? SEND_FLAG.more : SEND_FLAG.none);
  w.engine.span(header.at, header.bytes);
  w.engine.sendEnd();
  return true;
}

/** An idle connection that began with a header stays with its client. Returns the one to be closed for it, or null. */
export function pinToClient(client: ClientConnection, backend: BackendConnection): BackendConnection | null {
  backend.owner = client;
  client.pinned.push(backend);
  return client.pinned.length > PINNED_PER_CLIENT_MAX ? client.pinned[0]! : null;
}

/** The client that a header for this request names, when it is not the peer of the connection: as text, else empty. */
export function proxyClientOf(w: CodecContext, x: Exchange): string {
  return x.statedBytes > 0 ? clientAddressText(w.engine.peers, x) : '';
}

/** Takes the client's own idle connection to the server, or null: one whose header names who this request is from. */
export function takePinned(w: CodecContext, x: Exchange, server: Server): BackendConnection | null {
  const client = carrierOf(x);
  const proxyClient = client.pinned.length === 0 ? '' : proxyClientOf(w, x);
  for (const backend of client.pinned) {
    if (backend.server !== server || backend.proxyClient !== proxyClient) continue;
    server.idleRemove(backend);
    releaseOwner(backend);
    return backend;
  }
  return null;
}

/** Takes the connection from its owner, if it has one. Safe to call at any time. */
export function releaseOwner(backend: BackendConnection): void {
  if (backend.owner === null) return;
  const { pinned } = backend.owner;
  pinned.splice(pinned.indexOf(backend), 1);
  backend.owner = null;
}
