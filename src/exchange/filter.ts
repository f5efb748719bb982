// The contract between filters and the exchange: which phases there are, what a filter may do in each, and with what.
// Owns no filter: those stand in src/filters, one folder each. Leaves running the phases to phases.ts and the worker.

import type { SocketEndpoint } from '../base/endpoint.js';
import type { Head } from '../http/head.js';
import type { ReasonCode } from '../http/reasons.js';
import type { SharedLimits } from '../limits/shared-limits.js';
import type { FilterPlan, HeaderValuePlan } from '../routing/plan.js';
import type { AnyExchange } from './client-info.js';
import type { HeadEdit } from './head-edit.js';

/** What a filter says of a request whose head is complete. */
export const VERDICT = {
  /** The next filter is asked, and after the last one the request goes on. */
  CONTINUE: 0,
  /** The filter has ended the exchange by `reply` or `fail`. It must not be touched any more: it may be another request's by now. */
  ANSWERED: 1,
  /** What `wait` returns: the exchange stays in FILTERING until what was begun there goes on with it. */
  WAIT: 2,
} as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

/** A piece of a body as it goes on, without framing. One object, filled again for each: not to be kept. */
export interface Piece {
  /** Address and length in `FilterTools.memory`; good until the phase returns. */
  at: number;
  bytes: number;
  /** Trailer fields behind the last piece, as lines; empty for none. */
  trailers: string;
  /** It is the last one. */
  end: boolean;
}

/**
 * What one filter type does in one rule, all filters of the type around and in the rule taken together. Made at load,
 * shared by all requests of the rule in one worker: what belongs to one request stands on its exchange.
 *
 * The phases in the order of time. GUARANTEED: `routed` comes first and once for each time that routing ends; `attemptHead`
 * comes once for each attempt; `responseHead` comes at most once, `responseBody` never before it; `ended` comes last.
 * Only a head that is complete can be held up: bodies and responses are changed or watched as they pass.
 */
export interface Filter {
  /**
   * The request has its rule, and its head is in hand. Takes down what later phases need of it. Comes also before a local reply
   * to a request that no rule was found for, whose `x.rule` is null.
   */
  routed?(x: AnyExchange): void;
  /** The request was accepted: lets it pass, answers it, or holds it up. */
  requestHead?(x: AnyExchange): Verdict;
  /**
   * A piece of the request body is about to go to the server: once, however many attempts the request has. Null lets it pass; a reason
   * ends the exchange before it goes.
   */
  requestBody?(x: AnyExchange, piece: Readonly<Piece>): ReasonCode | null;
  /** The head is about to go to a server. `x.sent` says whether it has gone to one before. */
  attemptHead?(x: AnyExchange, edit: HeadEdit): void;
  /** The final head is about to go to the client: that of a server, or of a local reply (`x.stage` is RESPONDING for a server's). */
  responseHead?(x: AnyExchange, edit: HeadEdit): void;
  /**
   * The exchange has ended, or is routed anew: once for each `routed` that came before with this rule. Gives back what the filter holds for
   * it. Nothing can be done to the exchange any more.
   */
  ended?(x: AnyExchange): void;
  /** A piece of a server's response body is about to go to the client. Null lets it pass; a reason cuts the exchange before it goes. */
  responseBody?(x: AnyExchange, piece: Readonly<Piece>): ReasonCode | null;
}

/** A response of our own. */
export interface LocalReply {
  readonly status: number;
  /** Whole lines, each ending in CRLF; every character is one byte. Length, date, connection and request id are added. */
  readonly fields: string;
  readonly body: Uint8Array;
}

/** How a request is refused, where that is not as its reason says. */
export interface RefusalDetails {
  /** Default: that of the reason. */
  readonly status?: number;
  /** Whole lines more, each ending in CRLF; every character is one byte. */
  readonly fields?: string;
}

/**
 * A request that a filter holds up. Exactly one of the calls goes on with it, in a later turn; what is called after that, or
 * after the exchange has ended, does nothing.
 */
export interface Wait {
  /** Asks the next filter. */
  proceed(): void;
  /** Answers the request. */
  reply(reply: LocalReply): void;
  /** Ends the exchange with a reason. */
  fail(reason: ReasonCode, details?: RefusalDetails): void;
}

/** Starts what a filter waits for, and goes on by `wait` later, or at once. May return how to give it up. */
export type BeginWait = (wait: Wait) => (() => void) | undefined;

/** Makes the path that goes to the server. */
export interface PathChange {
  /** Bytes that the new path needs at most; `most` when it cannot be said. */
  room(x: AnyExchange, most: number): number;
  /** Writes it at `at` of `out`, which has `room` bytes. Returns its length, or why there can be none. */
  write(x: AnyExchange, out: Uint8Array, at: number, room: number): number | ReasonCode;
}

/** What a worker offers its filters. */
export interface FilterTools {
  /** The memory that addresses of heads and pieces point into. */
  readonly memory: Uint8Array;
  /** Bytes of the target's path that the prefix of its rule matched. Good in `routed` and `requestHead`. */
  prefixBytes(x: AnyExchange): number;
  /** The head of the request. Good until the request cannot be sent again: in `routed`, `requestHead` and `attemptHead`. */
  requestHead(x: AnyExchange): Head;
  /** The scheme that the client used: what a trusted proxy in front says of it, else that of its connection. */
  scheme(x: AnyExchange): 'http' | 'https';
  /** Header lines with their variables filled in. Good in `routed` and `requestHead`. */
  headerLines(x: AnyExchange, values: readonly HeaderValuePlan[]): string;
  /** Puts another path in front of the query of the target. Returns why that cannot be, or null. */
  changePath(x: AnyExchange, change: PathChange): ReasonCode | null;
  /** Counts what a policy did, or would have done, by a name like `RateLimit.dryRun`: `policies` in the report. */
  count(what: string): void;
  /** Answers the request. Return ANSWERED after it. */
  reply(x: AnyExchange, reply: LocalReply): void;
  /** Ends the exchange with a reason. Return ANSWERED after it. */
  fail(x: AnyExchange, reason: ReasonCode, details?: RefusalDetails): void;
  /**
   * Holds the request up for `ms` milliseconds at most; then it fails with FILTER_TIMEOUT, or with REQUEST_TIMEOUT when the time of
   * the whole request is over first. Return what it returns.
   *
   * `begin` starts what is waited for, and may return a function that gives it up: that is called when the exchange ends
   * meanwhile, by a deadline or because the client left. For a request in words (explain, test, diff) nothing is begun.
   */
  wait(x: AnyExchange, ms: number, begin: BeginWait): typeof VERDICT.WAIT;
}

/** What filters of one rule are made with. */
export interface FilterScope {
  readonly tools: FilterTools;
  /** What all workers share to count by key; null for a request in words, which counts nowhere. */
  readonly limits: SharedLimits | null;
  /** Where the servers of the pool with this index in the plan are that may be used now. */
  serversOf(pool: number): readonly SocketEndpoint[];
  /** How a copy of a request is sent to the pool with this index in the plan; to be called in `attemptHead`. */
  copyTo(pool: number): (x: AnyExchange) => void;
}

/** Whether a connection may go on whose client has the address of `length` bytes (4, 16, or 0 for none) at `at`. */
export type ConnectionGate = (address: Uint8Array, at: number, length: number) => boolean;

/** What a `ConnectionHold` says of a connection that holds no place: it may go on, or is closed. */
export const HOLD = { NONE: -1, REFUSED: -2 } as const;

/**
 * Counts a connection in whose client has the address of `length` bytes (4, 16, or 0 for none) at `at`. Returns the place it holds until it is closed,
 * or one of HOLD.
 */
export type ConnectionHold = (address: Uint8Array, at: number, length: number) => number;

/** How the filters of one type are made ready. Registered in src/filters/runs.ts. */
export interface FilterRun<Plan extends FilterPlan = FilterPlan> {
  readonly type: Plan['type'];
  /** Its plans name pools by their indexes, so they mean something in one plan of the worker only. */
  readonly namesPools?: true;
  /**
   * Makes one filter of all plans of the type that apply to a rule: a list for each layer, the outermost first (of all, of the listener, of
   * the route, of the rule), at least one of them not empty.
   */
  make(layers: readonly (readonly Plan[])[], scope: FilterScope): Filter;
  /** It guards what is behind it: at a listener, or for all, it is asked about requests that no rule is for, too. It never waits. */
  readonly guards?: true;
  /** What it says of connections that are passed on unread; `layers` as for `make`: of all, of the listener. */
  gate?(layers: readonly (readonly Plan[])[]): ConnectionGate;
  /** What counts connections in, at listeners of every protocol; `layers` as for `gate`. Null for nothing. */
  hold?(layers: readonly (readonly Plan[])[], scope: FilterScope): ConnectionHold | null;
}
