// What a closed-loop load generator is asked and what it tells.
// wrk.ts and autocannon.ts are the two there are; the open loop is open-loop.ts.
import type { Workload } from '../workloads.js';

/** Percentiles that every figure and plot carries. */
export const PERCENTILES = [50, 75, 90, 99, 99.9, 99.99] as const;

export interface LoadRequest {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** The name in the Host header. */
  readonly authority: string;
  readonly workload: Workload;
  /** Whether clients offer TLS_OFFER and nothing else, where they speak TLS. */
  readonly pinned: boolean;
  readonly connections: number;
  /** Whole seconds: wrk takes no fractions. */
  readonly seconds: number;
  readonly cores: string | undefined;
  readonly threads: number;
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
}

export interface LoadResult {
  /** Answers received in full. */
  readonly requests: number;
  /** Answers that were not 2xx or 3xx, or came behind another handshake than was asked for. */
  readonly badStatuses: number;
  /** Connects, reads and writes that failed, and timeouts. */
  readonly socketErrors: number;
  readonly seconds: number;
  /** Microseconds by percentile, for PERCENTILES. */
  readonly latencyUs: readonly number[];
}

/** Sends requests as fast as answers come, on every connection. */
export interface ClosedLoop {
  readonly name: string;
  run(request: LoadRequest): Promise<LoadResult>;
}
