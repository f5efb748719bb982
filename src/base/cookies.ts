// The one reader of cookies: rules, sessions, hash keys and filters all see the same pairs.

import { equalsBytes, skipBlanks, trimEnd } from './bytes.js';

const EQUALS = 0x3d;
const SEMICOLON = 0x3b;

/** What the last `nextCookie` found: where the value stands, and where to look for another of the name. */
export const cookie = { valueAt: 0, valueBytes: 0, next: 0 };

/**
 * Finds the first cookie of a name between `at` and `end`, which lie in the value of one Cookie field, and fills `cookie`.
 * Pairs are separated by semicolons; blanks around a name and a value do not count; names compare byte by byte, and quotes
 * are part of a value (RFC 6265, 5.2 and 5.4). What has no `=` is no cookie. The name is `nameBytes` bytes of `names` at
 * `nameAt`. Hot: allocates nothing.
 */
export function nextCookie(
  bytes: Uint8Array,
  at: number,
  end: number,
  names: Uint8Array,
  nameAt = 0,
  nameBytes: number = names.length,
): boolean {
  let pair = at;
  while (pair < end) {
    pair = skipBlanks(bytes, pair, end);
    let equals = -1;
    let stop = pair;
    for (; stop < end && bytes[stop] !== SEMICOLON; stop++) if (equals < 0 && bytes[stop] === EQUALS) equals = stop;
    if (equals >= 0 && equalsBytes(bytes, pair, trimEnd(bytes, pair, equals) - pair, names, nameAt, nameBytes)) {
      cookie.valueAt = skipBlanks(bytes, equals + 1, stop);
      cookie.valueBytes = trimEnd(bytes, cookie.valueAt, stop) - cookie.valueAt;
      cookie.next = stop + 1;
      return true;
    }
    pair = stop + 1;
  }
  return false;
}
