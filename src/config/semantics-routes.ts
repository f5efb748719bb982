// Checks of routes that no schema can say: names, host names, pools, deadlines.
// Owns the rules about rules. Leaves matches to semantics-matches.ts, unreachable and shadowed rules to src/routing.

import { type DocumentPath, formatPath } from '../base/document-path.js';
import { alternatives } from '../base/problems.js';
import { localReplyNames } from '../filters/registry.js';
import type { ParsedConfig, ParsedRule } from './schema.js';
import { checkPoolName, type Scope } from './scope.js';
import { checkErrorPages } from './semantics-error-pages.js';
import { checkFilters, checkRouteFilters, checkRuleFilters, localReplyFilter } from './semantics-filters.js';
import { checkRouteListeners, isFor } from './semantics-listeners.js';
import { checkMatch } from './semantics-matches.js';
import { StickyChecks } from './semantics-sticky.js';
import { checkBackendRefs, checkHostnames } from './semantics-targets.js';

export function checkRoutes({ routes, listeners, filters }: ParsedConfig, scope: Scope): void {
  checkFilters(filters ?? [], ['filters'], { kind: 'all' }, scope);
  const routeNames = new Map<string, string>();
  const ruleNames = new Map<string, string>();
  const sticky = new StickyChecks();
  for (const [routeIndex, route] of (routes ?? []).entries()) {
    const at = ['routes', routeIndex];
    checkUnique(route.name, at, 'route', routeNames, scope);
    checkHostnames(route.hostnames ?? [], at, scope, " Leave 'hostnames' out to match every host.");
    checkRouteListeners(route, at, listeners, scope);
    checkRouteFilters(route.filters ?? [], route.rules, at, scope);
    const own = listeners.filter((listener) => isFor(route, listener));
    for (const [ruleIndex, rule] of route.rules.entries()) {
      const ruleAt = [...at, 'rules', ruleIndex];
      checkUnique(rule.name, ruleAt, 'rule', ruleNames, scope);
      for (const [index, match] of (rule.matches ?? []).entries())
        checkMatch(match, [...ruleAt, 'matches', index], own.length === 0 ? listeners : own, scope);
      checkBackends(rule, ruleAt, scope);
      checkRuleFilters(rule, ruleAt, scope);
      checkFallback(rule, ruleAt, scope);
      sticky.check(rule, ruleAt, rule.name ?? formatPath(ruleAt), scope);
      checkErrorPages(rule.errorPages, [...ruleAt, 'errorPages'], scope);
      checkTimeouts(rule, ruleAt, scope);
    }
  }
}

function checkUnique(
  name: string | undefined,
  at: DocumentPath,
  noun: string,
  seen: Map<string, string>,
  scope: Scope,
): void {
  if (name === undefined) return;
  const first = seen.get(name);
  if (first === undefined) seen.set(name, formatPath(at));
  else
    scope.report(
      [...at, 'name'],
      `${first} has the name '${name}' already.`,
      `Expected a name of its own for each ${noun}.`,
    );
}

function checkBackends(rule: ParsedRule, at: DocumentPath, scope: Scope): void {
  const { pool, backendRefs } = rule;
  checkBackendRefs(rule, 'rule', at, scope);
  const answer = localReplyFilter(rule);
  if (answer && (pool !== undefined || backendRefs !== undefined)) {
    scope.report(
      [...at, pool === undefined ? 'backendRefs' : 'pool'],
      `A rule that answers with ${answer.filter.type} names a pool.`,
      'No server sees such a request. Remove the pool, or the filter.',
    );
  }
  if (!answer && pool === undefined && backendRefs === undefined) {
    scope.report(
      at,
      'The rule leads nowhere.',
      `Expected pool, backendRefs, or a ${alternatives(localReplyNames())} filter.`,
    );
  }
  if (!answer && backendRefs?.every(({ weight }) => weight === 0)) {
    const expected =
      rule.fallback === undefined
        ? 'Every request that matches is answered with 500.'
        : 'Every request that matches goes to the fallback pool.';
    scope.warn([...at, 'backendRefs'], 'Every weight is 0.', expected);
  }
}

/** The pool that takes over: another one than those of the rule, which has to have some. */
function checkFallback(rule: ParsedRule, at: DocumentPath, scope: Scope): void {
  const { fallback, pool, backendRefs } = rule;
  if (fallback === undefined) return;
  checkPoolName(fallback, [...at, 'fallback'], scope);
  const answer = localReplyFilter(rule);
  if (answer !== undefined) {
    scope.report(
      [...at, 'fallback'],
      `A rule that answers with ${answer.filter.type} has a fallback pool.`,
      'No server sees such a request. Remove the fallback, or the filter.',
    );
  }
  if (pool === fallback || backendRefs?.some((reference) => reference.pool === fallback)) {
    scope.report(
      [...at, 'fallback'],
      `'${fallback}' is a pool of the rule already.`,
      'Expected another one, which can answer when that cannot.',
    );
  }
}

function checkTimeouts({ timeouts }: ParsedRule, at: DocumentPath, scope: Scope): void {
  const { request = 0, backendRequest = 0, responseHead = 0 } = timeouts ?? {};
  if (request > 0 && backendRequest > request) {
    scope.report(
      [...at, 'timeouts', 'backendRequest'],
      'One attempt may take longer than the whole request.',
      'Expected at most timeouts.request of the same rule.',
    );
  }
  const most = backendRequest > 0 ? 'backendRequest' : 'request';
  const mostMs = most === 'request' ? request : backendRequest;
  if (mostMs > 0 && responseHead > mostMs) {
    scope.report(
      [...at, 'timeouts', 'responseHead'],
      `The response head may take longer than ${most === 'request' ? 'the whole request' : 'one attempt'}.`,
      `Expected at most timeouts.${most} of the same rule.`,
    );
  }
}
