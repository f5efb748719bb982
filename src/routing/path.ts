// Brings a request path into the one form that rules are written in, so that no spelling walks around a rule.
// Owns the normal form (docs/routing.md gives the reasons). Leaves splitting targets and refusing requests to the caller.

import { hexValue } from '../base/hex.js';

/** The path is normal as it stands: use its own bytes, nothing was written. */
export const PATH_AS_IS = -1;
/** The path must be refused with 400: what it means depends on who reads it. */
export const PATH_REFUSED = -2;
/** Only scanPath(): the path has to be written anew, or refused on the way. */
export const PATH_TO_REWRITE = 0;
/** Bytes of output that one byte of input may need: a byte that a URI does not allow becomes a percent triplet. */
export const PATH_GROWTH = 3;

const ASTERISK = 0x2a;
const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;
const HEX = new Uint8Array(Buffer.from('0123456789ABCDEF', 'latin1'));

/** What a raw byte of a path is. PLAIN stays, ODD has to be encoded, REFUSED can mean nothing good. */
const BYTE = { PLAIN: 0, MARKS: 1, ODD: 2, REFUSED: 3 } as const;
const byteClass = new Uint8Array(256);
const isUnreserved = new Uint8Array(256);

byteClass.fill(BYTE.ODD);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,=:@[]") {
  byteClass[char.charCodeAt(0)] = BYTE.PLAIN;
}
for (const byte of [SLASH, DOT, PERCENT, SEMICOLON]) byteClass[byte] = BYTE.MARKS;
for (let byte = 0; byte <= 0x20; byte++) byteClass[byte] = BYTE.REFUSED;
for (const char of '\x7f\\?#') byteClass[char.charCodeAt(0)] = BYTE.REFUSED;
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~') {
  isUnreserved[char.charCodeAt(0)] = 1;
}

/**
 * Normalises the path at `at`, without its query (RFC 3986, 6.2.2 and 6.2.3).
 *
 * Dot segments are resolved, runs of `/` become one, encoded unreserved characters are decoded, other triplets get
 * capital digits, and raw bytes that a URI does not allow are encoded. `%2F` and `%5C` stay as they are.
 *
 * @param out  receives the result from `outAt` on; needs PATH_GROWTH * length + 1 bytes of room. Must not overlap the
 *             input.
 * @param keepsRuns  leaves runs of `/` as they are. Then a `..` behind an empty element is refused: who merges runs and
 *             who does not end up at different paths.
 * @returns    the number of bytes written; PATH_AS_IS when the input is normal already (the usual case: one scan, no
 *             copy); PATH_REFUSED for control characters (raw or encoded), a backslash, `?` or `#`, a `%` without two
 *             hex digits, a path that does not begin with `/`, and dot segments hidden behind `;`, `%2F` or `%5C`.
 *             An empty path is `/`, and `*` (OPTIONS) is normal.
 */
export function normalisePath(
  bytes: Uint8Array,
  at: number,
  length: number,
  out: Uint8Array,
  outAt: number,
  keepsRuns = false,
): number {
  const scanned = scanPath(bytes, at, length);
  if (scanned !== PATH_TO_REWRITE) return scanned;
  if (length === 0) {
    out[outAt] = SLASH;
    return 1;
  }
  return rewrite(bytes, at, at + length, out, outAt, keepsRuns);
}

/**
 * The first half of normalisePath(), which needs no room: PATH_AS_IS, PATH_REFUSED, or PATH_TO_REWRITE when only
 * rewriting tells (and may still refuse). One look at each byte.
 */
export function scanPath(bytes: Uint8Array, at: number, length: number): number {
  if (length === 0) return PATH_TO_REWRITE;
  if (bytes[at] !== SLASH) return length === 1 && bytes[at] === ASTERISK ? PATH_AS_IS : PATH_REFUSED;
  const end = at + length;
  let before = 0;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    const kind = byteClass[byte]!;
    if (kind !== BYTE.PLAIN) {
      if (kind === BYTE.REFUSED) return PATH_REFUSED;
      if (kind === BYTE.ODD || byte === PERCENT) return PATH_TO_REWRITE;
      // A segment that begins with a dot is rare enough to be looked at slowly.
      if (before === SLASH && byte !== SEMICOLON) return PATH_TO_REWRITE;
    }
    before = byte;
  }
  return PATH_AS_IS;
}

/**
 * Writes the normal form segment by segment. A piece is a part of a segment that some servers would take for a
 * segment of its own: up to `;` (path parameters), `%2F` or `%5C`. One that is `.` or `..` is refused, because
 * a server that reads it that way would serve another path than the one the rules matched.
 */
function rewrite(
  bytes: Uint8Array,
  at: number,
  end: number,
  out: Uint8Array,
  outAt: number,
  keepsRuns: boolean,
): number {
  let to = outAt;
  out[to++] = SLASH;
  let segmentAt = to;
  let pieceAt = to;
  for (let i = at + 1; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === SLASH) {
      if (pieceAt !== segmentAt && isDots(out, pieceAt, to)) return PATH_REFUSED;
      const isEmpty = to === segmentAt;
      if (keepsRuns && climbsOverEmpty(out, outAt, segmentAt, to)) return PATH_REFUSED;
      to = closeSegment(out, outAt, segmentAt, to);
      if (out[to - 1] !== SLASH || (keepsRuns && isEmpty)) out[to++] = SLASH;
      segmentAt = to;
      pieceAt = to;
    } else if (byte === SEMICOLON) {
      if (isDots(out, pieceAt, to)) return PATH_REFUSED;
      out[to++] = byte;
    } else if (byte === PERCENT) {
      const high = i + 2 < end ? hexValue(bytes[i + 1]!) : -1;
      const low = i + 2 < end ? hexValue(bytes[i + 2]!) : -1;
      if (high === -1 || low === -1) return PATH_REFUSED;
      i += 2;
      const decoded = high * 16 + low;
      if (decoded < 0x20 || decoded === 0x7f) return PATH_REFUSED;
      if (isUnreserved[decoded] === 1) out[to++] = decoded;
      else {
        const hidden = decoded === SLASH || decoded === BACKSLASH;
        if (hidden && isDots(out, pieceAt, to)) return PATH_REFUSED;
        if (decoded === SEMICOLON && isDots(out, pieceAt, to)) return PATH_REFUSED;
        to = writeTriplet(decoded, out, to);
        if (hidden) pieceAt = to;
      }
    } else {
      const kind = byteClass[byte]!;
      if (kind === BYTE.REFUSED) return PATH_REFUSED;
      if (kind === BYTE.ODD) to = writeTriplet(byte, out, to);
      else out[to++] = byte;
    }
  }
  if (pieceAt !== segmentAt && isDots(out, pieceAt, to)) return PATH_REFUSED;
  if (keepsRuns && climbsOverEmpty(out, outAt, segmentAt, to)) return PATH_REFUSED;
  return closeSegment(out, outAt, segmentAt, to) - outAt;
}

/** Ends the segment `segmentAt`..`to`: `.` disappears, `..` takes the segment before with it. Returns the new end. */
function closeSegment(out: Uint8Array, outAt: number, segmentAt: number, to: number): number {
  if (!isDots(out, segmentAt, to)) return to;
  if (to - segmentAt === 1) return segmentAt;
  if (segmentAt === outAt + 1) return segmentAt; // above the root there is only the root
  let previous = segmentAt - 1;
  while (out[previous - 1] !== SLASH) previous--;
  return previous;
}

/** True for a `..` whose element before is empty. */
function climbsOverEmpty(out: Uint8Array, outAt: number, segmentAt: number, to: number): boolean {
  return to - segmentAt === 2 && isDots(out, segmentAt, to) && segmentAt > outAt + 1 && out[segmentAt - 2] === SLASH;
}

/** True when the path at `at` has two slashes in a row. */
export function hasRepeatedSlashes(bytes: Uint8Array, at: number, length: number): boolean {
  for (let i = at + 1, end = at + length; i < end; i++) if (bytes[i] === SLASH && bytes[i - 1] === SLASH) return true;
  return false;
}

/**
 * Writes the normal form of a path from the one that keeps its runs of `/`: each of them as one. Returns its length, which is
 * the most that is ever written: normalising the path once more would write what dot segments take back.
 */
export function mergeRuns(bytes: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number): number {
  let to = outAt;
  for (let i = at, end = at + length; i < end; i++) {
    const byte = bytes[i]!;
    if (byte !== SLASH || i === at || bytes[i - 1] !== SLASH) out[to++] = byte;
  }
  return to - outAt;
}

/**
 * Where in a path that keeps its runs of `/` the first `mergedBytes` bytes of its normal form end, counted from `at`: a run
 * counts as one there.
 */
export function keptPrefix(bytes: Uint8Array, at: number, length: number, mergedBytes: number): number {
  let merged = 0;
  let i = 0;
  for (; i < length && merged < mergedBytes; i++) {
    if (bytes[at + i] !== SLASH || i === 0 || bytes[at + i - 1] !== SLASH) merged++;
  }
  return i;
}

function isDots(out: Uint8Array, from: number, to: number): boolean {
  const length = to - from;
  return (length === 1 || length === 2) && out[from] === DOT && out[to - 1] === DOT;
}

function writeTriplet(byte: number, out: Uint8Array, to: number): number {
  out[to] = PERCENT;
  out[to + 1] = HEX[byte >> 4]!;
  out[to + 2] = HEX[byte & 15]!;
  return to + 3;
}

/** normalisePath() for text, as config files and explain have it; undefined when the path must be refused. */
export function normalPathOf(path: string): string | undefined {
  const bytes = Buffer.from(path, 'utf8');
  const out = Buffer.alloc(bytes.length * PATH_GROWTH + 1);
  const written = normalisePath(bytes, 0, bytes.length, out, 0);
  if (written === PATH_REFUSED) return undefined;
  return written === PATH_AS_IS ? path : out.toString('latin1', 0, written);
}

/** What would be sent of a path in text whose runs of `/` are kept; undefined when it has none, null when it is refused. */
export function keptPathOf(path: string): string | null | undefined {
  const bytes = Buffer.from(path, 'utf8');
  if (!hasRepeatedSlashes(bytes, 0, bytes.length)) return undefined;
  const out = Buffer.alloc(bytes.length * PATH_GROWTH + 1);
  const written = normalisePath(bytes, 0, bytes.length, out, 0, true);
  return written < 0 ? null : out.toString('latin1', 0, written);
}
