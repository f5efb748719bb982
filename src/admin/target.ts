// What the admin API is for: the running service, as far as it may be looked at and changed.
// Owns the contract. The command line implements it.

import type { Problem } from '../base/problems.js';
import type { LoadedRoutes } from '../config/routes.js';
import type { ProcessEvent, ReloadEvent } from '../observe/events.js';
import type { Primary } from '../primary/primary.js';
import type { EventLog } from './event-log.js';
import type { ServiceRecord } from './record.js';

/** What became of a reload. */
export type ReloadOutcome =
  | { readonly result: 'applied'; readonly changes: readonly ReloadEvent[] }
  | { readonly result: 'refused'; readonly reason: string | undefined; readonly problems: readonly Problem[] }
  /** There is no file to read again. */
  | { readonly result: 'needless' }
  | { readonly result: 'ending' };

export interface AdminTarget {
  readonly version: string;
  /** Null until the service is ready. */
  readonly primary: Primary | null;
  /** What the primary runs. */
  readonly loaded: LoadedRoutes | null;
  /** A drain has begun, or the end. */
  readonly ending: boolean;
  /** What happened since the start. */
  readonly record: ServiceRecord;
  readonly events: EventLog;
  emit(event: ProcessEvent): void;
  /** Reads the configuration again, and applies it. */
  reload(): Promise<ReloadOutcome>;
  /** Lines of the log that could not be written. */
  readonly linesLost: number;
}
