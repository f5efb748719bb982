// How the servers of a pool are checked: plain, every default filled in.
// Owns these shapes and their defaults. Leaves the configuration language to config/, and checking to checker.ts.

import type { BalancePoolPlan } from '../balance/options.js';

/** How checks speak TLS. Files by absolute name, read for each check: it shows what a new connection would meet. */
export interface HealthCheckTls {
  readonly serverName: string;
  readonly ca?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly verify: boolean;
}

/** How the servers of a pool are checked. */
export interface HealthCheckOptions {
  /** HTTP only: how TLS is spoken; without it, none is. */
  tls?: HealthCheckTls;
  /** The version of the PROXY header each check begins with; it names no client. Default: no header. */
  proxyProtocol?: 'v1' | 'v2';
  type: 'http' | 'tcp';
  /** HTTP only. Default GET. */
  method: string;
  /** HTTP only. Default `/`. */
  path: string;
  /** HTTP only: the Host field. Default the name or address the server is listed by, and its port. */
  host: string | null;
  /** HTTP only: fields to send besides. */
  headers: { name: string; value: string }[];
  /** HTTP only: statuses that pass, as inclusive ranges. Default 200 to 399. */
  expectedStatuses: { from: number; to: number }[];
  /** HTTP only: text that the first 64 KiB of the body must contain. Default null: any body. */
  expectedBody: string | null;
  /** HTTP only: fields the answer must carry; a null value accepts any. */
  expectedHeaders: { name: string; value: string | null }[];
  /** Port to check instead of the server's own. Default null. */
  port: number | null;
  /** Time between two checks of a server, in milliseconds. Default 5000; 100 to 3600000. */
  intervalMs: number;
  /** Time between two checks while the last ones disagree with the state, in milliseconds. Default 1000, never above intervalMs. */
  doubtIntervalMs: number;
  /** Share by which an interval is stretched or shrunk at random, so checks do not march in step. Default 0.1; 0 to 0.5. */
  jitter: number;
  /** Time a check may take, in milliseconds. Default 2000; 10 to 60000. */
  timeoutMs: number;
  /** Failed checks in a row that take a server out. Default 3; 1 to 100. The very first check decides alone. */
  unhealthyThreshold: number;
  /** Passed checks in a row that bring it back. Default 2; 1 to 100. */
  healthyThreshold: number;
}

/** A pool, and how its servers are checked; null when they are not. */
export interface CheckedPoolPlan extends BalancePoolPlan {
  healthCheck: HealthCheckOptions | null;
}

export const HEALTH_CHECK_DEFAULTS: HealthCheckOptions = {
  type: 'http',
  method: 'GET',
  path: '/',
  host: null,
  headers: [],
  expectedStatuses: [{ from: 200, to: 399 }],
  expectedBody: null,
  expectedHeaders: [],
  port: null,
  intervalMs: 5000,
  doubtIntervalMs: 1000,
  jitter: 0.1,
  timeoutMs: 2000,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
};
