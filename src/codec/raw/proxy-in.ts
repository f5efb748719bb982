// The PROXY header in front of a client connection: who the client is, as said by a proxy that may say so.
// Owns collecting the header and taking over what it says. Leaves its format to base/proxy-protocol.ts, and what comes
// next to worker/accept.ts.

import { withoutMapping } from '../../base/addresses.js';
import { PROXY_BYTES_MAX, type ProxyAddresses, readProxyHeader } from '../../base/proxy-protocol.js';
import { PEER_BYTES } from '../../engine/layout.js';
import { CLIENT, type ClientConnection } from '../connections.js';
import type { CodecContext } from '../context.js';
import { Parked } from '../parked.js';

/*
 *   accepted, from a source ──► PROXY ──header complete──► served as the client it names
 *                                 │
 *                                 └─ no header, an end, or late ──► closed, without a word
 */

/** What `readProxy()` returns when the header is not complete, or is none. */
export const PROXY = { partial: -1, invalid: -2 } as const;

/** Waits for the header of a connection just accepted: nothing else may come first. */
export function proxyBegin(w: CodecContext, client: ClientConnection): void {
  client.to(CLIENT.PROXY);
  w.deadlines.set(client.slot, w.ticks.requestHead);
}

/**
 * Reads on in the header, with `bytes` bytes at `at`. Once it is complete the connection is that of the client it names;
 * returns how many bytes follow it, or PROXY. The chunk reference passes to this function unless bytes follow: then the
 * caller has it on.
 */
export function readProxy(w: CodecContext, client: ClientConnection, at: number, bytes: number): number {
  const { parked } = client;
  const looked = Math.min(bytes, PROXY_BYTES_MAX);
  const parkedBytes = parked?.length ?? 0;
  parked?.add(w.memory, at, looked);
  const header = readProxyHeader(parked === null ? w.memory.subarray(at, at + looked) : parked.bytes);
  if (header === 'partial') {
    client.parked ??= new Parked(w.memory, at, looked);
    w.engine.release(at);
    return PROXY.partial;
  }
  if (header === 'invalid') {
    w.engine.release(at);
    return PROXY.invalid;
  }
  client.parked = null;
  if (header.addresses !== null) overridePeer(w, client, header.addresses);
  const rest = parkedBytes + bytes - header.bytes;
  if (rest === 0) w.engine.release(at);
  return rest;
}

/** From here on the peer of the connection is the client that the header names. */
function overridePeer(w: CodecContext, client: ClientConnection, addresses: ProxyAddresses): void {
  client.proxied = addresses;
  const { peers } = w.engine;
  const at = client.slot * PEER_BYTES;
  const source = withoutMapping(addresses.source);
  peers.fill(0, at, at + PEER_BYTES);
  peers[at] = source.length === 4 ? 4 : 6;
  peers[at + 2] = addresses.sourcePort >> 8;
  peers[at + 3] = addresses.sourcePort & 0xff;
  peers.set(source, at + 4);
}
