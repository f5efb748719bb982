// Everything one run of the benchmark found out, as --json prints it and as every report reads it.
// Plain data only: no behaviour, so that an old file can be read back.
import type { LeftOut } from './fleet.js';
import type { Machine } from './machine.js';
import type { RoundFigures } from './rounds.js';

export interface ConnectionMemory {
  readonly contestant: string;
  readonly connections: number;
  /** Growth of resident memory by idle client connection, after one request on each. */
  readonly bytesPerConnection: number;
}

/** One open-loop run: requests sent at fixed times, whatever the answers do. */
export interface OpenLoopFigures {
  readonly contestant: string;
  readonly workload: string;
  readonly round: number;
  readonly ratePerSecond: number;
  readonly requests: number;
  readonly badStatuses: number;
  readonly socketErrors: number;
  /** From the time the request was due to its last byte, in microseconds, for PERCENTILES. */
  readonly latencyUs: readonly number[];
  /** How late the generator itself was in sending, in microseconds, for PERCENTILES; part of latencyUs. */
  readonly latenessUs: readonly number[];
  /** Points for the plot: percentile and microseconds. */
  readonly curve: ReadonlyArray<readonly [number, number]>;
  /** Requests that were due but never sent because every connection was busy until the end. */
  readonly unsent: number;
}

/** One round of one setting of the worker sweep. */
export interface SweepPoint {
  readonly workers: number;
  readonly accept: 'handoff' | 'shared';
  readonly pin: boolean;
  readonly figures: RoundFigures;
}

export interface BenchResult {
  readonly version: 1;
  readonly startedAt: string;
  readonly seconds: number;
  readonly command: string;
  readonly interrupted: boolean;
  readonly machine: Machine;
  readonly pinning: string;
  readonly load: string;
  readonly origin: string;
  readonly durationSeconds: number;
  readonly connections: number;
  /** Those that were measured, in the order of the tables. */
  readonly contestants: ReadonlyArray<{ readonly id: string; readonly family: string; readonly mode: string }>;
  readonly workloads: ReadonlyArray<{
    readonly id: string;
    readonly title: string;
    readonly connections: number;
    /** Bytes of each answer's body. */
    readonly responseBytes: number;
  }>;
  readonly leftOut: readonly LeftOut[];
  readonly rounds: readonly RoundFigures[];
  readonly openLoop: readonly OpenLoopFigures[];
  readonly connectionMemory: readonly ConnectionMemory[];
  readonly sweep: readonly SweepPoint[];
}
