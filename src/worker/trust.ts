// Whose forwarding fields are believed: addresses in the trusted ranges.
// Asked once per client connection.

import { BlockList, isIP } from 'node:net';
import { PEER_BYTES } from '../engine/layout.js';

/** The trusted ranges of one configuration. */
export class Trust {
  // Two lists: in one, a range of IPv6 that covers ::ffff:0:0/96 would hold every IPv4 address as well.
  readonly #v4 = new BlockList();
  readonly #v6 = new BlockList();
  readonly #any: boolean;

  /** `ranges` are addresses or CIDR ranges, validated before. */
  constructor(ranges: readonly string[]) {
    this.#any = ranges.length > 0;
    for (const range of ranges) {
      const [address, bits] = range.split('/');
      const isV6 = isIP(address!) === 6;
      const list = isV6 ? this.#v6 : this.#v4;
      if (bits === undefined) list.addAddress(address!, isV6 ? 'ipv6' : 'ipv4');
      else list.addSubnet(address!, Number(bits), isV6 ? 'ipv6' : 'ipv4');
    }
  }

  /** True when the peer in slot `slot` may say who it forwards for. */
  holds(peers: Uint8Array, slot: number): boolean {
    if (!this.#any) return false;
    const text = addressText(peers, slot);
    if (text === '') return false;
    return peers[slot * PEER_BYTES] === 6 ? this.#v6.check(text, 'ipv6') : this.#v4.check(text, 'ipv4');
  }
}

/** The address of the peer in slot `slot` as text; empty for a unix socket. IPv6 in the form of RFC 5952. */
export function addressText(peers: Uint8Array, slot: number): string {
  const at = slot * PEER_BYTES;
  const family = peers[at];
  if (family === 4) return `${peers[at + 4]}.${peers[at + 5]}.${peers[at + 6]}.${peers[at + 7]}`;
  if (family !== 6) return '';
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((peers[at + 4 + i]! << 8) | peers[at + 5 + i]!).toString(16));
  return shortest(groups);
}

/** Joins eight groups, the longest run of zeros (two or more) as `::`. */
function shortest(groups: string[]): string {
  let from = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === '0') end++;
    if (end - i > length) {
      from = i;
      length = end - i;
    }
    if (end > i) i = end;
  }
  if (from < 0) return groups.join(':');
  return `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}`;
}
