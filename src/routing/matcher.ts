// Walks the routing table: request in, rule out.
// Owns the order of the walk, which is the precedence. Leaves reading values to request-values.ts, comparing to conditions.ts.

import { HOST_NAME_BYTES_MAX } from '../base/host-names.js';
import { Conditions } from './conditions.js';
import {
  ENTRY,
  HASH_PRIME,
  HASH_SEED,
  HEADER,
  HOST,
  HOST_KIND,
  HOST_SLOT,
  LEAF,
  LEAF_KIND,
  lowerCase,
  PATH_SLOT,
  pathKey,
  SELECTOR,
  spread,
  TABLE_MAGIC,
  TABLE_VERSION,
  VALUE_SLOT,
} from './layout.js';
import { type MatchRequest, NO_REQUEST } from './request.js';
import { RequestValues } from './request-values.js';

const DOT = 0x2e;
const SLASH = 0x2f;
const RANK_MAX = 0x7fffffff;
/** A name of HOST_NAME_BYTES_MAX bytes has at most this many dots with a label before them. */
const DOTS_MAX = HOST_NAME_BYTES_MAX;

/** The two views of a table: its words and its bytes. Throws when the block is not a table of this version. */
function openTable(table: SharedArrayBuffer): { words: Int32Array; bytes: Uint8Array } {
  const whole = new Int32Array(table, 0, table.byteLength >> 2);
  if (whole.length < HEADER.WORDS || whole[HEADER.magic] !== TABLE_MAGIC) {
    throw new Error(`Not a routing table: the first word of ${table.byteLength} bytes is not its mark.`);
  }
  if (whole[HEADER.version] !== TABLE_VERSION) {
    throw new Error(
      `Routing table of version ${whole[HEADER.version]}, but this build walks version ${TABLE_VERSION}.`,
    );
  }
  if (whole[HEADER.totalBytes] !== table.byteLength) {
    throw new Error(`Routing table cut short: ${table.byteLength} of ${whole[HEADER.totalBytes]} bytes.`);
  }
  const bytesAt = whole[HEADER.bytesAt]!;
  return { words: new Int32Array(table, 0, bytesAt >> 2), bytes: new Uint8Array(table, bytesAt) };
}

/** Where the walk stands under one host. */
const STEP = { EXACT: 0, PREFIX: 1, REGEX: 2, ROOT: 3, DONE: 4 } as const;

/**
 * Matches requests against one table. One per thread and table; not reentrant.
 *
 * Hot: match() allocates nothing unless a regular expression has to be tried, and its cost follows the length of the
 * request. The walk visits the leaves a request can reach in order of precedence, so the first hit wins, unless a rule of a
 * higher priority may still come: then the walk goes on, and only looks at entries of a lower rank than the best so far.
 *
 *   for each host   exact ─► wildcards, longest first ─► default
 *     for each leaf   EXACT path ─► PREFIX, longest first ─► REGEX ─► ROOT (`/`, or no path)
 *       the entry of lowest rank whose method and conditions all hold
 */
export class Matcher {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly values: RequestValues;
  readonly conditions: Conditions;

  /**
   * After match() found a rule: length of the path prefix that ReplacePrefixMatch replaces. 0 when the rule matched
   * `/` or had no prefix.
   */
  prefixBytes = 0;

  readonly #hostSlotsAt: number;
  readonly #hostSlotMask: number;
  readonly #hostsAt: number;
  readonly #pathSlotsAt: number;
  readonly #pathSlotMask: number;
  readonly #keyedPathCount: number;
  readonly #wildcardCount: number;
  readonly #depthMax: number;
  readonly #leavesAt: number;
  readonly #selectorsAt: number;
  readonly #valueSlotsAt: number;
  readonly #entriesAt: number;
  readonly #topCount: number;
  readonly #hasPriorities: boolean;

  #request: MatchRequest = NO_REQUEST;
  // The host: its bytes without a closing dot, its hash, and where wildcards may begin.
  #hostBytes = 0;
  #hostHash = 0;
  readonly #dotAt = new Int32Array(DOTS_MAX);
  readonly #dotHash = new Int32Array(DOTS_MAX);
  /** Host candidates not yet tried: the default at 0, wildcards from 1, the exact name last. */
  #hostsLeft = 0;
  #dotCount = 0;
  #host = -1;
  // The path: its hash, and the hash and end of each prefix of whole elements.
  #pathRead = false;
  #pathHash = 0;
  readonly #prefixEnd: Int32Array;
  readonly #prefixHash: Int32Array;
  #prefixCount = 0;
  #step: number = STEP.DONE;
  #depth = 0;

  /** Throws when `table` is not a routing table of the version this build knows. */
  constructor(table: SharedArrayBuffer) {
    const { words, bytes } = openTable(table);
    this.words = words;
    this.bytes = bytes;
    this.values = new RequestValues(words, bytes);
    this.conditions = new Conditions(words, bytes, this.values);
    this.#hostSlotsAt = words[HEADER.hostSlotsAt]!;
    this.#hostSlotMask = words[HEADER.hostSlotMask]!;
    this.#hostsAt = words[HEADER.hostsAt]!;
    this.#pathSlotsAt = words[HEADER.pathSlotsAt]!;
    this.#pathSlotMask = words[HEADER.pathSlotMask]!;
    this.#keyedPathCount = words[HEADER.keyedPathCount]!;
    this.#wildcardCount = words[HEADER.wildcardCount]!;
    this.#depthMax = words[HEADER.depthMax]!;
    this.#leavesAt = words[HEADER.leavesAt]!;
    this.#selectorsAt = words[HEADER.selectorsAt]!;
    this.#valueSlotsAt = words[HEADER.valueSlotsAt]!;
    this.#entriesAt = words[HEADER.entriesAt]!;
    this.#topCount = words[HEADER.topCount]!;
    this.#hasPriorities = this.#topCount < words[HEADER.entryCount]!;
    this.#prefixEnd = new Int32Array(this.#depthMax);
    this.#prefixHash = new Int32Array(this.#depthMax);
  }

  /** Index of the rule for this request, or -1 when none matches. Its bytes are only read. */
  match(request: MatchRequest): number {
    const entry = this.matchEntry(request);
    return entry === -1 ? -1 : this.words[this.#entriesAt + entry * ENTRY.WORDS + ENTRY.rule]!;
  }

  /** Like match(), but the index of the winning entry: explain wants to know which match of the rule it was. */
  matchEntry(request: MatchRequest): number {
    this.begin(request);
    let best = -1;
    let bestRank = RANK_MAX;
    for (let leaf = this.nextLeaf(); leaf !== -1; leaf = this.nextLeaf()) {
      const entry = this.bestIn(leaf, bestRank);
      if (entry === -1) continue;
      const at = this.#leavesAt + leaf * LEAF.WORDS;
      this.prefixBytes = this.words[at + LEAF.kind] === LEAF_KIND.PREFIX ? this.words[at + LEAF.pathBytes]! : 0;
      if (!this.#hasPriorities) return entry;
      best = entry;
      bestRank = this.words[this.#entriesAt + entry * ENTRY.WORDS + ENTRY.rank]!;
      // Within one priority ranks follow the walk, so no entry that comes later can be before this one.
      if (bestRank < this.#topCount) break;
    }
    return best;
  }

  /** Starts a walk: nextLeaf() then gives the leaves in order of precedence. */
  begin(request: MatchRequest): void {
    this.#request = request;
    this.values.begin(request);
    this.#pathRead = false;
    this.#host = -1;
    this.#readHost(request);
  }

  /** The next leaf this request reaches, or -1 at the end of the walk. */
  nextLeaf(): number {
    for (;;) {
      if (this.#host === -1 && !this.#nextHost()) return -1;
      const at = this.#hostsAt + this.#host * HOST.WORDS;
      if (this.#step === STEP.EXACT) {
        this.#step = STEP.PREFIX;
        this.#depth = 0;
        if (this.#keyedPathCount !== 0) {
          if (!this.#pathRead) this.#readPath();
          this.#depth = Math.min(this.#prefixCount, this.words[at + HOST.depthMax]!);
          const leaf = this.#findPath(LEAF_KIND.EXACT, this.#pathHash, this.#request.pathBytes);
          if (leaf !== -1) return leaf;
        }
      }
      if (this.#step === STEP.PREFIX) {
        while (this.#depth > 0) {
          this.#depth--;
          const leaf = this.#findPath(LEAF_KIND.PREFIX, this.#prefixHash[this.#depth]!, this.#prefixEnd[this.#depth]!);
          if (leaf !== -1) return leaf;
        }
        this.#step = STEP.REGEX;
      }
      if (this.#step === STEP.REGEX) {
        this.#step = STEP.ROOT;
        const leaf = this.words[at + HOST.regexLeaf]!;
        if (leaf !== -1) return leaf;
      }
      this.#step = STEP.DONE;
      this.#host = -1;
      const leaf = this.words[at + HOST.rootLeaf]!;
      if (leaf !== -1) return leaf;
    }
  }

  /** The entry of a leaf that holds for the request that was begun and has the lowest rank below `rankMax`, or -1. */
  bestIn(leaf: number, rankMax: number): number {
    const words = this.words;
    const at = this.#leavesAt + leaf * LEAF.WORDS;
    let best = this.#firstIn(words[at + LEAF.listAt]!, words[at + LEAF.listCount]!, rankMax);
    const selectorAt = words[at + LEAF.selectorAt]!;
    const selectorEnd = selectorAt + words[at + LEAF.selectorCount]!;
    for (let selector = selectorAt; selector < selectorEnd; selector++) {
      const slot = this.#selected(selector);
      if (slot === -1) continue;
      const rank = best === -1 ? rankMax : words[this.#entriesAt + best * ENTRY.WORDS + ENTRY.rank]!;
      const entry = this.#firstIn(words[slot + VALUE_SLOT.listAt]!, words[slot + VALUE_SLOT.listCount]!, rank);
      if (entry !== -1) best = entry;
    }
    return best;
  }

  /** Whether an entry's method, conditions and path expression hold; host and path are the leaf's and not looked at. */
  holds(entry: number): boolean {
    const words = this.words;
    const at = this.#entriesAt + entry * ENTRY.WORDS;
    const method = words[at + ENTRY.method]!;
    if (method !== -1 && method !== this.#request.method) return false;
    const first = words[at + ENTRY.conditionAt]!;
    const end = first + words[at + ENTRY.conditionCount]!;
    for (let condition = first; condition < end; condition++) {
      if (!this.conditions.holds(condition, this.#request)) return false;
    }
    const regex = words[at + ENTRY.pathRegex]!;
    return regex === -1 || this.conditions.pathMatches(regex, this.#request);
  }

  /** The first entry of a list that holds and whose rank is below `rankMax`, or -1. Lists are in order of rank. */
  #firstIn(listAt: number, listCount: number, rankMax: number): number {
    for (let entry = listAt; entry < listAt + listCount; entry++) {
      if (this.words[this.#entriesAt + entry * ENTRY.WORDS + ENTRY.rank]! >= rankMax) return -1;
      if (this.holds(entry)) return entry;
    }
    return -1;
  }

  /** The place of the list a selector points at for this request's value, or -1. */
  #selected(selector: number): number {
    const words = this.words;
    const at = this.#selectorsAt + selector * SELECTOR.WORDS;
    if (!this.values.locate(words[at + SELECTOR.source]!)) return -1;
    const hash = this.values.hash();
    const slots = this.#valueSlotsAt + words[at + SELECTOR.slots]!;
    const mask = words[at + SELECTOR.mask]!;
    for (let place = spread(hash) & mask; ; place = (place + 1) & mask) {
      const slot = slots + place * VALUE_SLOT.WORDS;
      if (words[slot + VALUE_SLOT.listCount] === 0) return -1;
      if (words[slot + VALUE_SLOT.hash] === hash) return slot;
    }
  }

  /** Reads the host from its end, keeping the hash at every dot that has a label before it. */
  #readHost(request: MatchRequest): void {
    const bytes = request.bytes;
    const at = request.hostAt;
    let length = request.hostNameBytes;
    // A closing dot only says that the name is complete: it must not lead around a rule.
    if (length > 0 && bytes[at + length - 1] === DOT) length--;
    this.#hostBytes = length;
    this.#dotCount = 0;
    if (length === 0 || length > HOST_NAME_BYTES_MAX) {
      this.#hostsLeft = 1;
      return;
    }
    let hash = HASH_SEED;
    if (this.#wildcardCount === 0) {
      for (let i = at + length - 1; i >= at; i--) hash = Math.imul(hash ^ lowerCase(bytes[i]!), HASH_PRIME);
    } else {
      for (let i = at + length - 1; i >= at; i--) {
        hash = Math.imul(hash ^ lowerCase(bytes[i]!), HASH_PRIME);
        if (bytes[i] === DOT && i > at) {
          this.#dotAt[this.#dotCount] = i;
          this.#dotHash[this.#dotCount++] = hash;
        }
      }
    }
    this.#hostHash = hash;
    this.#hostsLeft = this.#dotCount + 2;
  }

  /** The host names of the table this request belongs to, in order of precedence. Allocates: explain asks, not workers. */
  hostsOf(request: MatchRequest): number[] {
    const hosts: number[] = [];
    this.begin(request);
    while (this.#nextHost()) hosts.push(this.#host);
    return hosts;
  }

  /** Turns to the next host the request may belong to. False when there is none. */
  #nextHost(): boolean {
    const request = this.#request;
    while (this.#hostsLeft > 0) {
      const candidate = --this.#hostsLeft;
      if (candidate === 0) this.#host = this.words[HEADER.defaultHost]!;
      else if (candidate === this.#dotCount + 1) {
        this.#host = this.#findHost(HOST_KIND.EXACT, this.#hostHash, request.hostAt, this.#hostBytes);
      } else {
        const dotAt = this.#dotAt[candidate - 1]!;
        const length = request.hostAt + this.#hostBytes - dotAt;
        this.#host = this.#findHost(HOST_KIND.WILDCARD, this.#dotHash[candidate - 1]!, dotAt, length);
      }
      if (this.#host !== -1) {
        this.#step = STEP.EXACT;
        return true;
      }
    }
    return false;
  }

  #findHost(kind: number, hash: number, at: number, length: number): number {
    const words = this.words;
    const mask = this.#hostSlotMask;
    for (let place = spread(hash) & mask; ; place = (place + 1) & mask) {
      const slot = this.#hostSlotsAt + place * HOST_SLOT.WORDS;
      const host = words[slot + HOST_SLOT.host]! - 1;
      if (host === -1) return -1;
      if (words[slot + HOST_SLOT.hash] !== hash) continue;
      const record = this.#hostsAt + host * HOST.WORDS;
      if (words[record + HOST.kind] !== kind || words[record + HOST.nameBytes] !== length) continue;
      if (this.#hostEquals(at, words[record + HOST.nameAt]!, length)) return host;
    }
  }

  #hostEquals(at: number, nameAt: number, length: number): boolean {
    const bytes = this.#request.bytes;
    for (let i = 0; i < length; i++) if (lowerCase(bytes[at + i]!) !== this.bytes[nameAt + i]) return false;
    return true;
  }

  /** Reads the path once, keeping the hash at the end of each element, as deep as the table's longest prefix. */
  #readPath(): void {
    this.#pathRead = true;
    const bytes = this.#request.bytes;
    const at = this.#request.pathAt;
    const length = this.#request.pathBytes;
    const depthMax = this.#depthMax;
    let count = 0;
    let hash = HASH_SEED;
    for (let i = 0; i < length; i++) {
      const byte = bytes[at + i]!;
      if (byte === SLASH && i > 0 && count < depthMax) {
        this.#prefixEnd[count] = i;
        this.#prefixHash[count++] = hash;
      }
      hash = Math.imul(hash ^ byte, HASH_PRIME);
    }
    if (length > 0 && bytes[at + length - 1] !== SLASH && count < depthMax) {
      this.#prefixEnd[count] = length;
      this.#prefixHash[count++] = hash;
    }
    this.#prefixCount = count;
    this.#pathHash = hash;
  }

  /** The leaf for the first `length` bytes of the path under the current host, or -1. */
  #findPath(kind: number, pathHash: number, length: number): number {
    const words = this.words;
    const mask = this.#pathSlotMask;
    const hash = pathKey(this.#host, kind, pathHash);
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = this.#pathSlotsAt + place * PATH_SLOT.WORDS;
      const leaf = words[slot + PATH_SLOT.leaf]! - 1;
      if (leaf === -1) return -1;
      if (words[slot + PATH_SLOT.hash] !== hash) continue;
      const record = this.#leavesAt + leaf * LEAF.WORDS;
      if (words[record + LEAF.pathBytes] !== length) continue;
      if (words[record + LEAF.host] !== this.#host || words[record + LEAF.kind] !== kind) continue;
      if (this.#pathEquals(words[record + LEAF.pathAt]!, length)) return leaf;
    }
  }

  #pathEquals(pathAt: number, length: number): boolean {
    const bytes = this.#request.bytes;
    const at = this.#request.pathAt;
    for (let i = 0; i < length; i++) if (bytes[at + i] !== this.bytes[pathAt + i]) return false;
    return true;
  }
}
