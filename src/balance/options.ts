// A pool as workers and primary get it: plain, resolved (every default filled in), fit for structured clone.
// Owns these shapes and their defaults. Leaves the configuration language to config/, and acting on them to the files named below.

import type { SocketEndpoint } from '../base/endpoint.js';

/** How a pool picks a server (balancer.ts). `ip-hash` is `consistent-hash` keyed by the client's address. */
export type BalanceKind = 'round-robin' | 'least-requests' | 'random' | 'ip-hash' | 'consistent-hash';

/** What a hashing balancer hashes (keys.ts). A request without it is spread at random. */
export type KeySource =
  | { type: 'ClientAddress' }
  | { type: 'Path' }
  | { type: 'Header'; name: string }
  | { type: 'Cookie'; name: string }
  | { type: 'QueryParam'; name: string };

/** How a pool spreads requests. */
export interface BalanceOptions {
  kind: BalanceKind;
  /** Hashing balancers only. Default ClientAddress. */
  key: KeySource;
  /** When no server is open: `fail` answers 503, `try` picks among all that are not draining. Default `fail`. */
  panic: 'fail' | 'try';
  /** Time in which a server that came back climbs from a tenth of its weight to all of it, in milliseconds.
   *  Default 0: at once. At most 3600000. Hashing balancers ignore it: a key maps to one server. */
  slowStartMs: number;
}

/** Passive detection (outlier.ts). */
export interface OutlierOptions {
  /** Failed connects, resets and timeouts in a row that eject a server. Default 5; 0 never ejects for them. */
  failures: number;
  /** 5xx answers in a row that eject a server. Default 0; 0 never ejects for them. */
  errors: number;
  /** Length of a first ejection, in milliseconds; the nth in a row lasts n times as long. Default 10000; at least 100. */
  baseEjectionMs: number;
  /** Longest ejection, in milliseconds. Default 300000. */
  maxEjectionMs: number;
  /** Share of the pool that may be ejected at once, rounded down but at least one server of two or more. Default 0.5; 0 to 1.
   *  A pool of one is only ever ejected at 1. */
  maxEjectedShare: number;
}

/** Stickiness (session.ts). */
export interface SessionOptions {
  type: 'Cookie' | 'Header';
  /** Name of the cookie or header that carries the server's opaque name. */
  name: string;
  /** Cookie only: lifetime in seconds for a permanent cookie, 0 for one that ends with the browser session. Default 0. */
  maxAgeSeconds: number;
  /** Cookie only: the Path attribute. Default `/`. */
  path: string;
  /** Cookie only. Default true: set it to false only for listeners without TLS in front. */
  secure: boolean;
  /** Cookie only. Default true. */
  httpOnly: boolean;
  /** Cookie only. Default Lax; None needs `secure`. */
  sameSite: 'Strict' | 'Lax' | 'None';
  /** Key of the hash that makes server names opaque. Empty hashes without a secret: who knows an address can then tell its name. */
  secret: string;
}

/** Retries (retry.ts). */
export interface RetryOptions {
  /** Attempts after the first one. Default 2; 0 never retries; at most 10. */
  retriesMax: number;
  /** What is retried: RETRY_ON bits of retry.ts. */
  on: number;
  /** Statuses retried when `on` has the STATUS bit. Default 502, 503, 504. */
  statuses: number[];
  /** Time one attempt may wait for its response head, in milliseconds. Default 0: the route's own timeouts alone. */
  perTryTimeoutMs: number;
  /** Wait before the second retry, in milliseconds; doubles with each further one, at random between half and all of it.
   *  The first retry goes at once: it is meant for another server. Default 25; 0 never waits. */
  backoffMs: number;
  /** Longest wait between two attempts, in milliseconds. Default 250. */
  backoffMaxMs: number;
  /** Retries the pool may spend per request it gets. Default 0.2; 0 leaves only `budgetPerSecond`. */
  budgetRatio: number;
  /** Retries per second the pool may spend however few requests it gets. Default 10. */
  budgetPerSecond: number;
}

/** Limits towards servers (limits.ts). 0 is no limit, throughout. */
export interface PoolLimitOptions {
  /** Connections in use to one server, all workers together; idle ones come on top. Default 0. */
  serverConnectionsMax: number;
  /** Requests in flight at one server, all workers together. Default 0. */
  serverRequestsMax: number;
  /** Requests on one backend connection before it is closed. Default 0. */
  connectionRequestsMax: number;
  /** Requests that may wait for room, all workers together. Default 1024; beyond it 503 with Retry-After; 0 never waits. */
  queueMax: number;
  /** Time a request may wait for room, in milliseconds. Default 5000. */
  queueTimeoutMs: number;
  /** Circuit breaker: requests in flight in the whole pool beyond which new ones are refused with 503 at once. Default 0. */
  poolRequestsMax: number;
}

/** One server of a pool. */
export interface ServerPlan {
  /** Slot in the shared state, unique over all pools; stays the server's own across reloads. */
  index: number;
  /** Name for log lines and reports. */
  name: string;
  /** `endpoint` as text: tells the servers of a pool apart. */
  address: string;
  endpoint: SocketEndpoint;
  /** 0 to WEIGHT_MAX; 0 drains. */
  weight: number;
  /** Used only when no other server of the pool is open. */
  backup: boolean;
  /** An operator keeps every request away, those of its sessions too; its weight is 0 then. */
  maintenance?: boolean;
  /** The name the configuration gives it, or an SRV record, without a port; not set for an address written as such. */
  host?: string;
}

/** Everything balancing needs to know about a pool. A worker's pool plan extends it. */
export interface BalancePoolPlan {
  /** Pool number of this configuration: its place among the pools, which the routing rules refer to. */
  index: number;
  /** Its slot in the shared state; stays the pool's own across reloads, whatever its place. */
  slot: number;
  name: string;
  balance: BalanceOptions;
  servers: ServerPlan[];
  /** Active checks (health/) decide which of its servers are open. */
  checked: boolean;
  outlier: OutlierOptions | null;
  session: SessionOptions | null;
  retry: RetryOptions;
  limits: PoolLimitOptions;
}

export const BALANCE_DEFAULTS: BalanceOptions = {
  kind: 'round-robin',
  key: { type: 'ClientAddress' },
  panic: 'fail',
  slowStartMs: 0,
};

export const OUTLIER_DEFAULTS: OutlierOptions = {
  failures: 5,
  errors: 0,
  baseEjectionMs: 10_000,
  maxEjectionMs: 300_000,
  maxEjectedShare: 0.5,
};

export const SESSION_DEFAULTS: SessionOptions = {
  type: 'Cookie',
  name: 'sevenfold',
  maxAgeSeconds: 0,
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'Lax',
  secret: '',
};

export const LIMIT_DEFAULTS: PoolLimitOptions = {
  serverConnectionsMax: 0,
  serverRequestsMax: 0,
  connectionRequestsMax: 0,
  queueMax: 1024,
  queueTimeoutMs: 5000,
  poolRequestsMax: 0,
};
