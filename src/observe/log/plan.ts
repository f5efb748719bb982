// Access logs as the log thread needs them: what a line says and where it goes. Plain data, fit for structured clone.
// Leaves which exchanges are logged to exchange/log-plan.ts.

import type { LogDestination } from '../../base/log-destination.js';
import type { LogHeaderPlan } from '../../exchange/log-plan.js';

/** A template: text, and variables by their names (LOG_VARIABLES, or a header as LOG_HEADER says). */
export type TemplatePart = string | { readonly variable: string };

/** `query`: queries of URLs are logged. */
export type LogFormat =
  | { readonly type: 'json'; readonly query: boolean }
  | { readonly type: 'combined'; readonly query: boolean }
  | { readonly type: 'template'; readonly parts: readonly TemplatePart[] };

/** One log. */
export interface LogPlan {
  readonly format: LogFormat;
  readonly to: LogDestination;
  /** The headers that its lines have. */
  readonly headers: readonly LogHeaderPlan[];
}

/** The logs of a listener. */
export interface LogSet {
  readonly number: number;
  readonly logs: readonly LogPlan[];
  /** Of all of them: the order in which records have them. */
  readonly headers: readonly LogHeaderPlan[];
}
