// Mends what servers may write and llhttp refuses, where RFC 9110 and 9112 say how it is to be read: a higher minor
// version, blanks in front of a colon, and one Content-Length said several times. Only heads that llhttp has refused
// come here. Heads of requests never do: what two readers could understand in two ways is refused there.

import { equalsCaseless, isToken } from './fields.js';

/** A head that was changed where it lies. */
interface Mended {
  /** Where it begins now. */
  readonly base: number;
  /** Where the bytes end that can be read now; what follows has to wait for more. */
  readonly readableEnd: number;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COMMA = 0x2c;
const ONE = 0x31;
const NINE = 0x39;
const COLON = 0x3a;
const HTTP_1 = Buffer.from('http/1.', 'latin1');
const CONTENT_LENGTH = Buffer.from('content-length', 'latin1');

const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB;

/**
 * Mends the head of a response from `base` to `end`, as far as it is there. Returns null when there is nothing to mend:
 * then it is wrong for good.
 */
export function mendResponse(memory: Uint8Array, base: number, end: number): Mended | null {
  let changed = mendVersion(memory, base, end);
  let from = base;
  let length: string | null = null;
  let line = lineAfter(memory, base, end);
  while (line < end && memory[line] !== CR) {
    const next = lineAfter(memory, line, end);
    const nameEnd = nameEndOf(memory, line, end);
    if (nameEnd === line) break; // no field: a folded line, or worse
    let colon = nameEnd;
    while (colon < end && isBlank(memory[colon]!)) colon++;
    if (colon === end && colon > nameEnd) return { base: from, readableEnd: line };
    if (memory[colon] !== COLON) break;
    if (colon > nameEnd) {
      // The blanks change places with the colon: behind it they are part of no value (RFC 9112, 5.1).
      memory[nameEnd] = COLON;
      memory[colon] = SPACE;
      changed = true;
    }
    if (equalsCaseless(memory, line, nameEnd - line, CONTENT_LENGTH)) {
      if (memory[next - 1] !== LF) return { base: from, readableEnd: line };
      const values = Buffer.from(memory.subarray(nameEnd + 1, next))
        .toString('latin1')
        .split(',');
      const value: string = length ?? values[0]!.trim();
      if (!values.every((one) => one.trim() === value)) break;
      if (length !== null) {
        // Said before: what stands in front of the line moves over it (RFC 9112, 6.3).
        memory.copyWithin(from + next - line, from, line);
        from += next - line;
        changed = true;
      } else if (values.length > 1) {
        memory.fill(SPACE, memory.indexOf(COMMA, nameEnd), next - 2);
        changed = true;
      }
      length = value;
    }
    line = next;
  }
  return changed ? { base: from, readableEnd: end } : null;
}

/** Reads a higher minor version as ours (RFC 9110, 2.5). True when there was one. */
function mendVersion(memory: Uint8Array, base: number, end: number): boolean {
  const minor = base + HTTP_1.length;
  if (minor >= end || !equalsCaseless(memory, base, HTTP_1.length, HTTP_1)) return false;
  const digit = memory[minor]!;
  if (digit <= ONE || digit > NINE) return false;
  memory[minor] = ONE;
  return true;
}

/** Behind the next LF, or `end` when there is none. */
function lineAfter(memory: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && memory[i] !== LF) i++;
  return Math.min(i + 1, end);
}

/** Where the name of a field ends: at the first byte that no name can have. */
function nameEndOf(memory: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && isToken[memory[i]!] === 1) i++;
  return i;
}
