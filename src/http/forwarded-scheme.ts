// By which scheme the client came to the proxy in front, as that one says.
// Owns reading the fields. Leaves to the caller whether who sent them is believed.

import { skipBlanks, trimEnd } from '../base/bytes.js';
import { equalsCaseless, FIELD_ID } from './fields.js';
import type { Head } from './head.js';

const HTTP = Buffer.from('http', 'latin1');
const HTTPS = Buffer.from('https', 'latin1');
const PROTO = Buffer.from('proto', 'latin1');
const COMMA = 0x2c;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const SEMICOLON = 0x3b;

/**
 * The scheme that the client used, as the head says: in `X-Forwarded-Proto`, or without it in `proto` of `Forwarded` (RFC 7239,
 * 5.4); null when it says none. Of several proxies the first one counts: it is whom the client spoke to.
 */
export function forwardedScheme(bytes: Uint8Array, head: Head): 'http' | 'https' | null {
  if (head.has(FIELD_ID.X_FORWARDED_PROTO)) {
    const field = head.next(FIELD_ID.X_FORWARDED_PROTO);
    const at = head.valueAt(field);
    return schemeIn(bytes, at, partEnd(bytes, at, at + head.valueBytes(field), COMMA));
  }
  if (!head.has(FIELD_ID.FORWARDED)) return null;
  const field = head.next(FIELD_ID.FORWARDED);
  const from = head.valueAt(field);
  const end = partEnd(bytes, from, from + head.valueBytes(field), COMMA);
  for (let at = from; at < end; ) {
    const stop = partEnd(bytes, at, end, SEMICOLON);
    const nameAt = skipBlanks(bytes, at, stop);
    const equals = partEnd(bytes, nameAt, stop, EQUALS);
    if (equalsCaseless(bytes, nameAt, equals - nameAt, PROTO)) return schemeIn(bytes, equals + 1, stop);
    at = stop + 1;
  }
  return null;
}

/** Where `separator` stands outside of quotes, or `end`. */
function partEnd(bytes: Uint8Array, at: number, end: number, separator: number): number {
  let quoted = false;
  let i = at;
  for (; i < end && (quoted || bytes[i] !== separator); i++) if (bytes[i] === QUOTE) quoted = !quoted;
  return i;
}

/** Blanks and quotes around it do not count. */
function schemeIn(bytes: Uint8Array, from: number, to: number): 'http' | 'https' | null {
  let at = skipBlanks(bytes, from, to);
  let end = trimEnd(bytes, at, to);
  if (end - at >= 2 && bytes[at] === QUOTE && bytes[end - 1] === QUOTE) {
    at++;
    end--;
  }
  if (equalsCaseless(bytes, at, end - at, HTTPS)) return 'https';
  return equalsCaseless(bytes, at, end - at, HTTP) ? 'http' : null;
}
