// The last events of the process, and those who follow them.
// Owns their numbers. Leaves wording them to the command line.

import type { ProcessEvent } from '../observe/events.js';

/** Events that are remembered. */
const EVENTS_MAX = 1000;

export interface LoggedEvent {
  /** From 1 on, without gaps. */
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly event: ProcessEvent;
}

export class EventLog {
  readonly #events: LoggedEvent[] = [];
  readonly #followers = new Set<(event: LoggedEvent) => void>();
  #last = 0;

  add(event: ProcessEvent): void {
    const logged = { id: ++this.#last, time: new Date().toISOString(), event };
    this.#events.push(logged);
    if (this.#events.length > EVENTS_MAX) this.#events.shift();
    for (const follow of this.#followers) follow(logged);
  }

  /** Those behind number `id` that are remembered. */
  since(id: number): readonly LoggedEvent[] {
    return this.#events.filter((event) => event.id > id);
  }

  get followers(): number {
    return this.#followers.size;
  }

  /** Calls back with each further event, until the function it returns is called. */
  follow(take: (event: LoggedEvent) => void): () => void {
    this.#followers.add(take);
    return () => this.#followers.delete(take);
  }
}
