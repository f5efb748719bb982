// A request whose head is complete: it is routed, filtered, and sent to a pool.
// Owns the way through routing and filters, also when a reload makes a request take it again. Leaves the rule that is found to
// route.ts, and the way from a pool to a server to forward.ts.

import { assert } from '../base/assert.js';
import type { ReasonCode } from '../http/reasons.js';
import { admitChecked, applyRules, askFilters } from './admit.js';
import { keyOf, sessionOf } from './affinity.js';
import type { Context } from './context.js';
import { Deadlines } from './deadlines.js';
import { type Exchange, STAGE } from './exchange.js';
import { fail } from './fail.js';
import { VERDICT, type Verdict } from './filter.js';
import type { FilterWait } from './filter-wait.js';
import { forward } from './forward.js';
import { localReply } from './local-reply.js';
import { leaveRule } from './phases.js';
import { enterPool, leavePool } from './pool-limits.js';
import type { Rule } from './rule.js';

/** A request has come whose head was checked. */
export function requestHead(w: Context, x: Exchange): void {
  const verdict = admitChecked(w, x);
  if (verdict === VERDICT.ANSWERED) return;
  const late = x.rule!.ticks.request;
  x.expires = late === 0 ? 0 : w.deadlines.now + late;
  const refused = goOn(w, x, verdict);
  if (refused !== null) fail(w, x, refused);
}

/** A head has come that is none, or is refused. What follows it cannot be read. */
export function requestRefused(w: Context, x: Exchange, code: ReasonCode): void {
  x.reason = code;
  x.method = x.head?.method ?? 0;
  localReply(w, x, code, true);
}

/** Does what the verdict says of a request that was not answered. Returns why it cannot go on, or null. */
function goOn(w: Context, x: Exchange, verdict: Verdict): ReasonCode | null {
  if (verdict === VERDICT.CONTINUE) return toPool(w, x, x.rule!);
  if (verdict === VERDICT.WAIT) holdUp(w, x, x.wait!);
  return null;
}

/**
 * Routes a request whose pool is gone as if it came now. Its head is in hand, and nothing of a response was sent. Only where
 * it goes is asked anew: how much of its body has been read stays as it is, and what was kept of it goes out again.
 */
export function reroute(w: Context, x: Exchange): ReasonCode | null {
  if (x.stage !== STAGE.FILTERING) x.to(STAGE.FILTERING);
  leavePool(x);
  leaveRule(x);
  x.pool = null;
  x.fellBack = false;
  x.splitLine = '';
  x.attempted.clear();
  x.releaseTarget(w.engine);
  return w.clientStream.readTarget(w, x) ?? goOn(w, x, applyRules(w, x));
}

/** Makes the next attempt of a request, under the plan that holds now. `failed` is why the last one failed. */
export function attemptNext(w: Context, x: Exchange, failed: ReasonCode | null): void {
  const refused = x.pool!.retired ? reroute(w, x) : forward(w, x, failed);
  if (refused !== null) fail(w, x, refused);
}

/** A filter holds the request up. What comes from the client meanwhile is kept, as for one that waits for a server. */
function holdUp(w: Context, x: Exchange, wait: FilterWait): void {
  w.exchangeDeadlines.set(x.id, Deadlines.ticks(wait.ms), x.expires);
  w.clientStream.steer(w, x);
}

/** Goes on with a request that a filter held up, as the filter said. The rule is that of the plan under which it came. */
export function resumeFilters(w: Context, x: Exchange, wait: FilterWait): void {
  assert(x.wait === wait && x.stage === STAGE.FILTERING, 'a wait ends with its exchange');
  const { said } = wait;
  wait.end(false);
  x.wait = null;
  if (typeof said === 'string') {
    w.filterTools.fail(x, said, wait.details);
  } else if (said !== null) {
    w.filterTools.reply(x, said);
  } else {
    const refused = goOn(w, x, askFilters(w, x, wait.next));
    if (refused !== null) fail(w, x, refused);
  }
}

/** Sends the request to a pool of the rule. */
function toPool(w: Context, x: Exchange, rule: Rule): ReasonCode | null {
  if (rule.fallback !== null) x.fallbackKey = keyOf(w, x, rule.fallback);
  x.pool = rule.choose(w, x);
  if (x.pool?.retired) {
    // A filter held the request up over a reload: it goes on under the new snapshot, with the pool of the same name if there is one.
    x.pool = w.poolNamed(x.pool.plan.name) ?? null;
    if (x.pool === null) return reroute(w, x);
  }
  if (x.pool === null) return 'POOL_UNKNOWN';
  if (!enterPool(x)) return 'POOL_FULL';
  x.pool.retries.requestBegins();
  x.session = sessionOf(w, x.pool, x.head!);
  x.key = keyOf(w, x, x.pool);
  return forward(w, x, null);
}
