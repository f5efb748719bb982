// From a validated config to what the workers need: the table, and a plan for every rule.
// Owns the order of the steps and rules as wholes. Matches are compiled-match.ts's, filters filters.ts's, words emit.ts's.

import { type DocumentPath, formatPath, type Place, type PlaceOf } from '../base/document-path.js';
import { type Problem, Problems } from '../base/problems.js';
import {
  comparePrecedence,
  compileHost,
  compileMatch,
  type EntryIr,
  type HostIr,
  type MatchIr,
} from './compiled-match.js';
import { emitTable } from './emit.js';
import { planErrorPages } from './error-pages.js';
import { answers, type PoolIndexes, planFilter, planPool } from './filters.js';
import { type FilterConfig, type RouteConfig, type RoutingConfig, RoutingError, type RuleConfig } from './input.js';
import { HOST_KIND } from './layout.js';
import type { BackendRefPlan, ErrorPagePlan, FilterPlan, RulePlan } from './plan.js';
import { findShadows } from './shadow.js';
import { planSticky } from './sticky.js';

/** Everything a worker needs to route, and what the operator should hear about it. */
export interface CompiledRoutes {
  /** Shared as it is by all threads; never written again. */
  readonly table: SharedArrayBuffer;
  /** At the indexes that match() returns: the rules in the order of the file. */
  readonly rules: readonly RulePlan[];
  /** Filters of all requests, and of those of each listener, in the order of the file. */
  readonly filters: readonly FilterPlan[];
  readonly listenerFilters: readonly (readonly FilterPlan[])[];
  /** For local replies of all requests; those of a rule stand in its plan. */
  readonly errorPages: readonly ErrorPagePlan[];
  readonly warnings: readonly Problem[];
  /** Every match under every host name, in order of precedence; for listings, not needed to route. */
  readonly entries: readonly EntryIr[];
}

/**
 * Compiles routes. `placeOf` tells where a path of the document stands in its file, for problems and for explain.
 *
 * Throws RoutingError with every problem found when the routes cannot be used.
 */
export function compile(config: RoutingConfig, placeOf: PlaceOf = () => undefined): CompiledRoutes {
  const problems = new Problems(placeOf);
  const pools = new Map(Object.keys(config.pools ?? {}).map((name, index) => [name, index]));
  const entries: EntryIr[] = [];
  const rules: RulePlan[] = [];
  const filters = planFilters(config.filters, ['filters'], pools, problems);
  const listenerFilters = (config.listeners ?? []).map((listener, i) =>
    planFilters(listener.filters, ['listeners', i, 'filters'], pools, problems),
  );
  const files = new Map<string, Uint8Array>();
  (config.routes ?? []).forEach((route, r) => {
    const routeFilters = planFilters(route.filters, ['routes', r, 'filters'], pools, problems);
    const hosts = compileHosts(route, ['routes', r, 'hostnames'], problems);
    route.rules.forEach((rule, i) => {
      const at = ['routes', r, 'rules', i];
      const matches = compileMatches(route, rule, rules.length, at, problems);
      const errorPages = planErrorPages(rule.errorPages, [...at, 'errorPages'], files, problems);
      rules.push({ ...planRule(route, routeFilters, rule, rules.length, at, pools, problems), errorPages });
      for (const host of hosts) for (const match of matches) entries.push({ host, match });
    });
  });
  const errorPages = planErrorPages(config.errorPages, ['errorPages'], files, problems);
  if (problems.errors.length > 0) throw new RoutingError(problems.errors);
  entries.sort(comparePrecedence);
  warnOfShadows(entries, rules, problems);
  return {
    table: emitTable(entries),
    rules,
    errorPages,
    filters,
    listenerFilters,
    warnings: problems.warnings,
    entries,
  };
}

/** Warns of matches that no request reaches; of the rule, when that is true of all its matches. */
function warnOfShadows(entries: readonly EntryIr[], rules: readonly RulePlan[], problems: Problems): void {
  const shadows = findShadows(entries);
  const matchCounts = new Map<number, number>();
  for (const match of new Set(entries.map((entry) => entry.match))) {
    matchCounts.set(match.rule, (matchCounts.get(match.rule) ?? 0) + 1);
  }
  const deadCounts = new Map<number, number>();
  for (const { match } of shadows) deadCounts.set(match.rule, (deadCounts.get(match.rule) ?? 0) + 1);
  for (const { match, by } of shadows) {
    const winner = rules[by.rule]!;
    const others = `${winner.name} takes every such request first (${placeText(by.place)}).`;
    const wholeRule = deadCounts.get(match.rule) === matchCounts.get(match.rule);
    if (!wholeRule) problems.warn(match.at, 'No request reaches this match.', others);
    else if (match.match === 0) problems.warn(match.at.slice(0, 4), 'No request reaches this rule.', others);
  }
}

function placeText({ file, line }: Place): string {
  return line === 0 ? file : `${file}:${line}`;
}

/** The host names of a route; a route without any is for every host. */
function compileHosts(route: RouteConfig, at: DocumentPath, problems: Problems): HostIr[] {
  if (route.hostnames === undefined || route.hostnames.length === 0) return [{ kind: HOST_KIND.DEFAULT, name: '' }];
  const hosts = new Map<string, HostIr>();
  route.hostnames.forEach((hostname, i) => {
    const host = compileHost(hostname, [...at, i], problems);
    if (host === undefined) return;
    const key = `${host.kind}${host.name}`;
    hosts.set(key, host);
  });
  return [...hosts.values()];
}

/** The matches of a rule; a rule without any takes every request of its hosts. */
function compileMatches(
  { listeners }: RouteConfig,
  rule: RuleConfig,
  index: number,
  at: DocumentPath,
  problems: Problems,
): MatchIr[] {
  const order = { listeners, priority: rule.priority ?? 0 };
  if (rule.matches === undefined || rule.matches.length === 0) return [compileMatch({}, order, index, 0, at, problems)];
  return rule.matches.map((match, i) => compileMatch(match, order, index, i, [...at, 'matches', i], problems));
}

/** What a rule without a name is called: by its place in the document, or in a route that has one, by its place there. */
function nameByPlace(route: RouteConfig, at: DocumentPath): string {
  return route.name === undefined ? formatPath(at) : `${route.name}.${formatPath(at.slice(2))}`;
}

function planRule(
  route: RouteConfig,
  routeFilters: readonly FilterPlan[],
  rule: RuleConfig,
  index: number,
  at: DocumentPath,
  pools: PoolIndexes,
  problems: Problems,
): Omit<RulePlan, 'errorPages'> {
  const backendRefs = planBackends(rule, at, pools, problems);
  const filters = planFilters(rule.filters, [...at, 'filters'], pools, problems);
  const drained = !rule.filters?.some(answers) && backendRefs.every(({ weight }) => weight === 0);
  if (drained && backendRefs.length === 0) {
    problems.error(at, 'The rule leads nowhere.', 'Expected pool, backendRefs, or a filter that answers.');
  } else if (drained) {
    const expected = 'Every request that matches is answered with 500.';
    problems.warn([...at, 'backendRefs'], 'Every weight is 0.', expected);
  }
  return {
    index,
    name: rule.name ?? nameByPlace(route, at),
    place: problems.placeOf(at),
    priority: rule.priority ?? 0,
    backendRefs,
    drained,
    sticky: planSticky(rule),
    fallback: rule.fallback === undefined ? null : planPool(rule.fallback, [...at, 'fallback'], pools, problems),
    filters,
    routeFilters,
    timeouts: { ...rule.timeouts },
    limits: { ...rule.limits },
    ...(rule.repeatedSlashes === undefined ? {} : { repeatedSlashes: rule.repeatedSlashes }),
  };
}

function planFilters(
  filters: readonly FilterConfig[] | undefined,
  at: DocumentPath,
  pools: PoolIndexes,
  problems: Problems,
): FilterPlan[] {
  return (filters ?? []).flatMap((filter, i) => planFilter(filter, [...at, i], pools, problems) ?? []);
}

function planBackends(rule: RuleConfig, at: DocumentPath, pools: PoolIndexes, problems: Problems): BackendRefPlan[] {
  if (rule.pool !== undefined) {
    return [{ pool: planPool(rule.pool, [...at, 'pool'], pools, problems), weight: 1 }];
  }
  return (rule.backendRefs ?? []).map(({ pool, weight = 1 }, i) => {
    return { pool: planPool(pool, [...at, 'backendRefs', i, 'pool'], pools, problems), weight };
  });
}
