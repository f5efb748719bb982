// What a listener says of access logs, as workers need it: plain data, fit for structured clone.
// Owns the shapes. Leaves what a line says, and where it goes, to observe/log/.

/** What decides whether an exchange is logged. All that is said has to hold. */
export interface LogFilterPlan {
  /** Any of these; empty for all. */
  readonly statuses: readonly { readonly from: number; readonly to: number }[];
  readonly durationMsMin: number;
  readonly retried: boolean;
  /** Names of routes or rules; empty for all. */
  readonly routes: readonly string[];
  /** Reason codes; empty for all. */
  readonly reasons: readonly string[];
  /** Share of those that pass the rest, 0 to 1. */
  readonly sample: number;
}

/** A header of requests that logs have by its name. */
export interface LogHeaderPlan {
  /** In lower case. */
  readonly name: string;
  /** Only that it is there is logged. */
  readonly redact: boolean;
}

/** The logs of a listener. Sets of logs are numbered, and a number always means the same logs. */
export interface ListenerLogsPlan {
  readonly set: number;
  readonly filters: readonly LogFilterPlan[];
  /** Of all of them, each once: the order in which records have them. */
  readonly headers: readonly LogHeaderPlan[];
}

/** Of a listener without a log. */
export const NO_LOGS: ListenerLogsPlan = { set: -1, filters: [], headers: [] };
