// Decides single conditions of the table against the request that was begun.
// Owns comparing, ranges and regular expressions. Leaves finding values to request-values.ts, and the walk to matcher.ts.

import { RE2JS } from 're2js';
import { CONDITION, HEADER, OP, OP_ANY, RANGE, REGEX } from './layout.js';
import type { MatchRequest } from './request.js';
import { LINE_FEED, type RequestValues } from './request-values.js';

/** Compiles a pattern for linear-time matching (RE2 syntax). Throws the engine's error when it is not one. */
export function compileRegex(source: string): RE2JS {
  return RE2JS.compile(source);
}

/** Evaluates conditions. Allocates only for regular expressions, where the engine wants a request of the value. */
export class Conditions {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #values: RequestValues;
  readonly #conditionsAt: number;
  readonly #rangesAt: number;
  /** Compiled when first tried, so that swapping tables costs the worker no pause. */
  readonly #regexes: RE2JS[] = [];

  constructor(words: Int32Array, bytes: Uint8Array, values: RequestValues) {
    this.#words = words;
    this.#bytes = bytes;
    this.#values = values;
    this.#conditionsAt = words[HEADER.conditionsAt]!;
    this.#rangesAt = words[HEADER.rangesAt]!;
  }

  /** Whether a condition holds, its `invert` included. */
  holds(condition: number, request: MatchRequest): boolean {
    const at = this.#conditionsAt + condition * CONDITION.WORDS;
    return this.#compare(at, request) !== (this.#words[at + CONDITION.invert] === 1);
  }

  /** Where the value that a condition looks at is read from; -1 for the client's address. */
  sourceOf(condition: number): number {
    return this.#words[this.#conditionsAt + condition * CONDITION.WORDS + CONDITION.source]!;
  }

  /** Whether the whole path matches a regular expression of the table. */
  pathMatches(regex: number, request: MatchRequest): boolean {
    return this.#test(regex, request.bytes, request.pathAt, request.pathBytes);
  }

  #compare(at: number, request: MatchRequest): boolean {
    const words = this.#words;
    const op = words[at + CONDITION.op]!;
    const valueAt = words[at + CONDITION.valueAt]!;
    const valueBytes = words[at + CONDITION.valueBytes]!;
    if (op === OP.RANGES) return this.#inRanges(valueAt, valueBytes, request);
    const values = this.#values;
    if (!values.locate(words[at + CONDITION.source]!)) return false;
    if (op < OP_ANY) return this.#compareOne(op, valueAt, valueBytes);
    return this.#compareAny(op - OP_ANY, valueAt, valueBytes);
  }

  /** Compares the parts of the list that was located, one after the other. */
  #compareAny(op: number, valueAt: number, valueBytes: number): boolean {
    const values = this.#values;
    const end = values.at + values.length;
    for (let at = values.at; at <= end; at += values.length + 1) {
      let partEnd = at;
      while (partEnd < end && values.bytes[partEnd] !== LINE_FEED) partEnd++;
      values.at = at;
      values.length = partEnd - at;
      if (this.#compareOne(op, valueAt, valueBytes)) return true;
    }
    return false;
  }

  /** Compares the value that was located. */
  #compareOne(op: number, valueAt: number, valueBytes: number): boolean {
    const values = this.#values;
    switch (op) {
      case OP.EXACT:
        return values.length === valueBytes && this.#equal(values.bytes, values.at, valueAt, valueBytes);
      case OP.PREFIX:
        return values.length >= valueBytes && this.#equal(values.bytes, values.at, valueAt, valueBytes);
      case OP.SUFFIX:
        return (
          values.length >= valueBytes &&
          this.#equal(values.bytes, values.at + values.length - valueBytes, valueAt, valueBytes)
        );
      case OP.CONTAINS:
        return this.#contains(values.bytes, values.at, values.length, valueAt, valueBytes);
      case OP.ONE_OF:
        return this.#oneOf(values.bytes, values.at, values.length, valueAt, valueBytes);
      case OP.REGEX:
        return this.#test(valueAt, values.bytes, values.at, values.length);
      default:
        return true; // PRESENT: it was located
    }
  }

  #equal(bytes: Uint8Array, at: number, valueAt: number, valueBytes: number): boolean {
    const value = this.#bytes;
    for (let i = 0; i < valueBytes; i++) if (bytes[at + i] !== value[valueAt + i]) return false;
    return true;
  }

  /** Compares with each part of the list in the table. */
  #oneOf(bytes: Uint8Array, at: number, length: number, valueAt: number, valueBytes: number): boolean {
    const end = valueAt + valueBytes;
    for (let part = valueAt; part <= end; ) {
      let partEnd = part;
      while (partEnd < end && this.#bytes[partEnd] !== LINE_FEED) partEnd++;
      if (partEnd - part === length && this.#equal(bytes, at, part, length)) return true;
      part = partEnd + 1;
    }
    return false;
  }

  #contains(bytes: Uint8Array, at: number, length: number, valueAt: number, valueBytes: number): boolean {
    for (let i = at; i <= at + length - valueBytes; i++) if (this.#equal(bytes, i, valueAt, valueBytes)) return true;
    return false;
  }

  #test(regex: number, bytes: Uint8Array, at: number, length: number): boolean {
    const compiled = this.#regexes[regex] ?? this.#compile(regex);
    return compiled.testExact(bytes.subarray(at, at + length));
  }

  #compile(regex: number): RE2JS {
    const at = this.#words[HEADER.regexesAt]! + regex * REGEX.WORDS;
    const sourceAt = this.#words[at + REGEX.sourceAt]!;
    // A copy, because a decoder may refuse shared memory.
    const source = Buffer.from(this.#bytes.slice(sourceAt, sourceAt + this.#words[at + REGEX.sourceBytes]!));
    const compiled = compileRegex(source.toString('utf8'));
    this.#regexes[regex] = compiled;
    return compiled;
  }

  #inRanges(first: number, count: number, request: MatchRequest): boolean {
    for (let range = first; range < first + count; range++) {
      const at = this.#rangesAt + range * RANGE.WORDS;
      if (this.#words[at + RANGE.bytes] !== request.clientAddressBytes) continue;
      if (this.#sharesPrefix(request, this.#words[at + RANGE.addressAt]!, this.#words[at + RANGE.bits]!)) return true;
    }
    return false;
  }

  #sharesPrefix(request: MatchRequest, valueAt: number, bits: number): boolean {
    const { clientAddress: address, clientAddressAt: at } = request;
    const whole = bits >> 3;
    if (!this.#equal(address, at, valueAt, whole)) return false;
    const rest = bits & 7;
    return rest === 0 || ((address[at + whole]! ^ this.#bytes[valueAt + whole]!) & (0xff00 >> rest) & 0xff) === 0;
  }
}
