// Which client a listener takes a request to be from, and why: from the exchange, as routing has left it.
// Owns the words. Leaves reading the field to exchange/client-address.ts.

import { addressText } from '../base/addresses.js';
import { PEER_BYTES } from '../engine/layout.js';
import { NOT_STATED } from '../exchange/client-address.js';
import type { AnyExchange } from '../exchange/client-info.js';
import { peerBytes, type Trust } from '../exchange/trust.js';

/** Who speaks over a unix socket, as trustedProxies writes it. */
const OVER_UNIX = 'unix:';

/** The client of a request, as the rules see it. */
export interface ClientSeen {
  /** Undefined when it cannot be known: then no range of addresses has it. */
  readonly address: string | undefined;
  /** Why it is this one, in words; undefined when it is simply the peer of the connection. */
  readonly says: string | undefined;
}

/** The client of an exchange that was routed. `fieldName` is the field that its listener reads, undefined for none. */
export function seeClient(x: AnyExchange, fieldName: string | undefined, peers: Uint8Array, trust: Trust): ClientSeen {
  const { clientAddress, clientAddressAt, clientAddressBytes, statedBytes } = x;
  const address = addressText(clientAddress, clientAddressAt, clientAddressBytes);
  const peer = addressText(peers, x.client.slot * PEER_BYTES + 4, peerBytes(peers, x.client.slot));
  const field = x.client.listener.http.clientField;
  if (statedBytes !== NOT_STATED) {
    const says = `${fieldName} of the trusted proxy ${peer === '' ? OVER_UNIX : peer}`;
    return statedBytes === 0 ? { address: undefined, says: `${says} names no address` } : { address, says };
  }
  const asPeer =
    address === '' ? { address: undefined, says: 'it comes over a unix socket' } : { address, says: undefined };
  if (field === null || x.head === null) return asPeer;
  if (x.client.trusted) return { ...asPeer, says: `a trusted proxy that sends no ${fieldName}` };
  if (field.read(x.bytes, x.head, trust, new Uint8Array(16)) === NOT_STATED) return asPeer;
  return {
    ...asPeer,
    says: `${fieldName} is not trusted: ${address === '' ? OVER_UNIX : address} is not in trustedProxies`,
  };
}

/** The same as one line for people; undefined when there is nothing to say. */
export function clientLine({ address, says }: ClientSeen): string | undefined {
  return says === undefined ? undefined : `client address ${address ?? 'unknown'}: ${says}`;
}
