// What codecs tell an exchange. Owns the list, and what a codec may rely on and has to guarantee; each event stands in the
// file of what it is about. Codecs call the functions themselves: nothing is looked up in the hot path.

import type { Head } from '../http/head.js';
import type { ReasonCode } from '../http/reasons.js';
import { attemptFailed, connected, rawBegins, rawConnected } from './attempt-events.js';
import type { Context } from './context.js';
import type { Exchange } from './exchange.js';
import { fail } from './fail.js';
import { clientEnds, exchangeLate } from './late.js';
import type { Pool } from './pools.js';
import { requestBody } from './request-body.js';
import { requestHead, requestRefused } from './requests.js';
import {
  clientBlocked,
  responseBegins,
  responseBody,
  responseComplete,
  responseGoesOn,
  responseHead,
  responseInterim,
} from './response.js';

/**
 * GUARANTEED by the codecs: `x.begin()` and then one of `requestHead`, `requestRefused` and `rawBegins` come first; a head comes
 * before its body, and a piece with `end` once; `responseBegins` comes once for an attempt, `responseInterim` only before it.
 * GUARANTEED by the exchange: what an event makes of it is done when the event returns, but for what has to wait. Where an
 * event returns a reason, the codec has to end the exchange with it (`fail`), once it has put its own things in order; after
 * every other event the exchange may be over.
 */
interface ExchangeEvents {
  requestHead(w: Context, x: Exchange): void;
  requestRefused(w: Context, x: Exchange, code: ReasonCode): void;
  requestBody(w: Context, x: Exchange): ReasonCode | null;
  rawBegins(w: Context, x: Exchange, pool: Pool, key: number): void;
  connected(w: Context, x: Exchange): void;
  rawConnected(x: Exchange): void;
  responseInterim(w: Context, x: Exchange, head: Head): void;
  responseBegins(w: Context, x: Exchange, head: Head, kind: number, length: number): boolean;
  responseHead(w: Context, x: Exchange, head: Head): boolean;
  responseBody(w: Context, x: Exchange): ReasonCode | null;
  responseGoesOn(w: Context, x: Exchange): void;
  clientBlocked(w: Context, x: Exchange): boolean;
  responseComplete(x: Exchange): void;
  /** The attempt has failed before its response began. */
  attemptFailed(w: Context, x: Exchange, code: ReasonCode): void;
  /** The exchange cannot go on. */
  fail(w: Context, x: Exchange, code: ReasonCode): void;
  /** The client will send no more; `hasPending`: what it sent before has not been looked at yet. */
  clientEnds(w: Context, x: Exchange, hasPending: boolean): void;
  exchangeLate(w: Context, x: Exchange): void;
}

({
  requestHead,
  requestRefused,
  requestBody,
  rawBegins,
  connected,
  rawConnected,
  responseInterim,
  responseBegins,
  responseHead,
  responseBody,
  responseGoesOn,
  clientBlocked,
  responseComplete,
  attemptFailed,
  fail,
  clientEnds,
  exchangeLate,
}) satisfies ExchangeEvents;

export {
  attemptFailed,
  clientBlocked,
  clientEnds,
  connected,
  exchangeLate,
  fail,
  rawBegins,
  rawConnected,
  requestBody,
  requestHead,
  requestRefused,
  responseBegins,
  responseBody,
  responseComplete,
  responseGoesOn,
  responseHead,
  responseInterim,
};
