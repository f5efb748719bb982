// Client addresses and CIDR ranges, from text to bytes.
// Owns parsing ranges. Leaves addresses to addresses.ts, and comparing to routing/conditions.ts and exchange/trust.ts.

import { parseAddress } from './addresses.js';

/** The addresses whose first `bits` bits equal those of `address` (4 or 16 bytes). */
export interface AddressRange {
  readonly address: Uint8Array;
  readonly bits: number;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address; undefined when it is none of them. */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = address.length * 8;
  if (slash === -1) return { address, bits: width };
  const digits = text.slice(slash + 1);
  // The length of a mapped range counts the 96 bits that were taken off with the mapping.
  const bits = Number(digits) - (address.length === 4 && text.includes(':') ? 96 : 0);
  return /^\d{1,3}$/.test(digits) && bits >= 0 && bits <= width ? { address, bits } : undefined;
}
