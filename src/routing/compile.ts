// From a validated config to what the workers need: the table, and a plan for every rule.
// Owns the order of the steps and rules as wholes. Matches are compiled-match.ts's, filters those of src/filters, words emit.ts's.

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
import { type FilterTypes, NO_FILTER_TYPES } from './filter-types.js';
import type { MatchConfig, RouteConfig, RoutingConfig, RuleConfig } from './input.js';
import { HOST_KIND } from './layout.js';
import type { BackendRefPlan, ErrorPagePlan, FilterConfig, FilterPlan, RulePlan } from './plan.js';
import { type PlanScope, planPool } from './plan-scope.js';
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

/** Where the compiler finds what the configuration only names. */
interface CompileSources {
  /** Where a path of the document stands in its file, for warnings and for explain. */
  readonly placeOf?: PlaceOf;
  /** What stands in the files of error pages and direct responses, by their absolute names. */
  readonly contents?: ReadonlyMap<string, Uint8Array>;
  /** The filter types that rules may have. Default none. */
  readonly filterTypes?: FilterTypes;
}

/**
 * Compiles the routes of a configuration that src/config has checked: whatever is wrong with one trips an assertion.
 * Reads no file.
 */
export function compile(
  config: RoutingConfig,
  { placeOf = () => undefined, contents = NONE, filterTypes = NO_FILTER_TYPES }: CompileSources = {},
): CompiledRoutes {
  const problems = new Problems(placeOf);
  const pools = new Map(Object.keys(config.pools ?? {}).map((name, index) => [name, index]));
  const scope = { pools, contents, filterTypes, place: '' };
  const entries: EntryIr[] = [];
  const rules: RulePlan[] = [];
  (config.routes ?? []).forEach((route, r) => {
    const routeFilters = planFilters(route.filters, scope, `route ${route.name ?? formatPath(['routes', r])}`);
    const hosts = compileHosts(route);
    route.rules.forEach((rule, i) => {
      const at = ['routes', r, 'rules', i];
      const matches = compileMatches(route, rule, rules.length, at, problems);
      rules.push(planRule(route, routeFilters, rule, rules.length, at, problems.placeOf(at), scope));
      for (const host of hosts) for (const match of matches) entries.push({ host, match });
    });
  });
  entries.sort(comparePrecedence);
  warnOfShadows(entries, rules, problems);
  return {
    table: emitTable(entries),
    rules,
    errorPages: planErrorPages(config.errorPages, scope),
    filters: planFilters(config.filters, scope, 'all'),
    listenerFilters: (config.listeners ?? []).map(({ filters, name }, index) =>
      planFilters(filters, scope, `listener ${name ?? index}`),
    ),
    warnings: problems.warnings,
    entries,
  };
}

const NONE: ReadonlyMap<string, Uint8Array> = new Map();

interface RuleScope extends PlanScope {
  readonly filterTypes: FilterTypes;
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

/** The host names of a route, each once; a route without any is for every host. */
function compileHosts({ hostnames = [] }: RouteConfig): HostIr[] {
  if (hostnames.length === 0) return [{ kind: HOST_KIND.DEFAULT, name: '' }];
  const hosts = hostnames.map(compileHost);
  return [...new Map(hosts.map((host) => [`${host.kind}${host.name}`, host])).values()];
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
  const compiled = (match: MatchConfig, i: number, here: DocumentPath): MatchIr =>
    compileMatch(match, order, index, i, here, problems.placeOf(here));
  if (rule.matches === undefined || rule.matches.length === 0) return [compiled({}, 0, at)];
  return rule.matches.map((match, i) => compiled(match, i, [...at, 'matches', i]));
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
  place: Place,
  scope: RuleScope,
): RulePlan {
  const backendRefs = planBackends(rule, scope);
  return {
    index,
    name: rule.name ?? nameByPlace(route, at),
    route: route.name ?? formatPath(at.slice(0, 2)),
    place,
    priority: rule.priority ?? 0,
    backendRefs,
    drained: !rule.filters?.some(scope.filterTypes.repliesLocally) && backendRefs.every(({ weight }) => weight === 0),
    sticky: planSticky(rule),
    fallback: rule.fallback === undefined ? null : planPool(rule.fallback, scope),
    filters: planFilters(rule.filters, scope, `rule ${rule.name ?? nameByPlace(route, at)}`),
    routeFilters,
    errorPages: planErrorPages(rule.errorPages, scope),
    timeouts: { ...rule.timeouts },
    limits: { ...rule.limits },
    ...(rule.repeatedSlashes === undefined ? {} : { repeatedSlashes: rule.repeatedSlashes }),
  };
}

/** `at` says where they stand, in words. */
function planFilters(filters: readonly FilterConfig[] | undefined, scope: RuleScope, at: string): FilterPlan[] {
  return (filters ?? []).map((filter, index) =>
    scope.filterTypes.plan(filter, { ...scope, place: `${at}.filters[${index}]` }),
  );
}

function planBackends({ pool, backendRefs = [] }: RuleConfig, scope: PlanScope): BackendRefPlan[] {
  if (pool !== undefined) return [{ pool: planPool(pool, scope), weight: 1 }];
  return backendRefs.map((reference) => ({ pool: planPool(reference.pool, scope), weight: reference.weight ?? 1 }));
}
