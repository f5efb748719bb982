// Finds matches that no request can reach, because another one that takes precedence accepts all of theirs.
// Owns what implies what. Never wrong when it warns; it does not look into regular expressions, so it can miss one.

import type { ConditionIr, EntryIr, HostIr, MatchIr } from './compiled-match.js';
import { HOST_KIND, LEAF_KIND, OP } from './layout.js';

/** Matches under one host and path are compared with each other up to this many; above it only equal ones are found. */
const PAIRS_MAX = 200;

/** A match that is dead, with the one that takes its requests. */
interface Shadow {
  readonly match: MatchIr;
  readonly by: MatchIr;
}

/**
 * Matches that are dead under every host name of their route. `entries` must be in order of precedence.
 *
 * Within one priority only matches under the same host and path can shadow each other: any other that takes precedence has
 * a narrower host or path. The one exception, an expression behind a prefix, is covered by the expression's fixed
 * beginning. A match of a higher priority can have any host and path that includes those of the other.
 */
export function findShadows(entries: readonly EntryIr[]): Shadow[] {
  const hasPriorities = entries.some(({ match }) => match.priority !== entries[0]!.match.priority);
  const raised = hasPriorities ? new Raised(entries) : undefined;
  const alive = new Set<MatchIr>();
  const dead = new Map<MatchIr, MatchIr>();
  for (const group of groups(entries, hostKey)) {
    // Of equal paths the first is kept: in order of precedence, from behind.
    const prefixes = new Map(
      group
        .filter(({ match }) => match.pathKind === LEAF_KIND.PREFIX && !isConditional(match))
        .reverse()
        .map(({ match }) => [match.path, match]),
    );
    for (const list of groups(group, ({ match }) => `${match.pathKind} ${match.path}`)) {
      const seen = new Map<string, MatchIr>();
      list.forEach((entry, i) => {
        const { match } = entry;
        const by =
          seen.get(matchKey(match)) ??
          coveringPrefix(match, prefixes) ??
          raised?.covering(entry) ??
          (list.length <= PAIRS_MAX ? list.slice(0, i).find((other) => covers(other.match, match))?.match : undefined);
        seen.set(matchKey(match), seen.get(matchKey(match)) ?? match);
        if (by === undefined) alive.add(match);
        else if (!dead.has(match)) dead.set(match, by);
      });
    }
  }
  return [...dead]
    .filter(([match]) => !alive.has(match))
    .map(([match, by]) => ({ match, by }))
    .sort((a, b) => a.match.rule - b.match.rule || a.match.match - b.match.match);
}

function hostKey({ host }: Pick<EntryIr, 'host'>): string {
  return `${host.kind === HOST_KIND.WILDCARD ? '*' : ''}${host.name}`;
}

function groups<T>(list: readonly T[], keyOf: (item: T) => string): T[][] {
  const byKey = new Map<string, T[]>();
  for (const item of list) {
    const group = byKey.get(keyOf(item));
    if (group === undefined) byKey.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...byKey.values()];
}

function isConditional(match: MatchIr): boolean {
  return match.method !== -1 || match.conditions.length > 0;
}

/** Equal for matches of the same method and conditions, in any order. */
function matchKey({ method, conditions }: MatchIr): string {
  return JSON.stringify([method, ...conditions.map((condition) => JSON.stringify(plain(condition))).sort()]);
}

function plain({ source, op, invert, value, ranges }: ConditionIr): unknown {
  return [source?.kind, source?.name, op, invert, value, ranges.map(({ address, bits }) => [...address, bits])];
}

/** The unconditional prefix in front of an expression whose every path begins with it. */
function coveringPrefix(match: MatchIr, prefixes: ReadonlyMap<string, MatchIr>): MatchIr | undefined {
  if (match.pathKind !== LEAF_KIND.REGEX) return undefined;
  // Up to the last slash before anything special; an alternative or a quantifier after it cannot take that back.
  const fixed = /^(?:\/[\w-]+)+(?=\/(?![*+?{]))/.exec(match.path)?.[0];
  if (fixed === undefined || match.path.includes('|')) return undefined;
  for (let end = fixed.length; end > 0; end = fixed.lastIndexOf('/', end - 1)) {
    const prefix = prefixes.get(fixed.slice(0, end));
    if (prefix !== undefined && prefix.priority >= match.priority) return prefix;
  }
  return undefined;
}

/** Finds what a higher priority puts in front of an entry: matches by host and path, those that include its own looked up. */
class Raised {
  readonly #byLeaf = new Map<string, MatchIr[]>();

  constructor(entries: readonly EntryIr[]) {
    for (const { host, match } of entries) {
      const key = leafKey(hostKey({ host }), match.pathKind, match.path);
      const list = this.#byLeaf.get(key);
      if (list === undefined) this.#byLeaf.set(key, [match]);
      else if (list.length < PAIRS_MAX) list.push(match);
    }
  }

  covering({ host, match }: EntryIr): MatchIr | undefined {
    for (const hostName of hostsAround(host)) {
      for (const [kind, path] of pathsAround(match)) {
        const list = this.#byLeaf.get(leafKey(hostName, kind, path)) ?? [];
        const by = list.find((other) => other.priority > match.priority && covers(other, match));
        if (by !== undefined) return by;
      }
    }
    return undefined;
  }
}

function leafKey(host: string, kind: number, path: string): string {
  return `${host} ${kind} ${path}`;
}

/** The keys of a host and of every host that includes it. */
function hostsAround(host: HostIr): string[] {
  const keys = [hostKey({ host })];
  for (let dot = host.name.indexOf('.', 1); dot > 0; dot = host.name.indexOf('.', dot + 1)) {
    keys.push(hostKey({ host: { kind: HOST_KIND.WILDCARD, name: host.name.slice(dot) } }));
  }
  if (host.kind !== HOST_KIND.DEFAULT) keys.push(hostKey({ host: { kind: HOST_KIND.DEFAULT, name: '' } }));
  return keys;
}

/** The path of a match and every one that includes it. */
function pathsAround({ pathKind, path }: MatchIr): [kind: number, path: string][] {
  const paths: [number, string][] = [[pathKind, path]];
  const isFixed = pathKind === LEAF_KIND.EXACT || pathKind === LEAF_KIND.PREFIX;
  const from = pathKind === LEAF_KIND.EXACT ? path.length : path.lastIndexOf('/');
  for (let end = from; isFixed && end > 0; end = path.lastIndexOf('/', end - 1)) {
    paths.push([LEAF_KIND.PREFIX, path.slice(0, end)]);
  }
  if (pathKind !== LEAF_KIND.ROOT) paths.push([LEAF_KIND.ROOT, '/']);
  return paths;
}

/** True when every request that `b` accepts is accepted by `a` too; both stand under the same host and path. */
function covers(a: MatchIr, b: MatchIr): boolean {
  if (a.method !== -1 && a.method !== b.method) return false;
  return a.conditions.every((wanted) => b.conditions.some((given) => implies(given, wanted)));
}

/** True when whatever fulfils `given` fulfils `wanted`. */
function implies(given: ConditionIr, wanted: ConditionIr): boolean {
  if (given.source?.kind !== wanted.source?.kind || given.source?.name !== wanted.source?.name) return false;
  if (given.source === undefined || wanted.source === undefined) return rangesWithin(given, wanted);
  if (given.invert !== wanted.invert) return false;
  // The contrary: what is excluded by `given` must include what is excluded by `wanted`.
  return given.invert ? impliesPlainly(wanted, given) : impliesPlainly(given, wanted);
}

function impliesPlainly(given: ConditionIr, wanted: ConditionIr): boolean {
  if (wanted.op === OP.PRESENT) return true;
  if (given.op === wanted.op && given.value === wanted.value) return true;
  const { op, value } = given;
  switch (wanted.op) {
    case OP.PREFIX:
      return (op === OP.EXACT || op === OP.PREFIX) && value.startsWith(wanted.value);
    case OP.SUFFIX:
      return (op === OP.EXACT || op === OP.SUFFIX) && value.endsWith(wanted.value);
    case OP.ONE_OF:
      return (
        (op === OP.EXACT || op === OP.ONE_OF) &&
        value.split('\n').every((part) => wanted.value.split('\n').includes(part))
      );
    case OP.CONTAINS:
      return op !== OP.REGEX && op !== OP.PRESENT && value.includes(wanted.value);
    default:
      return false;
  }
}

function rangesWithin(given: ConditionIr, wanted: ConditionIr): boolean {
  return given.ranges.every((inner) =>
    wanted.ranges.some(
      (outer) =>
        outer.address.length === inner.address.length &&
        outer.bits <= inner.bits &&
        sharesBits(outer.address, inner.address, outer.bits),
    ),
  );
}

function sharesBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  for (let bit = 0; bit < bits; bit++) {
    const mask = 0x80 >> (bit & 7);
    if ((a[bit >> 3]! & mask) !== (b[bit >> 3]! & mask)) return false;
  }
  return true;
}
