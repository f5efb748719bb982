// What the admin API is for: the running service, as far as it may be looked at and changed.
// Owns the contract. The command line implements it.

import type { LoadedRoutes } from '../config/routes.js';
import type { Primary } from '../primary/primary.js';
import type { ServiceRecord } from './record.js';

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
  /** Lines of the log that could not be written. */
  readonly linesLost: number;
}
