// Whose forwarding fields are believed: addresses in the trusted ranges.

import { type AddressRange, parseRange } from '../base/ranges.js';
import { PEER_BYTES } from '../engine/layout.js';

/** The trusted ranges of one configuration. */
export class Trust {
  readonly #ranges: readonly AddressRange[];
  readonly #unix: boolean;

  /** `ranges` are addresses, CIDR ranges, or `unix:` for all that come over unix sockets; validated before. */
  constructor(ranges: readonly string[]) {
    this.#unix = ranges.includes('unix:');
    this.#ranges = ranges.flatMap((range) => parseRange(range) ?? []);
  }

  /** True when the peer in slot `slot` may say who it forwards for. */
  holds(peers: Uint8Array, slot: number): boolean {
    return this.holdsPeer(peers, slot * PEER_BYTES + 4, peerBytes(peers, slot));
  }

  /** The same for a peer whose address has `length` bytes at `at`: none over a unix socket. */
  holdsPeer(bytes: Uint8Array, at: number, length: number): boolean {
    return length === 0 ? this.#unix : this.contains(bytes, at, length);
  }

  /** True when the address of `length` bytes at `at` is in a range of its own family. Hot: allocates nothing. */
  contains(bytes: Uint8Array, at: number, length: number): boolean {
    const ranges = this.#ranges;
    for (let i = 0; i < ranges.length; i++) {
      const { address, bits } = ranges[i]!;
      if (address.length === length && sharesBits(bytes, at, address, bits)) return true;
    }
    return false;
  }
}

function sharesBits(bytes: Uint8Array, at: number, address: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[at + i] !== address[i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((bytes[at + whole]! ^ address[whole]!) & (0xff00 >> rest) & 0xff) === 0;
}

/** Length of the address of the peer in slot `slot`: 4, 16, or 0 for a unix socket. */
export function peerBytes(peers: Uint8Array, slot: number): number {
  const family = peers[slot * PEER_BYTES];
  return family === 4 ? 4 : family === 6 ? 16 : 0;
}
