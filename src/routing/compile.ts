// From a validated config to what the workers need: the table, and a plan for every rule.
// Owns the order of the steps and rules as wholes. Matches are drafts.ts's, filters filters.ts's, words emit.ts's.

import {
  comparePrecedence,
  draftHost,
  draftMatch,
  type EntryDraft,
  type HostDraft,
  type MatchDraft,
} from './drafts.js';
import { emitTable } from './emit.js';
import { planFilters, planPool } from './filters.js';
import {
  type DocumentPath,
  documentPath,
  type PlaceOf,
  type RouteConfig,
  type RouteProblem,
  type RoutingConfig,
  RoutingError,
  type RuleConfig,
} from './input.js';
import { HOST_KIND, LEAF_KIND } from './layout.js';
import type { BackendRefPlan, RulePlan } from './plan.js';
import { Problems } from './problems.js';

/** Weights above this are a mistake; it also keeps every sum of weights exact. */
const WEIGHT_MAX = 1_000_000;

/** Everything a worker needs to route, and what the operator should hear about it. */
export interface CompiledRoutes {
  /** Shared as it is by all threads; never written again. */
  readonly table: SharedArrayBuffer;
  /** At the indexes that match() returns: the rules in the order of the file. */
  readonly rules: readonly RulePlan[];
  readonly warnings: readonly RouteProblem[];
  /** Every match under every host name, in order of precedence; for listings, not needed to route. */
  readonly entries: readonly EntryDraft[];
}

/**
 * Compiles routes. `placeOf` tells where a path of the document stands in its file, for problems and for explain.
 *
 * Throws RoutingError with every problem found when the routes cannot be used.
 */
export function compile(config: RoutingConfig, placeOf: PlaceOf = () => undefined): CompiledRoutes {
  const problems = new Problems(placeOf);
  const pools = new Map(Object.keys(config.pools ?? {}).map((name, index) => [name, index]));
  const entries: EntryDraft[] = [];
  const rules: RulePlan[] = [];
  (config.routes ?? []).forEach((route, r) => {
    const hosts = draftHosts(route, ['routes', r, 'hostnames'], problems);
    route.rules.forEach((rule, i) => {
      const at = ['routes', r, 'rules', i];
      const matches = draftMatches(rule, rules.length, at, problems);
      rules.push(planRule(rule, rules.length, at, matches, pools, problems));
      for (const host of hosts) for (const match of matches) entries.push({ host, match });
    });
  });
  if (problems.errors.length > 0) throw new RoutingError(problems.errors);
  entries.sort(comparePrecedence);
  return { table: emitTable(entries), rules, warnings: problems.warnings, entries };
}

/** The host names of a route; a route without any is for every host. */
function draftHosts(route: RouteConfig, at: DocumentPath, problems: Problems): HostDraft[] {
  if (route.hostnames === undefined || route.hostnames.length === 0) return [{ kind: HOST_KIND.DEFAULT, name: '' }];
  const hosts = new Map<string, HostDraft>();
  route.hostnames.forEach((hostname, i) => {
    const host = draftHost(hostname, [...at, i], problems);
    if (host === undefined) return;
    const key = `${host.kind}${host.name}`;
    if (hosts.has(key)) problems.warn([...at, i], `${JSON.stringify(hostname)} is listed twice in this route.`);
    hosts.set(key, host);
  });
  return [...hosts.values()];
}

/** The matches of a rule; a rule without any takes every request of its hosts. */
function draftMatches(rule: RuleConfig, index: number, at: DocumentPath, problems: Problems): MatchDraft[] {
  if (rule.matches === undefined || rule.matches.length === 0) return [draftMatch({}, index, 0, at, problems)];
  return rule.matches.map((match, i) => draftMatch(match, index, i, [...at, 'matches', i], problems));
}

function planRule(
  rule: RuleConfig,
  index: number,
  at: DocumentPath,
  matches: readonly MatchDraft[],
  pools: ReadonlyMap<string, number>,
  problems: Problems,
): RulePlan {
  const backendRefs = planBackends(rule, at, pools, problems);
  const filters = planFilters(
    rule.filters ?? [],
    [...at, 'filters'],
    {
      pools,
      everyPathIsPrefix: matches.every(({ pathKind }) => pathKind === LEAF_KIND.PREFIX || pathKind === LEAF_KIND.ROOT),
      hasBackend: backendRefs.length > 0,
    },
    problems,
  );
  const answers = filters.some(({ type }) => type === 'RequestRedirect' || type === 'DirectResponse');
  const drained = !answers && backendRefs.every(({ weight }) => weight === 0);
  const triesToAnswer =
    rule.filters?.some(({ type }) => type === 'RequestRedirect' || type === 'DirectResponse') ?? false;
  if (backendRefs.length === 0 && !triesToAnswer) {
    problems.error(
      at,
      'The rule leads nowhere. Give it a pool, backendRefs, or a RequestRedirect or DirectResponse filter.',
    );
  } else if (drained && !triesToAnswer) {
    problems.warn([...at, 'backendRefs'], 'All weights are 0: every request that matches is answered with 500.');
  }
  return {
    index,
    name: rule.name ?? documentPath(at),
    place: problems.placeOf(at),
    backendRefs,
    drained,
    filters,
    timeouts: { request: rule.timeouts?.request, backendRequest: rule.timeouts?.backendRequest },
  };
}

function planBackends(
  rule: RuleConfig,
  at: DocumentPath,
  pools: ReadonlyMap<string, number>,
  problems: Problems,
): BackendRefPlan[] {
  if (rule.pool !== undefined) {
    if (rule.backendRefs !== undefined) {
      problems.error(
        [...at, 'pool'],
        'The rule has both pool and backendRefs. Keep one: pool is backendRefs with one entry.',
      );
    }
    return [{ pool: planPool(rule.pool, [...at, 'pool'], pools, problems), weight: 1 }];
  }
  return (rule.backendRefs ?? []).map(({ pool, weight = 1 }, i) => {
    const refAt = [...at, 'backendRefs', i];
    if (!(Number.isInteger(weight) && weight >= 0 && weight <= WEIGHT_MAX)) {
      problems.error(
        [...refAt, 'weight'],
        `${weight} is not a weight. Expected a whole number from 0 to ${WEIGHT_MAX}.`,
      );
    }
    return { pool: planPool(pool, [...refAt, 'pool'], pools, problems), weight };
  });
}
