// What a worker counts for people: plain numbers, read by the primary on demand.

import { REASON_ROWS, REASONS, type ReasonCode } from '../http/reasons.js';

/**
 * Why a copy was not sent, or given up: as many as `limits.mirrorsMax` are under way; a limit of the pool, or no server of
 * it; no connection or no room in the slab; the mirror took its body too slowly, or did not answer in time.
 */
export type MirrorDrop = 'mirrorsMax' | 'poolLimits' | 'noServer' | 'noRoom' | 'slow' | 'late';

/** Why a body was not kept: it is longer than `retryBodyBytesMax`, or the slab is filling up. */
type NotKept = 'tooLong' | 'noRoom';

/** How often each reason was given. */
export class ReasonCounts {
  /** By the index of the reason. */
  readonly #counts = new Array<number>(REASON_ROWS.length).fill(0);

  /** Hot under attack: allocates nothing. */
  add(code: ReasonCode): void {
    this.#counts[REASONS[code].index]!++;
  }

  /** Calls `take` with the index and the count of each reason. */
  each(take: (index: number, count: number) => void): void {
    for (let i = 0; i < this.#counts.length; i++) take(i, this.#counts[i]!);
  }

  /** Those that were given, by their codes. */
  toObject(): Record<string, number> {
    return Object.fromEntries(
      REASON_ROWS.filter(({ index }) => this.#counts[index]! > 0).map(({ code, index }) => [
        code,
        this.#counts[index]!,
      ]),
    );
  }
}

export class Counters {
  /** Parts of snapshots applied, the first ones included: routing, settings, and pools one by one. */
  readonly applied = { routing: 0, settings: 0, pools: 0 };
  /** Requests whose head was complete. */
  requests = 0;
  /** Client connections accepted. */
  accepted = 0;
  /** TLS handshakes done, and those of them that went on with an earlier session. */
  handshakes = 0;
  resumptions = 0;
  /** TLS handshakes that failed or took too long, and connections closed because too many were under way. */
  handshakesFailed = 0;
  handshakesRefused = 0;
  /** Of those that failed, the ones for the client's certificate, by what was wrong with it. */
  readonly certificatesRefused = new Map<string, number>();
  /** Backend connections opened. */
  opened = 0;
  /** Requests that took an idle backend connection. */
  reused = 0;
  /** Attempts after the first one. */
  retries = 0;
  /** Requests of idempotent methods whose body was not kept for another try, by why. */
  readonly bodiesNotKept = new Map<NotKept, number>();
  /** Clients cut, or refused their body, because they were slower than `limits.clientBytesPerSecondMin`. */
  clientsTooSlow = 0;
  /** Requests that went to the fallback pool of their rule. */
  fallbacks = 0;
  /** Copies of requests sent to mirrors, and those that were not, or were given up, by why. */
  mirrored = 0;
  readonly mirrorsDropped = new Map<MirrorDrop, number>();
  /** What policies did, or would have done in a dry run, by names like `RateLimit.dryRun`. */
  readonly policies = new Map<string, number>();
  /** Requests that ended in an answer of our own, or without one, by reason. */
  readonly reasons = new ReasonCounts();

  countPolicy(what: string): void {
    this.policies.set(what, (this.policies.get(what) ?? 0) + 1);
  }

  countNotKept(why: NotKept): void {
    this.bodiesNotKept.set(why, (this.bodiesNotKept.get(why) ?? 0) + 1);
  }
}
