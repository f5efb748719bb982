// What an entry of an HPACK table is, static and dynamic alike: a field line as it stands in an HTTP/1 head, and what is
// known of it. Since lines are kept the way they are read on, a field that a table has costs one copy, and no look at its bytes.
// Owns that layout and the look at a new field's bytes. Leaves what a message may have to blocks.ts.

import { fieldId, isToken } from '../../../http/fields.js';

/** One entry, as Int32 words. The line at `at` is `name: value` CRLF. */
export const ENTRY = { at: 0, nameBytes: 1, valueBytes: 2, info: 3, WORDS: 4 } as const;

/** Bytes of a line beside its name and its value: the colon, the space, CR and LF. */
export const LINE_EXTRA = 4;

/** What an entry counts beside its name and its value (RFC 7541, 4.1). */
export const ENTRY_OVERHEAD = 32;

/** The pseudo-fields, as `pseudoOf(info)` gives them (RFC 9113, 8.3; RFC 8441, 4). */
export const PSEUDO = {
  NONE: 0,
  METHOD: 1,
  SCHEME: 2,
  AUTHORITY: 3,
  PATH: 4,
  STATUS: 5,
  PROTOCOL: 6,
  UNKNOWN: 7,
} as const;

/*
 * The info word: what no later use of the field has to find out again.
 *
 *   bits 0-4 FIELD_ID │ bits 5-7 PSEUDO │ bit 8 the name is none │ bit 9 the value is none
 */
const ID_MASK = 31;
const PSEUDO_SHIFT = 5;
const PSEUDO_MASK = 7;
const NAME_INVALID = 1 << 8;
const VALUE_INVALID = 1 << 9;
/** The part of it that comes from the name alone. */
const OF_NAME = ~VALUE_INVALID;

export const idOf = (info: number): number => info & ID_MASK;
export const pseudoOf = (info: number): number => (info >> PSEUDO_SHIFT) & PSEUDO_MASK;
/** The name has a byte that no name may have in HTTP/2 (RFC 9113, 8.2.1), or none at all. */
export const hasInvalidName = (info: number): boolean => (info & NAME_INVALID) !== 0;
/** The value has a byte that no value may have, or a blank at an end. */
export const hasInvalidValue = (info: number): boolean => (info & VALUE_INVALID) !== 0;
/** A regular field whose name and value are fine. Hot. */
export const isRegular = (info: number): boolean => info <= ID_MASK;

const PSEUDO_NAMES: readonly (readonly [pseudo: number, name: string])[] = [
  [PSEUDO.METHOD, ':method'],
  [PSEUDO.SCHEME, ':scheme'],
  [PSEUDO.AUTHORITY, ':authority'],
  [PSEUDO.PATH, ':path'],
  [PSEUDO.STATUS, ':status'],
  [PSEUDO.PROTOCOL, ':protocol'],
];
const PSEUDO_BYTES = PSEUDO_NAMES.map(([pseudo, name]) => [pseudo, Buffer.from(name, 'latin1')] as const);

/** 1 for bytes of a name in HTTP/2: of a token, but no upper case. What servers of HTTP/1 cannot be sent is refused here. */
const isNameByte = Uint8Array.from(isToken, (token, byte) => (byte >= 0x41 && byte <= 0x5a ? 0 : token));

/** 1 for bytes of a value: no control character but the tab, as in HTTP/1. */
const isValueByte = Uint8Array.from({ length: 256 }, (_, byte) =>
  (byte >= 0x20 && byte !== 0x7f) || byte === 0x09 ? 1 : 0,
);

const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;

/** The part of the info word that the name alone decides. Hot for names that no table has. */
export function infoOfName(bytes: Uint8Array, at: number, length: number): number {
  if (length === 0) return NAME_INVALID;
  if (bytes[at] === COLON) return pseudoNamed(bytes, at, length) << PSEUDO_SHIFT;
  for (let i = at; i < at + length; i++) if (isNameByte[bytes[i]!] === 0) return NAME_INVALID;
  return fieldId(bytes, at, length);
}

function pseudoNamed(bytes: Uint8Array, at: number, length: number): number {
  for (const [pseudo, name] of PSEUDO_BYTES) {
    if (name.length === length && name.every((byte, i) => bytes[at + i] === byte)) return pseudo;
  }
  return PSEUDO.UNKNOWN;
}

/** The info word of a field whose name has `info` and whose value is here. Hot. */
export function infoWithValue(info: number, bytes: Uint8Array, at: number, length: number): number {
  return (info & OF_NAME) | (isValue(bytes, at, length) ? 0 : VALUE_INVALID);
}

function isValue(bytes: Uint8Array, at: number, length: number): boolean {
  if (length === 0) return true;
  const first = bytes[at]!;
  const last = bytes[at + length - 1]!;
  if (first === SPACE || first === TAB || last === SPACE || last === TAB) return false;
  for (let i = at; i < at + length; i++) if (isValueByte[bytes[i]!] === 0) return false;
  return true;
}
