// What stands in front of a connection's first request: a random PROXY header, or one that has to be refused.
// Owns whom the proxy takes for the client. Leaves when the bytes are sent to client.ts.

import { binary, type Ends, LOCAL, line } from '../../support/proxy-header.js';
import type { Random } from '../random.js';

export interface Front {
  /** Latin-1. */
  readonly bytes: string;
  /** The client that the header names, as fields of requests write it; null: the one that has connected. */
  readonly client: { readonly address: string; readonly port: number } | null;
  /** It is no header: the connection has to be closed without an answer. */
  readonly refused: boolean;
}

/** Where no header is expected. */
export const NO_FRONT: Front = { bytes: '', client: null, refused: false };

const REFUSED = ['', 'PROXY TCP4 203.0.113.1\r\n', `${LOCAL.slice(0, 12)}\x11${LOCAL.slice(13)}`, 'PROXY\r\n'];

export function randomFront(dice: Random): Front {
  if (dice.below(8) === 0) return { bytes: dice.pick(REFUSED), client: null, refused: true };
  if (dice.below(6) === 0) return { bytes: LOCAL, client: null, refused: false };
  const host = 1 + dice.below(250);
  const fromPort = 1024 + dice.below(60_000);
  const v6 = dice.below(3) === 0;
  const address = v6 ? `2001:db8::${host.toString(16)}` : `203.0.113.${host}`;
  const ends: Ends = v6
    ? { from: address.replace('::', ':0:0:0:0:0:'), fromPort, to: '2001:db8:0:0:0:0:0:1', toPort: 443 }
    : { from: address, fromPort, to: '198.51.100.1', toPort: 443 };
  const bytes = dice.below(2) === 0 ? line(ends) : binary(ends, dice.below(3) === 0 ? '\x04\0\x03pad' : '');
  return { bytes, client: { address, port: fromPort }, refused: false };
}

/** Of the two ways to write an address the one of `Front.client`. */
export const shortened = (address: string): string => address.replace(':0:0:0:0:0:', '::');
