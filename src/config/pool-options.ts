// From a pool's options as they are written to those that src/balance and src/health take.
// Owns that translation and the defaults that depend on others. Leaves bounds to schema/pool-options.ts.

import type {
  BalanceOptions,
  KeySource,
  OutlierOptions,
  PoolLimitOptions,
  RetryOptions,
  SessionOptions,
} from '../balance/options.js';
import { RETRY_ON } from '../balance/retry.js';
import type { HealthCheckOptions } from '../health/options.js';
import type { ParsedConfig } from './schema.js';

type ParsedPool = ParsedConfig['pools'][string];

/** Everything a pool says beyond its name and its servers, complete. */
export interface PoolOptions {
  readonly balance: BalanceOptions;
  readonly healthCheck: HealthCheckOptions | null;
  readonly outlier: OutlierOptions | null;
  readonly session: SessionOptions | null;
  readonly retry: RetryOptions;
  readonly limits: PoolLimitOptions;
}

/** The options of `pool`; `retriesMax` is the limit that holds for pools that set none of their own. */
export function poolOptions(pool: ParsedPool, retriesMax: number): PoolOptions {
  return {
    balance: {
      kind: pool.balance,
      key: keySource(pool),
      panic: pool.panic,
      slowStartMs: pool.slowStart,
    },
    healthCheck: pool.healthCheck === undefined ? null : healthCheckOptions(pool.healthCheck, pool.proxyProtocol),
    outlier: outlierOptions(pool.outlierDetection),
    session: pool.sessionPersistence === undefined ? null : sessionOptions(pool.sessionPersistence),
    retry: retryOptions(pool.retry, retriesMax),
    limits: {
      serverConnectionsMax: pool.limits.serverConnectionsMax,
      serverRequestsMax: pool.limits.serverRequestsMax,
      connectionRequestsMax: pool.limits.connectionRequestsMax,
      queueMax: pool.limits.queueMax,
      queueTimeoutMs: pool.limits.queueTimeout,
      poolRequestsMax: pool.limits.poolRequestsMax,
    },
  };
}

function keySource({ hashKey }: ParsedPool): KeySource {
  if (hashKey === undefined || hashKey.type === 'ClientAddress') return { type: 'ClientAddress' };
  return hashKey.type === 'Path' ? { type: 'Path' } : { type: hashKey.type, name: hashKey.name ?? '' };
}

function healthCheckOptions(
  check: NonNullable<ParsedPool['healthCheck']>,
  proxyProtocol: ParsedPool['proxyProtocol'],
): HealthCheckOptions {
  return {
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
    type: check.type,
    method: check.method,
    path: check.path,
    host: check.host ?? null,
    headers: check.headers.map(({ name, value }) => ({ name, value })),
    expectedStatuses: check.expectedStatuses.map(({ from, to }) => ({ from, to })),
    expectedBody: check.expectedBody ?? null,
    expectedHeaders: check.expectedHeaders.map(({ name, value }) => ({ name, value: value ?? null })),
    port: check.port ?? null,
    intervalMs: check.interval,
    doubtIntervalMs: Math.min(check.doubtInterval, check.interval),
    jitter: check.jitter,
    timeoutMs: check.timeout,
    unhealthyThreshold: check.unhealthyThreshold,
    healthyThreshold: check.healthyThreshold,
  };
}

function outlierOptions(outlier: ParsedPool['outlierDetection']): OutlierOptions | null {
  const { failures, errors, baseEjection, maxEjection, maxEjectedPercent } = outlier;
  if (failures === 0 && errors === 0) return null;
  return {
    failures,
    errors,
    baseEjectionMs: baseEjection,
    maxEjectionMs: Math.max(baseEjection, maxEjection),
    maxEjectedShare: maxEjectedPercent / 100,
  };
}

function sessionOptions(session: NonNullable<ParsedPool['sessionPersistence']>): SessionOptions {
  const { type, cookieName, headerName, lifetime, path, secure, httpOnly, sameSite, secret = '' } = session;
  const name = type === 'Cookie' ? (cookieName ?? 'sevenfold') : (headerName ?? '');
  return { type, name, maxAgeSeconds: Math.round(lifetime / 1000), path, secure, httpOnly, sameSite, secret };
}

const CAUSES = {
  'connect-failure': RETRY_ON.CONNECT,
  reset: RETRY_ON.RESET,
  timeout: RETRY_ON.TIMEOUT,
  status: RETRY_ON.STATUS,
} as const;

function retryOptions(retry: ParsedPool['retry'], retriesMax: number): RetryOptions {
  return {
    retriesMax: retry.retriesMax ?? retriesMax,
    on: retry.on.reduce((bits, cause) => bits | CAUSES[cause], 0),
    statuses: [...retry.statuses],
    perTryTimeoutMs: retry.perTryTimeout,
    backoffMs: retry.backoff,
    backoffMaxMs: Math.max(retry.backoff, retry.maxBackoff),
    budgetRatio: retry.budgetPercent / 100,
    budgetPerSecond: retry.budgetPerSecond,
  };
}
