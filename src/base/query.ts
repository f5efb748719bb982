// The one reader of query strings: rules and hash keys see the same parameters.
// The form is that of the URL Standard's application/x-www-form-urlencoded: `+` is a space, and names are decoded too.

import { hexValue } from './hex.js';

const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;

/** What the last `findParameter` found. With `encoded`, the value has to be decoded (`decodeComponent`). */
export const parameter = { valueAt: 0, valueBytes: 0, encoded: false };

/**
 * Finds the first parameter of a name in the query between `at` and `end`, and fills `parameter`. The name is `nameBytes`
 * bytes of `names` at `nameAt`, and compares with what the encoded one decodes to. Without `=` the value is empty. Hot:
 * allocates nothing.
 */
export function findParameter(
  bytes: Uint8Array,
  at: number,
  end: number,
  names: Uint8Array,
  nameAt = 0,
  nameBytes: number = names.length,
): boolean {
  let pair = at;
  while (pair < end) {
    let equals = -1;
    let encoded = false;
    let stop = pair;
    for (; stop < end && bytes[stop] !== AMPERSAND; stop++) {
      const byte = bytes[stop]!;
      if (equals >= 0) encoded ||= byte === PERCENT || byte === PLUS;
      else if (byte === EQUALS) equals = stop;
    }
    if (equalsDecoded(bytes, pair, equals < 0 ? stop : equals, names, nameAt, nameBytes)) {
      parameter.valueAt = equals < 0 ? stop : equals + 1;
      parameter.valueBytes = stop - parameter.valueAt;
      parameter.encoded = encoded;
      return true;
    }
    pair = stop + 1;
  }
  return false;
}

/**
 * Writes the component between `at` and `end` decoded into `into`, as far as there is room, and returns how many bytes
 * those are. A `%` without two hex digits stands for itself. Never longer than the component.
 */
export function decodeComponent(bytes: Uint8Array, at: number, end: number, into: Uint8Array, to = 0): number {
  let count = 0;
  for (let i = at; i < end && to + count < into.length; i += encodedWidth(bytes, i, end)) {
    into[to + count++] = decodedByte(bytes, i, end);
  }
  return count;
}

function equalsDecoded(
  bytes: Uint8Array,
  at: number,
  end: number,
  names: Uint8Array,
  nameAt: number,
  nameBytes: number,
): boolean {
  let matched = 0;
  for (let i = at; i < end; i += encodedWidth(bytes, i, end)) {
    if (matched === nameBytes || decodedByte(bytes, i, end) !== names[nameAt + matched]) return false;
    matched++;
  }
  return matched === nameBytes;
}

/** How many bytes the encoded byte at `at` takes: 3 for a valid percent triplet, else 1. */
function encodedWidth(bytes: Uint8Array, at: number, end: number): number {
  return bytes[at] === PERCENT && at + 2 < end && hexValue(bytes[at + 1]!) >= 0 && hexValue(bytes[at + 2]!) >= 0
    ? 3
    : 1;
}

function decodedByte(bytes: Uint8Array, at: number, end: number): number {
  const byte = bytes[at]!;
  if (byte === PLUS) return SPACE;
  if (byte !== PERCENT || encodedWidth(bytes, at, end) === 1) return byte;
  return hexValue(bytes[at + 1]!) * 16 + hexValue(bytes[at + 2]!);
}
