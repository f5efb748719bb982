// The PROXY header in front of a client connection: who the client is, as said by a proxy that may say so.
// Owns collecting the header and taking over what it says. Leaves its format to http/proxy-protocol.ts.

import { PEER_BYTES } from '../../engine/layout.js';
import type { Context } from '../../exchange/context.js';
import { withoutMapping } from '../../http/addresses.js';
import { PROXY_BYTES_MAX, type ProxyAddresses, readProxyHeader } from '../../http/proxy-protocol.js';
import type { ReasonCode } from '../../http/reasons.js';
import { admit } from '../../worker/accept.js';
import { CLIENT, type ClientConnection } from '../connections.js';
import { closeClient } from '../h1/server.js';

/*
 *   accepted, from a source ──► PROXY ──header complete──► admitted as the client it names
 *                                 │
 *                                 └─ no header, an end, or late ──► closed, without a word
 */

/** Waits for the header of a connection just accepted: nothing else may come first. */
export function proxyBegin(w: Context, client: ClientConnection): void {
  client.to(CLIENT.PROXY);
  w.deadlines.set(client.slot, w.ticks.requestHead);
}

/** Bytes of the header, and perhaps what follows it. Their chunk reference passes to this function. */
export function proxyData(w: Context, client: ClientConnection, at: number, bytes: number): void {
  const received = w.memory.subarray(at, at + Math.min(bytes, PROXY_BYTES_MAX));
  const before = client.parked;
  const all = before === null ? received : Buffer.concat([before, received]);
  const header = readProxyHeader(all);
  if (header === 'partial') {
    // Out of the slab, as every head that is not complete.
    client.parked = before === null ? Buffer.from(received) : (all as Buffer);
    w.engine.release(at);
    return;
  }
  if (header === 'invalid') {
    w.engine.release(at);
    proxyFailed(w, client, 'PROXY_HEADER_INVALID');
    return;
  }
  client.parked = null;
  if (header.addresses !== null) become(w, client, header.addresses);
  const rest = (before === null ? 0 : before.length) + bytes - header.bytes;
  if (rest === 0) w.engine.release(at);
  admit(w, client, at + bytes - rest, rest);
}

/** From here on the connection is that of the client the header names. */
function become(w: Context, client: ClientConnection, addresses: ProxyAddresses): void {
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

/** The connection ended before its header did. One that never said anything was only a look whether somebody is there. */
export function proxyEnded(w: Context, client: ClientConnection): void {
  proxyFailed(w, client, client.parked === null ? null : 'PROXY_HEADER_INVALID');
}

/** Closes a connection whose header did not come, and counts why. Nobody is answered: who it is is not known. */
export function proxyFailed(w: Context, client: ClientConnection, code: ReasonCode | null): void {
  if (code !== null) w.count(code);
  closeClient(w, client);
}
