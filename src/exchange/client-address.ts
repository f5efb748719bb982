// Who the client is behind trusted proxies: read from the field that the listener names, from the right.
// Owns finding and judging the address in a head. Leaves who is a trusted peer to trust.ts, and what is done with it to
// route.ts and codec/h1/write-forwarding.ts.

import { addressText } from '../base/addresses.js';
import { skipBlanks, trimEnd } from '../base/bytes.js';
import { PEER_BYTES } from '../engine/layout.js';
import { readNode } from '../http/address-bytes.js';
import { equalsAsVariable, equalsCaseless } from '../http/fields.js';
import { FIELD, type Head } from '../http/head.js';
import type { AnyExchange } from './client-info.js';
import { peerBytes, type Trust } from './trust.js';

const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const FOR = Buffer.from('for', 'latin1');

/** No field says whom the peer forwards for: it speaks for itself. */
export const NOT_STATED = -1;

/** The address of a client as text: what a trusted peer stated for its request, or its own. Empty when it has none. */
export function clientAddressText(peers: Uint8Array, { statedBytes, stated, client }: AnyExchange): string {
  if (statedBytes >= 0) return addressText(stated!, 0, statedBytes);
  return addressText(peers, client.slot * PEER_BYTES + 4, peerBytes(peers, client.slot));
}

/** How the field is read: lists from the right past every trusted address, any other field as the one address in it. */
const KIND = { LIST: 0, FORWARDED: 1, SINGLE: 2 } as const;

/** The field of one listener that says who the client is. */
export class ClientAddressField {
  readonly #name: Uint8Array;
  readonly #kind: number;

  /** `name` in any case: `X-Forwarded-For`, `Forwarded`, or a field with one address such as `CF-Connecting-IP`. */
  constructor(name: string) {
    const lower = name.toLowerCase();
    this.#name = Buffer.from(lower, 'latin1');
    this.#kind = lower === 'x-forwarded-for' ? KIND.LIST : lower === 'forwarded' ? KIND.FORWARDED : KIND.SINGLE;
  }

  /** True for a list of hops, which the data path knows by its id; false for a field with one address. */
  get isList(): boolean {
    return this.#kind !== KIND.SINGLE;
  }

  /**
   * Reads the client's address from the head of a trusted peer into `out` (16 bytes). Hot where it is configured: allocates nothing.
   *
   * The walk goes from the last element to the first, because each trusted proxy appends what it knows: what stands left of
   * the first address that is not trusted was written by strangers, and is never looked at. When all are trusted, the
   * first of the list is the client.
   *
   * @returns 4 or 16; NOT_STATED when the field is missing or empty; 0 when it says of the client nothing that is an
   *          address: `unknown`, an obfuscated name (RFC 7239, 6.3), anything malformed, or a single field that came twice.
   */
  read(bytes: Uint8Array, head: Head, trust: Trust, out: Uint8Array): number {
    if (this.#kind === KIND.SINGLE) return this.#readSingle(bytes, head, out);
    let found = NOT_STATED;
    const name = this.#name;
    let field = head.previousNamed(bytes, head.fieldsEnd, name);
    for (; field >= 0; field = head.previousNamed(bytes, field, name)) {
      const from = head.valueAt(field);
      let end = from + head.valueBytes(field);
      while (end > from) {
        const start = this.#kind === KIND.LIST ? plainStart(bytes, from, end) : quotedStart(bytes, from, end);
        const elementAt = start < 0 ? from : skipBlanks(bytes, start, end);
        const elementEnd = trimEnd(bytes, elementAt, end);
        if (start < 0 || elementEnd > elementAt) {
          found = start < 0 ? 0 : this.#readElement(bytes, elementAt, elementEnd, out);
          if (found === 0 || !trust.contains(out, 0, found)) return found;
        }
        end = start - 1;
      }
    }
    return found;
  }

  /**
   * True for a field that must not go on: the listener's own single field (or what a server could take for it) from a
   * stranger, and a name that only looks like it from anyone. The two lists are dropped by their ids.
   */
  drops(bytes: Uint8Array, at: number, length: number, trusted: boolean): boolean {
    if (this.#kind !== KIND.SINGLE || !equalsAsVariable(bytes, at, length, this.#name)) return false;
    return !trusted || !equalsCaseless(bytes, at, length, this.#name);
  }

  /** True for the name of a trailer, with `-` for all that is no letter and no digit, that a server takes for this field. */
  isNamed(name: string): boolean {
    return equalsAsVariable(Buffer.from(name, 'latin1'), 0, name.length, this.#name);
  }

  #readSingle(bytes: Uint8Array, head: Head, out: Uint8Array): number {
    const name = this.#name;
    let found = NOT_STATED;
    let field = head.nextNamed(bytes, 0, name);
    for (; field >= 0; field = head.nextNamed(bytes, field + FIELD.WORDS, name)) {
      // Two of them, and two readers could choose differently.
      if (found !== NOT_STATED) return 0;
      const at = head.valueAt(field);
      const valueBytes = head.valueBytes(field);
      if (valueBytes > 0) found = readNode(bytes, at, at + valueBytes, out);
    }
    return found;
  }

  #readElement(bytes: Uint8Array, at: number, end: number, out: Uint8Array): number {
    return this.#kind === KIND.LIST ? readNode(bytes, at, end, out) : readForwarded(bytes, at, end, out);
  }
}

/** Where the last element of a list before `end` starts. */
function plainStart(bytes: Uint8Array, from: number, end: number): number {
  let at = end;
  while (at > from && bytes[at - 1] !== COMMA) at--;
  return at;
}

/**
 * The same where commas may stand in quoted strings; -1 when a quote has no beginning. Read from the right like everything
 * here, so that no quote a stranger left open can hide what a proxy appended.
 */
function quotedStart(bytes: Uint8Array, from: number, end: number): number {
  let quoted = false;
  let at = end;
  for (; at > from; at--) {
    const byte = bytes[at - 1]!;
    if (byte === QUOTE && !(quoted && isEscaped(bytes, from, at - 1))) quoted = !quoted;
    else if (byte === COMMA && !quoted) break;
  }
  return quoted ? -1 : at;
}

/** True when an odd number of backslashes stands before `at`. */
function isEscaped(bytes: Uint8Array, from: number, at: number): boolean {
  let before = at;
  while (before > from && bytes[before - 1] === BACKSLASH) before--;
  return (at - before) % 2 === 1;
}

/** The node in `for=` of one element of Forwarded (RFC 7239, 4); 0 when there is none, or two. */
function readForwarded(bytes: Uint8Array, at: number, end: number, out: Uint8Array): number {
  let nodeAt = -1;
  let nodeEnd = 0;
  for (let pair = at; pair < end; ) {
    let quoted = false;
    let equals = -1;
    let stop = pair;
    for (; stop < end; stop++) {
      const byte = bytes[stop]!;
      if (byte === QUOTE && !(quoted && isEscaped(bytes, pair, stop))) quoted = !quoted;
      else if (byte === SEMICOLON && !quoted) break;
      else if (byte === EQUALS && equals < 0) equals = stop;
    }
    const nameAt = skipBlanks(bytes, pair, stop);
    if (equals >= 0 && equalsCaseless(bytes, nameAt, equals - nameAt, FOR)) {
      if (nodeAt >= 0) return 0;
      nodeAt = equals + 1;
      nodeEnd = trimEnd(bytes, nodeAt, stop);
    }
    pair = stop + 1;
  }
  if (nodeAt < 0) return 0;
  if (nodeEnd - nodeAt >= 2 && bytes[nodeAt] === QUOTE && bytes[nodeEnd - 1] === QUOTE) {
    nodeAt++;
    nodeEnd--;
  }
  return readNode(bytes, nodeAt, nodeEnd, out);
}
