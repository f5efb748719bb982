// Which client a listener takes a request in words to be from: the workers' own reading of the field it believes.
// For explain, tests and the public router. Leaves the wire to src/worker.

import { addressText } from './base/addresses.js';
import type { ListenerConfig } from './config/config.js';
import { ClientAddressField, NOT_STATED } from './exchange/client-address.js';
import type { Trust } from './exchange/trust.js';
import type { RequestView } from './routing/request-text.js';

/** Who speaks over a unix socket, as trustedProxies writes it. */
const OVER_UNIX = 'unix:';

/** The client of a request, as the rules see it. */
export interface ClientSeen {
  /** Undefined when it cannot be known: then no range of addresses has it. */
  readonly address: string | undefined;
  /** Why it is this one, in words; undefined when it is simply the peer of the connection. */
  readonly says: string | undefined;
}

/** Puts the client into the view as `listener` sees it. The view holds the peer of the connection before. */
export function seeClient(view: RequestView, listener: ListenerConfig | undefined, trust: Trust): ClientSeen {
  const peer = addressText(view.clientAddress, 0, view.clientAddressBytes);
  const name = listener?.clientAddressHeader;
  const who = peer === '' ? OVER_UNIX : peer;
  const asPeer =
    peer === '' ? { address: undefined, says: 'it comes over a unix socket' } : { address: peer, says: undefined };
  if (name === undefined || view.head === null) return asPeer;
  const stated = new Uint8Array(16);
  const field = new ClientAddressField(name);
  const isTrusted = trust.holdsPeer(view.clientAddress, 0, view.clientAddressBytes);
  const length = field.read(view.bytes, view.head, trust, stated);
  if (!isTrusted) {
    if (length === NOT_STATED) return asPeer;
    return { ...asPeer, says: `${name} is not believed: ${who} is not in trustedProxies` };
  }
  if (length === NOT_STATED) return { ...asPeer, says: `a trusted proxy that sends no ${name}` };
  view.clientAddress.set(stated);
  view.clientAddressBytes = length;
  if (length === 0) {
    return { address: undefined, says: `${name} of the trusted proxy ${who} names no address` };
  }
  return { address: addressText(stated, 0, length), says: `${name} of the trusted proxy ${who}` };
}

/** The same as one line for people; undefined when there is nothing to say. */
export function clientLine({ address, says }: ClientSeen): string | undefined {
  return says === undefined ? undefined : `client address ${address ?? 'unknown'}: ${says}`;
}
