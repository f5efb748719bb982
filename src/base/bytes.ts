// Small things about runs of bytes that several layers ask: blanks and equality. All are hot and allocate nothing.

const SPACE = 0x20;
const TAB = 0x09;

/** A space or a tab: the optional white space of HTTP (RFC 9110, 5.6.3). */
export function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** `at`, or where the blanks that begin there end; at most `end`. */
export function skipBlanks(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && isBlank(bytes[i]!)) i++;
  return i;
}

/** `end`, or where the blanks before it begin; at least `at`. */
export function trimEnd(bytes: Uint8Array, at: number, end: number): number {
  let i = end;
  while (i > at && isBlank(bytes[i - 1]!)) i--;
  return i;
}

/** True when the `length` bytes at `at` and those of `other` at `otherAt` are the same. */
export function equalsBytes(
  bytes: Uint8Array,
  at: number,
  length: number,
  other: Uint8Array,
  otherAt = 0,
  otherLength: number = other.length,
): boolean {
  if (length !== otherLength) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== other[otherAt + i]) return false;
  return true;
}
