// Writes compiled matches, sorted by precedence, into the words and bytes of a routing table.
// Owns the grouping into leaves and the choice of selectors. The layout itself is declared in layout.ts.

import type { ConditionIr, EntryIr, HostIr, MatchIr } from './compiled-match.js';
import {
  CONDITION,
  HEADER,
  HOST_KIND,
  HOST_SLOT,
  hashBytes,
  hashHost,
  LEAF_KIND,
  OP,
  OP_ANY,
  PATH_SLOT,
  pathKey,
  RANGE,
  REGEX,
  SELECTOR,
  SOURCE,
  SOURCE_KIND,
  spread,
  TABLE_MAGIC,
  TABLE_VERSION,
} from './layout.js';

/** Lists up to this length are walked as they are: a selector would cost more than it saves. */
const PLAIN_LIST_MAX = 4;

/** A compiled match with its place in the order of precedence. */
interface Ranked {
  readonly rank: number;
  readonly match: MatchIr;
}

interface LeafIr {
  readonly host: number;
  readonly kind: number;
  readonly path: string;
  readonly entries: Ranked[];
}

/** Builds the table. `entries` must be in order of precedence and their matches free of errors. */
export function emitTable(entries: readonly EntryIr[]): SharedArrayBuffer {
  return new Emitter().emit(entries);
}

class Emitter {
  readonly #chunks: Uint8Array[] = [];
  readonly #strings = new Map<string, number>();
  #byteCount = 0;
  readonly #hosts: number[] = [];
  readonly #leaves: number[] = [];
  readonly #selectors: number[] = [];
  readonly #valueSlots: number[] = [];
  readonly #entries: number[] = [];
  readonly #conditions: number[] = [];
  readonly #sources: number[] = [];
  readonly #sourceIndex = new Map<string, number>();
  readonly #ranges: number[] = [];
  readonly #regexes: number[] = [];
  readonly #regexIndex = new Map<string, number>();
  /** Index of the first condition of a match that was written for another host name already. */
  readonly #conditionsOf = new Map<MatchIr, number>();

  emit(entries: readonly EntryIr[]): SharedArrayBuffer {
    const hosts: HostIr[] = [];
    const leaves = groupByLeaf(entries, hosts);
    const regexLeaf = new Array<number>(hosts.length).fill(-1);
    const rootLeaf = new Array<number>(hosts.length).fill(-1);
    const depths = new Array<number>(hosts.length).fill(0);
    const pathKeys: number[] = [];
    leaves.forEach((leaf, index) => {
      const path = this.#writeLeaf(leaf, index);
      if (leaf.kind === LEAF_KIND.ROOT) rootLeaf[leaf.host] = index;
      else if (leaf.kind === LEAF_KIND.REGEX) regexLeaf[leaf.host] = index;
      else {
        pathKeys.push(pathKey(leaf.host, leaf.kind, hashBytes(path, 0, path.length)), index + 1);
        if (leaf.kind === LEAF_KIND.PREFIX) {
          depths[leaf.host] = Math.max(depths[leaf.host]!, leaf.path.split('/').length - 1);
        }
      }
    });
    const hostKeys: number[] = [];
    hosts.forEach((host, index) => {
      const name = Buffer.from(host.name, 'latin1');
      this.#hosts.push(host.kind, this.#string(name), name.length, depths[index]!, regexLeaf[index]!, rootLeaf[index]!);
      if (host.kind !== HOST_KIND.DEFAULT) hostKeys.push(hashHost(name, 0, name.length), index + 1);
    });
    const hostSlots = slotTable(hostKeys, spread);
    const pathSlots = slotTable(pathKeys, (key) => key);
    return this.#assemble({
      hostSlots,
      hostSlotMask: hostSlots.length / HOST_SLOT.WORDS - 1,
      hostCount: hosts.length,
      wildcardCount: hosts.filter((host) => host.kind === HOST_KIND.WILDCARD).length,
      defaultHost: hosts.findIndex((host) => host.kind === HOST_KIND.DEFAULT),
      pathSlots,
      pathSlotMask: pathSlots.length / PATH_SLOT.WORDS - 1,
      keyedPathCount: pathKeys.length / 2,
      depthMax: depths.reduce((most, depth) => Math.max(most, depth), 0),
      leafCount: leaves.length,
      entryCount: entries.length,
      topCount: entries.filter(({ match }) => match.priority === entries[0]!.match.priority).length,
    });
  }

  #writeLeaf(leaf: LeafIr, index: number): Uint8Array {
    const path = Buffer.from(leaf.kind === LEAF_KIND.REGEX ? '' : leaf.path, 'latin1');
    const { plain, bySelector } =
      leaf.entries.length <= PLAIN_LIST_MAX ? plainOnly(leaf.entries) : narrow(leaf.entries);
    const listAt = this.#writeList(plain, index);
    const selectorAt = this.#selectors.length / SELECTOR.WORDS;
    for (const [sourceKey, byValue] of bySelector) this.#writeSelector(sourceKey, byValue, index);
    this.#leaves.push(leaf.host, leaf.kind, this.#string(path), path.length);
    this.#leaves.push(listAt, plain.length, selectorAt, bySelector.size);
    return path;
  }

  #writeSelector(sourceKey: string, byValue: Map<string, Ranked[]>, leaf: number): void {
    // Two values may share a hash; then they share a list, and the conditions tell them apart.
    const byHash = new Map<number, Ranked[]>();
    for (const [value, list] of byValue) {
      const bytes = Buffer.from(value, 'utf8');
      const hash = hashBytes(bytes, 0, bytes.length);
      const before = byHash.get(hash);
      byHash.set(hash, before === undefined ? list : [...before, ...list].sort((a, b) => a.rank - b.rank));
    }
    const places = slotCount(byHash.size);
    const slots = new Array<number>(places * 3).fill(0);
    for (const [hash, list] of byHash) {
      let place = spread(hash) & (places - 1);
      while (slots[place * 3 + 2] !== 0) place = (place + 1) & (places - 1);
      slots.splice(place * 3, 3, hash, this.#writeList(list, leaf), list.length);
    }
    this.#selectors.push(this.#source(sourceKey), this.#valueSlots.length, places - 1);
    for (const word of slots) this.#valueSlots.push(word);
  }

  /** Writes a run of entries and returns the index of the first. */
  #writeList(list: readonly Ranked[], leaf: number): number {
    const first = this.#entries.length / 8;
    for (const { rank, match } of list) {
      const regex = match.pathKind === LEAF_KIND.REGEX ? this.#regex(match.path) : -1;
      this.#entries.push(rank, match.rule, match.match, leaf, match.method, regex);
      this.#entries.push(this.#conditionRun(match), match.conditions.length);
    }
    return first;
  }

  #conditionRun(match: MatchIr): number {
    const known = this.#conditionsOf.get(match);
    if (known !== undefined) return known;
    const first = this.#conditions.length / CONDITION.WORDS;
    for (const condition of match.conditions) this.#writeCondition(condition);
    this.#conditionsOf.set(match, first);
    return first;
  }

  #writeCondition(condition: ConditionIr): void {
    const source = condition.source === undefined ? -1 : this.#source(sourceKeyOf(condition.source));
    const invert = condition.invert ? 1 : 0;
    const op = condition.op + (isList(condition) ? OP_ANY : 0);
    if (condition.op === OP.REGEX) {
      this.#conditions.push(source, op, invert, this.#regex(condition.value), 0);
    } else if (condition.op === OP.RANGES) {
      this.#conditions.push(source, condition.op, invert, this.#ranges.length / RANGE.WORDS, condition.ranges.length);
      for (const { address, bits } of condition.ranges) this.#ranges.push(address.length, bits, this.#string(address));
    } else {
      const value = Buffer.from(condition.value, 'utf8');
      this.#conditions.push(source, op, invert, this.#string(value), value.length);
    }
  }

  #source(key: string): number {
    let index = this.#sourceIndex.get(key);
    if (index === undefined) {
      index = this.#sourceIndex.size;
      this.#sourceIndex.set(key, index);
      const space = key.indexOf(' ');
      const kind = Number(key.slice(0, space));
      const name = Buffer.from(key.slice(space + 1), 'utf8');
      this.#sources.push(kind, this.#string(name), name.length);
    }
    return index;
  }

  #regex(source: string): number {
    let index = this.#regexIndex.get(source);
    if (index === undefined) {
      index = this.#regexIndex.size;
      this.#regexIndex.set(source, index);
      const bytes = Buffer.from(source, 'utf8');
      this.#regexes.push(this.#string(bytes), bytes.length);
    }
    return index;
  }

  /** Offset of these bytes in the table's bytes; equal bytes are kept once. */
  #string(bytes: Uint8Array): number {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const known = this.#strings.get(key);
    if (known !== undefined) return known;
    const at = this.#byteCount;
    this.#strings.set(key, at);
    this.#chunks.push(bytes);
    this.#byteCount += bytes.length;
    return at;
  }

  #assemble(parts: {
    hostSlots: number[];
    hostSlotMask: number;
    hostCount: number;
    wildcardCount: number;
    defaultHost: number;
    pathSlots: number[];
    pathSlotMask: number;
    keyedPathCount: number;
    depthMax: number;
    leafCount: number;
    entryCount: number;
    topCount: number;
  }): SharedArrayBuffer {
    const header = new Int32Array(HEADER.WORDS);
    const sections: [offset: number, words: number[]][] = [
      [HEADER.hostSlotsAt, parts.hostSlots],
      [HEADER.hostsAt, this.#hosts],
      [HEADER.pathSlotsAt, parts.pathSlots],
      [HEADER.leavesAt, this.#leaves],
      [HEADER.selectorsAt, this.#selectors],
      [HEADER.valueSlotsAt, this.#valueSlots],
      [HEADER.entriesAt, this.#entries],
      [HEADER.conditionsAt, this.#conditions],
      [HEADER.sourcesAt, this.#sources],
      [HEADER.rangesAt, this.#ranges],
      [HEADER.regexesAt, this.#regexes],
    ];
    let wordCount: number = HEADER.WORDS;
    for (const [offset, words] of sections) {
      header[offset] = wordCount;
      wordCount += words.length;
    }
    const bytesAt = wordCount * 4;
    const totalBytes = bytesAt + ((this.#byteCount + 3) & ~3);
    header[HEADER.magic] = TABLE_MAGIC;
    header[HEADER.version] = TABLE_VERSION;
    header[HEADER.totalBytes] = totalBytes;
    header[HEADER.bytesAt] = bytesAt;
    header[HEADER.hostSlotMask] = parts.hostSlotMask;
    header[HEADER.hostCount] = parts.hostCount;
    header[HEADER.wildcardCount] = parts.wildcardCount;
    header[HEADER.defaultHost] = parts.defaultHost;
    header[HEADER.pathSlotMask] = parts.pathSlotMask;
    header[HEADER.keyedPathCount] = parts.keyedPathCount;
    header[HEADER.depthMax] = parts.depthMax;
    header[HEADER.leafCount] = parts.leafCount;
    header[HEADER.selectorCount] = this.#selectors.length / SELECTOR.WORDS;
    header[HEADER.entryCount] = parts.entryCount;
    header[HEADER.topCount] = parts.topCount;
    header[HEADER.conditionCount] = this.#conditions.length / CONDITION.WORDS;
    header[HEADER.sourceCount] = this.#sources.length / SOURCE.WORDS;
    header[HEADER.rangeCount] = this.#ranges.length / RANGE.WORDS;
    header[HEADER.regexCount] = this.#regexes.length / REGEX.WORDS;
    const table = new SharedArrayBuffer(totalBytes);
    const all = new Int32Array(table);
    all.set(header);
    for (const [offset, words] of sections) all.set(words, header[offset]!);
    const bytes = new Uint8Array(table, bytesAt);
    let at = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return table;
  }
}

/** Entries of the same host and path, in the order they came; `hosts` receives each host once. */
function groupByLeaf(entries: readonly EntryIr[], hosts: HostIr[]): LeafIr[] {
  const hostIndex = new Map<string, number>();
  const leaves = new Map<string, LeafIr>();
  entries.forEach(({ host, match }, rank) => {
    const hostKey = `${host.kind}${host.name}`;
    let index = hostIndex.get(hostKey);
    if (index === undefined) {
      index = hosts.length;
      hostIndex.set(hostKey, index);
      hosts.push(host);
    }
    const path = match.pathKind === LEAF_KIND.REGEX ? '' : match.path;
    const key = `${index} ${match.pathKind} ${path}`;
    let leaf = leaves.get(key);
    if (leaf === undefined) {
      leaf = { host: index, kind: match.pathKind, path, entries: [] };
      leaves.set(key, leaf);
    }
    leaf.entries.push({ rank, match });
  });
  return [...leaves.values()];
}

interface Narrowed {
  readonly plain: Ranked[];
  readonly bySelector: Map<string, Map<string, Ranked[]>>;
}

function plainOnly(entries: Ranked[]): Narrowed {
  return { plain: entries, bySelector: new Map() };
}

/**
 * Splits a long leaf by exact values. Each entry goes under the one of its exact conditions that the fewest entries
 * share; those without one stay in the plain list. A request then meets only entries that ask for its own values.
 */
function narrow(entries: readonly Ranked[]): Narrowed {
  const sharers = new Map<string, number>();
  for (const { match } of entries) {
    for (const condition of match.conditions) {
      if (!isExact(condition)) continue;
      const key = valueKeyOf(condition);
      sharers.set(key, (sharers.get(key) ?? 0) + 1);
    }
  }
  const narrowed: Narrowed = { plain: [], bySelector: new Map() };
  for (const entry of entries) {
    let rarest: ConditionIr | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const condition of entry.match.conditions) {
      const count = isExact(condition) ? sharers.get(valueKeyOf(condition))! : Number.POSITIVE_INFINITY;
      if (count < fewest) {
        rarest = condition;
        fewest = count;
      }
    }
    if (rarest?.source === undefined) {
      narrowed.plain.push(entry);
      continue;
    }
    const sourceKey = sourceKeyOf(rarest.source);
    const byValue = narrowed.bySelector.get(sourceKey) ?? new Map<string, Ranked[]>();
    narrowed.bySelector.set(sourceKey, byValue);
    const list = byValue.get(rarest.value);
    if (list === undefined) byValue.set(rarest.value, [entry]);
    else list.push(entry);
  }
  return narrowed;
}

/** A list has many values, so that no single one leads to an entry. */
function isExact(condition: ConditionIr): boolean {
  return condition.source !== undefined && condition.op === OP.EXACT && !condition.invert && !isList(condition);
}

function isList(condition: ConditionIr): boolean {
  return condition.source?.kind === SOURCE_KIND.CERTIFICATE_NAMES;
}

function sourceKeyOf(source: { readonly kind: number; readonly name: string }): string {
  return `${source.kind} ${source.name}`;
}

function valueKeyOf(condition: ConditionIr): string {
  return `${sourceKeyOf(condition.source!)}\0${condition.value}`;
}

/** Twice as many places as keys, or more, as a power of two: at least one stays empty and ends every search. */
function slotCount(keys: number): number {
  let places = 2;
  while (places < keys * 2) places *= 2;
  return places;
}

/** An open-addressed table of (hash, value) pairs, two words each; a value of 0 marks an empty place. */
function slotTable(pairs: readonly number[], placeOf: (hash: number) => number): number[] {
  const places = slotCount(pairs.length / 2);
  const slots = new Array<number>(places * 2).fill(0);
  for (let i = 0; i < pairs.length; i += 2) {
    let place = placeOf(pairs[i]!) & (places - 1);
    while (slots[place * 2 + 1] !== 0) place = (place + 1) & (places - 1);
    slots[place * 2] = pairs[i]!;
    slots[place * 2 + 1] = pairs[i + 1]!;
  }
  return slots;
}
