// What has happened to the service since its start, as far as metrics and the admin API tell it later.
// Owns these counts and times. Leaves wording events to the command line.

import type { ProcessEvent } from '../observe/events.js';

/** Milliseconds since 1970. */
type Time = number;

export class ServiceRecord {
  readonly startedAt: Time = Date.now();
  reloadsApplied = 0;
  reloadsRefused = 0;
  /** When the configuration that runs was loaded. */
  appliedAt: Time = Date.now();
  /** When a reload was tried last; undefined when none was. */
  triedAt: Time | undefined;
  lastReloadGood = true;
  workersDied = 0;
  certificatesRenewed = 0;
  certificatesRefused = 0;

  /** Takes every event. */
  note(event: ProcessEvent): void {
    switch (event.type) {
      case 'reload.applied':
        this.reloadsApplied++;
        this.appliedAt = Date.now();
        this.triedAt = this.appliedAt;
        this.lastReloadGood = true;
        break;
      case 'reload.refused':
        this.reloadsRefused++;
        this.triedAt = Date.now();
        this.lastReloadGood = false;
        break;
      case 'worker.died':
        this.workersDied++;
        break;
      case 'tls.renewed':
        this.certificatesRenewed++;
        break;
      case 'tls.refused':
        this.certificatesRefused++;
        break;
    }
  }
}
