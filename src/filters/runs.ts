// The filters as workers run them, in the order in which requests meet them.
// Owns that order. Leaves what each filter does to its folder.

import type { ConnectionGate, ConnectionHold, Filter, FilterRun, FilterScope } from '../exchange/filter.js';
import { NO_FILTERS, Phases } from '../exchange/phases.js';
import type { FilterPlan } from '../routing/plan.js';
import { allowDeny } from './allow-deny/run.js';
import { basicAuth } from './basic-auth/run.js';
import { concurrencyLimit } from './concurrency-limit/run.js';
import { connectionLimit } from './connection-limit/run.js';
import { cookieRewrite } from './cookie-rewrite/run.js';
import { cors } from './cors/run.js';
import { directResponse } from './direct-response/run.js';
import { faultInjection } from './fault-injection/run.js';
import { forwardAuth } from './forward-auth/run.js';
import { jwt } from './jwt/run.js';
import { locationRewrite } from './location-rewrite/run.js';
import { maintenance } from './maintenance/run.js';
import { rateLimit } from './rate-limit/run.js';
import { requestHeaderModifier } from './request-header-modifier/run.js';
import { requestMirror } from './request-mirror/run.js';
import { requestRedirect } from './request-redirect/run.js';
import { responseHeaderModifier } from './response-header-modifier/run.js';
import { securityHeaders } from './security-headers/run.js';
import { urlRewrite } from './url-rewrite/run.js';

const runs: FilterRun[] = [];

/** Adds a filter type behind those there are. Called as modules are loaded, before any rule is made. */
export function registerRun(run: FilterRun): void {
  runs.push(run);
}

/*
 * The order in which a request meets the filters of its rule, whatever the order in which the configuration lists their types. A response
 * meets them in the reverse order: what the header modifier says of a field has the last word over rewrites of its value.
 */
for (const run of [
  allowDeny,
  rateLimit,
  concurrencyLimit,
  connectionLimit,
  cors,
  maintenance,
  basicAuth,
  jwt,
  forwardAuth,
  faultInjection,
  requestRedirect,
  directResponse,
  urlRewrite,
  requestHeaderModifier,
  requestMirror,
  responseHeaderModifier,
  securityHeaders,
  locationRewrite,
  cookieRewrite,
])
  registerRun(run);

/** The types, in that order. */
export const runTypes = (): string[] => runs.map(({ type }) => type);

/**
 * The phases of the filters of one rule. `layers` are the plans around and in it, the outermost first: those of all, of the
 * listener, of the route, of the rule.
 */
export function phasesOf(layers: readonly (readonly FilterPlan[])[], scope: FilterScope): Phases {
  if (layers.every((layer) => layer.length === 0)) return NO_FILTERS;
  const filters: Filter[] = [];
  const guards: Filter[] = [];
  for (const run of runs) {
    const own = plansOf(run, layers);
    if (own === null) continue;
    const filter = run.make(own, scope);
    filters.push(filter);
    if (run.guards) guards.push(filter);
  }
  return new Phases(filters, guards);
}

/** What the filters of a raw listener say of its connections: `layers` are the plans of all and of the listener. Null when they let all pass. */
export function gateOf(layers: readonly (readonly FilterPlan[])[]): ConnectionGate | null {
  const gates = runs.flatMap((run) => {
    const own = plansOf(run, layers);
    return own === null ? [] : (run.gate?.(own) ?? []);
  });
  return gates.length === 0 ? null : (address, at, length) => gates.every((gate) => gate(address, at, length));
}

/** What counts the connections of a listener in, null for nothing; `layers` as for `gateOf`. One filter type does. */
export function holdOf(layers: readonly (readonly FilterPlan[])[], scope: FilterScope): ConnectionHold | null {
  for (const run of runs) {
    const own = run.hold === undefined ? null : plansOf(run, layers);
    if (own !== null) return run.hold!(own, scope);
  }
  return null;
}

/** The plans of one type in each layer; null when there is none. */
function plansOf({ type }: FilterRun, layers: readonly (readonly FilterPlan[])[]): FilterPlan[][] | null {
  const own = layers.map((layer) => layer.filter((plan) => plan.type === type));
  return own.some((layer) => layer.length > 0) ? own : null;
}

/** The plans that mean something beyond the plan of the worker they came with: those that name no pools. */
export function withoutPools(plans: readonly FilterPlan[]): FilterPlan[] {
  return plans.filter(({ type }) => !runs.some((run) => run.type === type && run.namesPools));
}
