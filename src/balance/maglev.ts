// The Maglev lookup table: which member of a pool owns which share of the key space.
// Owns building the table. Leaves looking up, and stepping over closed servers, to consistent-hash.ts.

import { hashText, mix } from './keys.js';

/** Places in the table: a prime, about a hundred per server in a pool of six hundred. Fixed, so that pools of any size agree on it. */
export const MAGLEV_PLACES = 65537;
/** Members a table can tell apart; its entries are 16 bits wide. */
const MAGLEV_MEMBERS_MAX = 65535;

/** What the table needs of a member. The name decides its places: it must not depend on order or slot. */
interface MaglevMember {
  name: string;
  weight: number;
}

/**
 * Builds the table. Each member walks its own permutation of
 * the places and takes the next free one in its turn; a member of half the largest weight takes half as many turns
 * (Eisenbud et al., "Maglev", NSDI 2016, section 3.4). Members of weight 0 get no place. Takes a few milliseconds.
 */
export function buildMaglev(members: readonly MaglevMember[], places = MAGLEV_PLACES): Uint16Array {
  if (members.length > MAGLEV_MEMBERS_MAX)
    throw new RangeError(`Maglev: ${members.length} members, at most ${MAGLEV_MEMBERS_MAX}. Split the pool.`);
  const table = new Uint16Array(places);
  const taken = new Uint8Array(places);
  const count = members.length;
  const place = new Int32Array(count);
  const skip = new Int32Array(count);
  const turns = new Float64Array(count);
  let weightMax = 0;
  for (let i = 0; i < count; i++) {
    const { name, weight } = members[i]!;
    const hash = hashText(name);
    place[i] = (mix(hash ^ 0x5bd1e995) >>> 0) % places;
    skip[i] = ((mix(hash + 0x3c6ef372) >>> 0) % (places - 1)) + 1;
    if (weight > weightMax) weightMax = weight;
  }
  if (weightMax === 0) return table;
  let free = places;
  while (free > 0) {
    for (let i = 0; i < count && free > 0; i++) {
      turns[i]! += members[i]!.weight / weightMax;
      if (turns[i]! < 1) continue;
      turns[i]! -= 1;
      let at = place[i]!;
      const step = skip[i]!;
      while (taken[at] !== 0) {
        at += step;
        if (at >= places) at -= places;
      }
      taken[at] = 1;
      table[at] = i;
      free--;
      at += step;
      place[i] = at >= places ? at - places : at;
    }
  }
  return table;
}
