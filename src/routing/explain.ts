// Says why a request goes where it goes: the winner, and for its nearest rivals what they lacked.
// Owns the trail as data, taken from the matcher's own walk. Leaves single conditions to findings.ts, words to
// describe.ts.

import { distance } from 'fastest-levenshtein';
import type { Place } from '../base/document-path.js';
import { METHOD_NAMES } from '../http/methods.js';
import type { CompiledRoutes } from './compile.js';
import { decidingStep, type EntryIr, type PrecedenceStep } from './compiled-match.js';
import { type Finding, findingsOf, hostnameOf, textOf } from './findings.js';
import { ENTRY, HEADER, LEAF } from './layout.js';
import { Matcher } from './matcher.js';
import type { RulePlan } from './plan.js';
import type { MatchRequest } from './request.js';

const LOSERS_MAX = 5;

/** One match of one rule under one host name, as it fared. */
export interface Candidate {
  readonly rule: RulePlan;
  /** Which of the rule's matches, from 0. */
  readonly match: number;
  readonly place: Place;
  /** Every condition of the match, host name first. */
  readonly findings: readonly Finding[];
  /** For one whose conditions all hold, but that another takes precedence over: the step that decides. */
  readonly outrankedBy: PrecedenceStep | undefined;
}

/** The decision for one request, and its reasons. */
export interface Explanation {
  /** The request as it is matched: the path in normal form, the host without port. */
  readonly request: {
    readonly method: string;
    readonly scheme: 'http' | 'https';
    readonly host: string;
    readonly path: string;
    readonly query: string;
  };
  /** undefined when no rule matches: the request is answered with 404. */
  readonly winner: Candidate | undefined;
  /** True when some route is for this host, or for all. */
  readonly knowsHost: boolean;
  /**
   * The nearest losers, nearest first: outranked ones, then those that lacked least. Where there are more than can be
   * named, those of hosts that have nothing to do with the request's are left out.
   */
  readonly losers: readonly Candidate[];
}

/**
 * Explains a request. `matcher` must walk `compiled.table`; one is made when it is left out.
 *
 * @param losersMax  how many losers to name at most; default 5.
 */
export function explain(
  compiled: CompiledRoutes,
  request: MatchRequest,
  matcher: Matcher = new Matcher(compiled.table),
  losersMax: number = LOSERS_MAX,
): Explanation {
  const walk = new Walk(compiled, request, matcher);
  const path = textOf(request, request.pathAt, request.pathBytes);
  return {
    request: {
      method: METHOD_NAMES[request.method] ?? '',
      scheme: request.tls === null ? 'http' : 'https',
      host: textOf(request, request.hostAt, request.hostNameBytes),
      path,
      query: textOf(request, request.queryAt, request.queryBytes),
    },
    winner: walk.winner === -1 ? undefined : walk.candidate(walk.winner),
    knowsHost: walk.knowsHost,
    losers: walk.nearest(path, losersMax).map((entry) => walk.candidate(entry)),
  };
}

/** One request's walk through the table, remembered: which hosts and leaves it reached, and who won. */
class Walk {
  /** Index of the winning entry, or -1. */
  readonly winner: number;
  readonly #hosts: ReadonlySet<number>;
  readonly #leaves = new Set<number>();

  constructor(
    readonly compiled: CompiledRoutes,
    readonly request: MatchRequest,
    readonly matcher: Matcher,
  ) {
    this.#hosts = new Set(matcher.hostsOf(request));
    this.winner = matcher.matchEntry(request);
    matcher.begin(request);
    for (let leaf = matcher.nextLeaf(); leaf !== -1; leaf = matcher.nextLeaf()) this.#leaves.add(leaf);
  }

  get knowsHost(): boolean {
    return this.#hosts.size > 0;
  }

  candidate(entry: number): Candidate {
    const ir = this.#ir(entry);
    const findings = findingsOf(ir, this.request, this.matcher, {
      hostHolds: this.#hosts.has(this.#host(entry)),
      pathHolds: this.#leaves.has(this.#word(entry, ENTRY.leaf)),
      pathRegex: this.#word(entry, ENTRY.pathRegex),
      condition: this.#word(entry, ENTRY.conditionAt),
    });
    const rival = this.winner !== -1 && this.winner !== entry && findings.every(({ holds }) => holds);
    return {
      rule: this.compiled.rules[ir.match.rule]!,
      match: ir.match.match,
      place: ir.match.place,
      findings,
      outrankedBy: rival ? decidingStep(this.#ir(this.winner), ir) : undefined,
    };
  }

  /** The entries, except the winner, that came nearest to winning: one for each match of a rule. */
  nearest(path: string, max: number): number[] {
    const judged: { entry: number; lacks: number; nearness: number; rank: number }[] = [];
    for (let entry = 0; entry < this.matcher.words[HEADER.entryCount]!; entry++) {
      const rank = this.#word(entry, ENTRY.rank);
      judged.push({
        entry,
        rank,
        lacks: this.#lacks(entry),
        nearness: commonPrefix(path, this.#ir(entry).match.path),
      });
    }
    judged.sort((a, b) => a.lacks - b.lacks || b.nearness - a.nearness || a.rank - b.rank);
    const seen = new Set(this.winner === -1 ? [] : [this.#matchKey(this.winner)]);
    const nearest: number[] = [];
    for (const { entry } of judged) {
      const key = this.#matchKey(entry);
      if (!seen.has(key)) nearest.push(entry);
      seen.add(key);
    }
    return nearest.length <= max ? nearest : this.#related(nearest, max).slice(0, max);
  }

  /** Without the entries of other hosts, unless the host looks like the one asked for, or is all that few of them lack. */
  #related(entries: readonly number[], max: number): number[] {
    const host = textOf(this.request, this.request.hostAt, this.request.hostNameBytes);
    const isNear = (entry: number) => this.#hosts.has(this.#host(entry)) || nearHosts(host, this.#ir(entry));
    const lacksHostAlone = new Set(
      entries.filter((entry) => {
        const { match } = this.#ir(entry);
        return match.path !== '/' && this.candidate(entry).findings.filter(({ holds }) => !holds).length === 1;
      }),
    );
    const few = lacksHostAlone.size <= max;
    return entries.filter((entry) => isNear(entry) || (few && lacksHostAlone.has(entry)));
  }

  /** How far an entry is from matching. A wrong host weighs most: such a rule is seldom the one that was meant. */
  #lacks(entry: number): number {
    const { conditions } = this.matcher;
    const first = this.#word(entry, ENTRY.conditionAt);
    const method = this.#word(entry, ENTRY.method);
    const regex = this.#word(entry, ENTRY.pathRegex);
    let lacks = method === -1 || method === this.request.method ? 0 : 1;
    for (let i = 0; i < this.#word(entry, ENTRY.conditionCount); i++) {
      if (!conditions.holds(first + i, this.request)) lacks++;
    }
    if (!this.#hosts.has(this.#host(entry))) lacks += 1000;
    else if (!this.#leaves.has(this.#word(entry, ENTRY.leaf))) lacks += 100;
    else if (regex !== -1 && !conditions.pathMatches(regex, this.request)) lacks += 100;
    return lacks;
  }

  #word(entry: number, word: number): number {
    const { words } = this.matcher;
    return words[words[HEADER.entriesAt]! + entry * ENTRY.WORDS + word]!;
  }

  #host(entry: number): number {
    const { words } = this.matcher;
    return words[words[HEADER.leavesAt]! + this.#word(entry, ENTRY.leaf) * LEAF.WORDS + LEAF.host]!;
  }

  #ir(entry: number) {
    return this.compiled.entries[this.#word(entry, ENTRY.rank)]!;
  }

  #matchKey(entry: number): string {
    return `${this.#word(entry, ENTRY.rule)} ${this.#word(entry, ENTRY.match)}`;
  }
}

/** Slips in a host name that make it another one. */
const SLIPS_MAX = 3;

/** True for host names that are easily mistaken for each other: a few slips, or `www.` in front. All are near to none. */
function nearHosts(host: string, ir: EntryIr): boolean {
  const other = hostnameOf(ir).replace(/^\*\./, '');
  if (host === '' || host.endsWith(`.${other}`) || other.endsWith(`.${host}`)) return true;
  const slips = Math.min(SLIPS_MAX, Math.floor(host.length / 3));
  return Math.abs(host.length - other.length) <= slips && distance(host, other) <= slips;
}

/** How many characters two paths share from the start. */
function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
