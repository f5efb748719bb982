// The phases of the filters of one rule: for each phase those that take part in it, in their order.

import type { ReasonCode } from '../http/reasons.js';
import type { Exchange } from './exchange.js';
import type { Filter, Piece } from './filter.js';
import type { HeadEdit } from './head-edit.js';

type Phase<Name extends keyof Filter> = readonly NonNullable<Filter[Name]>[];

/**
 * Made at load. A rule without filters has empty lists, so each phase costs it one look at a length.
 *
 * A request meets the filters in the order of the registry, its response in the reverse: as in a chain of proxies.
 */
export class Phases {
  readonly routed: Phase<'routed'>;
  readonly requestHead: Phase<'requestHead'>;
  /** Those of `requestHead` that guard what is behind them: asked also where no rule is for the request. */
  readonly guards: Phase<'requestHead'>;
  readonly requestBody: Phase<'requestBody'>;
  readonly attemptHead: Phase<'attemptHead'>;
  readonly responseHead: Phase<'responseHead'>;
  readonly responseBody: Phase<'responseBody'>;
  readonly ended: Phase<'ended'>;

  /** `filters` in the order in which requests meet them; `guards` are those among them that guard. */
  constructor(filters: readonly Filter[], guards: readonly Filter[] = []) {
    const outward = [...filters].reverse();
    this.routed = filters.flatMap((filter) => filter.routed?.bind(filter) ?? []);
    this.requestHead = filters.flatMap((filter) => filter.requestHead?.bind(filter) ?? []);
    this.guards = guards.flatMap((filter) => filter.requestHead?.bind(filter) ?? []);
    this.requestBody = filters.flatMap((filter) => filter.requestBody?.bind(filter) ?? []);
    this.attemptHead = filters.flatMap((filter) => filter.attemptHead?.bind(filter) ?? []);
    this.ended = outward.flatMap((filter) => filter.ended?.bind(filter) ?? []);
    this.responseHead = outward.flatMap((filter) => filter.responseHead?.bind(filter) ?? []);
    this.responseBody = outward.flatMap((filter) => filter.responseBody?.bind(filter) ?? []);
  }

  /** What the filters change in the head of an attempt, in `edit`; null when none takes part. Hot. */
  editAttempt(x: Exchange, edit: HeadEdit): HeadEdit | null {
    const { attemptHead } = this;
    if (attemptHead.length === 0) return null;
    edit.begin();
    for (let i = 0; i < attemptHead.length; i++) attemptHead[i]!(x, edit);
    return edit;
  }

  /** What the filters change in the head of a response, in `edit`; null when none takes part. Hot. */
  editResponse(x: Exchange, edit: HeadEdit): HeadEdit | null {
    const { responseHead } = this;
    if (responseHead.length === 0) return null;
    edit.begin();
    for (let i = 0; i < responseHead.length; i++) responseHead[i]!(x, edit);
    return edit;
  }
}

/** Shows a piece of a body to the filters of its phase. Null when all let it pass, else the reason of the first that does not. */
export function showPiece(
  phase: Phases['requestBody' | 'responseBody'],
  x: Exchange,
  piece: Readonly<Piece>,
): ReasonCode | null {
  for (let i = 0; i < phase.length; i++) {
    const refused = phase[i]!(x, piece);
    if (refused !== null) return refused;
  }
  return null;
}

/** The request leaves its rule, for ever or to be routed anew: its filters give back what they hold for it. */
export function leaveRule(x: Exchange): void {
  if (x.rule === null) return;
  const { ended } = x.rule.phases;
  for (let i = 0; i < ended.length; i++) ended[i]!(x);
  x.rule = null;
}

/** Of a rule without filters. */
export const NO_FILTERS = new Phases([]);
