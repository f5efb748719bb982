// The routing table: one flat, immutable, versioned block of shared memory, and how its parts are found.
// Owns every offset and the hash functions both sides use. Leaves writing to emit.ts and walking to matcher.ts.
// docs/routing.md draws this layout.

/** "SVF7" read as a little-endian word. */
export const TABLE_MAGIC = 0x37465653;
/** Raised whenever the meaning of any word below changes; a matcher refuses other versions. */
export const TABLE_VERSION = 5;

/**
 * The table's header, as Int32 words from the start of the block. Sections named `…At` are offsets in words, and
 * `bytesAt` is an offset in bytes. Written once by emit.ts, in the primary; read only from then on, by everyone.
 */
export const HEADER = {
  magic: 0,
  version: 1,
  totalBytes: 2,
  bytesAt: 3,
  hostSlotsAt: 4,
  hostSlotMask: 5,
  hostsAt: 6,
  hostCount: 7,
  wildcardCount: 8,
  defaultHost: 9,
  pathSlotsAt: 10,
  pathSlotMask: 11,
  keyedPathCount: 12,
  depthMax: 13,
  leavesAt: 14,
  leafCount: 15,
  selectorsAt: 16,
  selectorCount: 17,
  valueSlotsAt: 18,
  entriesAt: 19,
  entryCount: 20,
  conditionsAt: 21,
  conditionCount: 22,
  sourcesAt: 23,
  sourceCount: 24,
  rangesAt: 25,
  rangeCount: 26,
  regexesAt: 27,
  regexCount: 28,
  /** Entries of the highest priority: those of a lower rank. All of them where no rule has a priority of its own. */
  topCount: 29,
  WORDS: 30,
} as const;

/** A place in the hash table of host names: the hash and the host's index + 1, or 0 when empty. */
export const HOST_SLOT = { hash: 0, host: 1, WORDS: 2 } as const;

/** Kinds of host. A wildcard keeps its name from the dot on: `.example.com`. */
export const HOST_KIND = { DEFAULT: 0, WILDCARD: 1, EXACT: 2 } as const;

/** One host name. `regexLeaf` and `rootLeaf` are leaf indexes or -1; `depthMax` counts elements of its longest prefix. */
export const HOST = { kind: 0, nameAt: 1, nameBytes: 2, depthMax: 3, regexLeaf: 4, rootLeaf: 5, WORDS: 6 } as const;

/** A place in the hash table of paths, keyed by host, kind and path: the mixed hash and the leaf's index + 1, or 0. */
export const PATH_SLOT = { hash: 0, leaf: 1, WORDS: 2 } as const;

/** Kinds of leaf, in order of precedence from the lowest. ROOT is `PathPrefix: /`, which every path has. */
export const LEAF_KIND = { ROOT: 0, REGEX: 1, PREFIX: 2, EXACT: 3 } as const;

/**
 * One host and path, with the entries that share them. The list at `listAt` holds entries that no selector covers;
 * the others are found through `selectorCount` selectors from index `selectorAt` on.
 */
export const LEAF = {
  host: 0,
  kind: 1,
  pathAt: 2,
  pathBytes: 3,
  listAt: 4,
  listCount: 5,
  selectorAt: 6,
  selectorCount: 7,
  WORDS: 8,
} as const;

/** Narrows a leaf by the exact value of one source: `slots` counts from the section's start, in words. */
export const SELECTOR = { source: 0, slots: 1, mask: 2, WORDS: 3 } as const;

/** A place in a selector's hash table: the value's hash and the list of entries that ask for it; count 0 when empty. */
export const VALUE_SLOT = { hash: 0, listAt: 1, listCount: 2, WORDS: 3 } as const;

/**
 * One match of one rule under one host name. `rank` is its place in the order of precedence over the whole table
 * (0 wins). `method` and `pathRegex` are -1 when there is no such condition. Lists are runs of entries by rank.
 */
export const ENTRY = {
  rank: 0,
  rule: 1,
  match: 2,
  leaf: 3,
  method: 4,
  pathRegex: 5,
  conditionAt: 6,
  conditionCount: 7,
  WORDS: 8,
} as const;

/**
 * How a condition compares. RANGES looks at the client's address, every other one at the value of a source. The value of ONE_OF is a list with
 * line feeds between: the value is one part of it.
 */
export const OP = { EXACT: 0, PREFIX: 1, SUFFIX: 2, CONTAINS: 3, PRESENT: 4, REGEX: 5, RANGES: 6, ONE_OF: 7 } as const;

/** Added to an OP in the table: the value is a list with line feeds between, and one part of it must compare so. */
export const OP_ANY = 8;

/**
 * One condition. For REGEX `valueAt` is the index of the regex; for RANGES it is the index of the first range and
 * `valueBytes` their number; otherwise both are a span in the bytes. `invert` is 1 when the outcome is negated.
 */
export const CONDITION = { source: 0, op: 1, invert: 2, valueAt: 3, valueBytes: 4, WORDS: 5 } as const;

/** Where a value of a request is read from. */
export const SOURCE_KIND = {
  HEADER: 0,
  COOKIE: 1,
  QUERY: 2,
  SERVER_NAME: 3,
  SCHEME: 4,
  TLS_VERSION: 5,
  TLS_CIPHER: 6,
  CERTIFICATE_SUBJECT: 7,
  /** The only list: see OP_ANY. */
  CERTIFICATE_NAMES: 8,
  CERTIFICATE_FINGERPRINT: 9,
  LISTENER: 10,
} as const;

/** A named value of a request that some condition looks at. */
export const SOURCE = { kind: 0, nameAt: 1, nameBytes: 2, WORDS: 3 } as const;

/** A range of client addresses: 4 or 16 bytes of address, of which the first `bits` count. */
export const RANGE = { bytes: 0, bits: 1, addressAt: 2, WORDS: 3 } as const;

/** A regular expression's source, as a span of UTF-8 in the bytes. */
export const REGEX = { sourceAt: 0, sourceBytes: 1, WORDS: 2 } as const;

export const HASH_SEED = 0x811c9dc5 | 0;
export const HASH_PRIME = 0x01000193;

/** FNV-1a over bytes as they are. Hashes only narrow a search: callers compare the bytes afterwards. */
export function hashBytes(bytes: Uint8Array, at: number, length: number): number {
  let hash = HASH_SEED;
  for (let i = at; i < at + length; i++) hash = Math.imul(hash ^ bytes[i]!, HASH_PRIME);
  return hash;
}

/** FNV-1a over a host's bytes from the last to the first, folded to lower case: every suffix's hash on the way. */
export function hashHost(bytes: Uint8Array, at: number, length: number): number {
  let hash = HASH_SEED;
  for (let i = at + length - 1; i >= at; i--) hash = Math.imul(hash ^ lowerCase(bytes[i]!), HASH_PRIME);
  return hash;
}

/** Spreads a hash over all bits, so that masking its low ones picks a slot well. */
export function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  return mixed ^ (mixed >>> 15);
}

/** The key of a path under a host: the same path under other hosts, or of another kind, lands elsewhere. */
export function pathKey(host: number, kind: number, pathHash: number): number {
  return spread(pathHash ^ Math.imul(host * 4 + kind + 1, 0x9e3779b1));
}

/** An ASCII letter folded to lower case; any other byte as it is. */
export function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
