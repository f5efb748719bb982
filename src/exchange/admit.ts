// A request whose head was checked, up to the choice of its pool: redirected or routed, and past its filters.
// Owns the order of these steps, for requests from sockets and for those in words alike. Where an answer goes, and what
// waiting means, `filterTools` says.

import { assert } from '../base/assert.js';
import { BODY } from '../http/framing.js';
import { FORWARDED_METHODS, METHOD } from '../http/methods.js';
import type { ReasonCode } from '../http/reasons.js';
import type { AnyExchange } from './client-info.js';
import { type FilterTools, VERDICT, type Verdict } from './filter.js';
import { type RouteContext, route } from './route.js';

/** What these steps need of a worker. */
export interface AdmitContext extends RouteContext {
  readonly filterTools: Pick<FilterTools, 'reply' | 'fail'>;
}

const NOTHING = new Uint8Array(0);

/**
 * Takes a request that was checked as far as it goes without a server. CONTINUE: it has a rule, which sends it to a pool.
 * ANSWERED: it has been answered, and must not be touched any more. WAIT: a filter of its rule holds it up, by `x.wait`.
 */
export function admitChecked(w: AdmitContext, x: AnyExchange): Verdict {
  const { redirect } = x.client.listener.http;
  if (!redirect?.applies(x)) return applyRules(w, x);
  const reply = redirect.replyTo(x);
  if (typeof reply === 'string') return end(w, x, reply);
  w.filterTools.reply(x, reply);
  return VERDICT.ANSWERED;
}

/** Finds the rule of a request, and asks its filters; returns as `admitChecked`. Also for one that an older plan has admitted. */
export function applyRules(w: AdmitContext, x: AnyExchange): Verdict {
  const refused = route(w, x);
  if (refused === 'NO_ROUTE') return refuseUnrouted(w, x);
  if (refused !== null) return end(w, x, refused);
  if (isTooLarge(x, x.rule!.bodyBytesMax)) return end(w, x, 'BODY_TOO_LARGE');
  return askFilters(w, x, 0);
}

/** No rule is for the request. What guards its listener, or all, goes first: a stranger does not learn which paths there are. */
function refuseUnrouted(w: AdmitContext, x: AnyExchange): Verdict {
  const { guards } = x.client.listener.http.phases;
  for (let i = 0; i < guards.length; i++) if (guards[i]!(x) === VERDICT.ANSWERED) return VERDICT.ANSWERED;
  return end(w, x, 'NO_ROUTE');
}

/** Asks the filters of the rule, from the one with the index `from` on. */
export function askFilters(w: AdmitContext, x: AnyExchange, from: number): Verdict {
  const { requestHead } = x.rule!.phases;
  for (let i = from; i < requestHead.length; i++) {
    const verdict = requestHead[i]!(x);
    if (verdict === VERDICT.CONTINUE) continue;
    if (verdict === VERDICT.WAIT) {
      assert(x.wait !== null, 'a filter that says WAIT has called wait()');
      x.wait.next = i + 1;
    }
    return verdict;
  }
  return x.maxForwards === 0 ? endHere(w, x) : VERDICT.CONTINUE;
}

/** The head says that the body is longer than the rule allows; of a chunked one only its chunks say. */
function isTooLarge({ request, bodyBytesTotal }: AnyExchange, bodyBytesMax: number): boolean {
  return bodyBytesMax !== 0 && request.kind === BODY.counted && bodyBytesTotal + request.left > bodyBytesMax;
}

/**
 * Answers a TRACE or OPTIONS request that may be forwarded no more as its final recipient (RFC 9110, 7.6.2): with what can
 * be asked for here. TRACE would repeat the request, which no answer of ours does.
 */
function endHere(w: AdmitContext, x: AnyExchange): Verdict {
  if (x.method === METHOD.TRACE) return end(w, x, 'METHOD_REFUSED');
  w.filterTools.reply(x, { status: 200, fields: `Allow: ${FORWARDED_METHODS}\r\n`, body: NOTHING });
  return VERDICT.ANSWERED;
}

function end(w: AdmitContext, x: AnyExchange, reason: ReasonCode): Verdict {
  w.filterTools.fail(x, reason);
  return VERDICT.ANSWERED;
}
