import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BALANCE_DEFAULTS, LIMIT_DEFAULTS, OUTLIER_DEFAULTS, SESSION_DEFAULTS } from '../../../src/balance/options.js';
import { RETRY_DEFAULTS, RETRY_ON } from '../../../src/balance/retry.js';
import { parseConfig } from '../../../src/config/load.js';
import { HEALTH_CHECK_DEFAULTS } from '../../../src/health/options.js';

function options(pool: object, limits: object = {}) {
  const document = {
    listeners: [{ address: ':8080' }],
    routes: [{ rules: [{ pool: 'api' }] }],
    pools: { api: { servers: [], ...pool } },
    limits,
  };
  return parseConfig(JSON.stringify(document), 'shop.json').config.pools.api!.options;
}

test('a pool that says nothing has the defaults that src/balance knows, and no checks and no sessions', () => {
  assert.deepEqual(options({}), {
    balance: BALANCE_DEFAULTS,
    healthCheck: null,
    outlier: OUTLIER_DEFAULTS,
    session: null,
    retry: RETRY_DEFAULTS,
    limits: LIMIT_DEFAULTS,
  });
});

test('an empty health check and an empty session have their defaults, too', () => {
  const { healthCheck, session } = options({ healthCheck: {}, sessionPersistence: {} });
  assert.deepEqual(healthCheck, HEALTH_CHECK_DEFAULTS);
  assert.deepEqual(session, SESSION_DEFAULTS);
});

test('everything that is written arrives, in milliseconds, shares and ranges', () => {
  const { balance, healthCheck, outlier, session, retry, limits } = options({
    balance: 'consistent-hash',
    hashKey: { type: 'Header', name: 'X-User' },
    panic: 'try',
    slowStart: '30s',
    healthCheck: {
      expectedStatuses: [204, '300-399'],
      expectedHeaders: [{ name: 'X-Role' }],
      interval: '2s',
      doubtInterval: '9s',
      timeout: '1s',
    },
    outlierDetection: { failures: 3, errors: 4, baseEjection: '20s', maxEjection: '5s', maxEjectedPercent: 25 },
    sessionPersistence: { type: 'Header', headerName: 'X-Session', secret: 's' },
    retry: { retriesMax: 1, on: ['status'], statuses: [503], perTryTimeout: '1s', budgetPercent: 50 },
    limits: { serverRequestsMax: 7, queueTimeout: '1s' },
  });
  assert.deepEqual(balance, {
    kind: 'consistent-hash',
    key: { type: 'Header', name: 'X-User' },
    panic: 'try',
    slowStartMs: 30_000,
  });
  assert.deepEqual(healthCheck!.expectedStatuses, [
    { from: 204, to: 204 },
    { from: 300, to: 399 },
  ]);
  assert.deepEqual(healthCheck!.expectedHeaders, [{ name: 'X-Role', value: null }]);
  assert.deepEqual([healthCheck!.intervalMs, healthCheck!.doubtIntervalMs, healthCheck!.timeoutMs], [2000, 2000, 1000]);
  assert.deepEqual(outlier, {
    failures: 3,
    errors: 4,
    baseEjectionMs: 20_000,
    maxEjectionMs: 20_000,
    maxEjectedShare: 0.25,
  });
  assert.deepEqual([session!.type, session!.name, session!.secret], ['Header', 'X-Session', 's']);
  assert.deepEqual([retry.retriesMax, retry.on, retry.statuses], [1, RETRY_ON.STATUS, [503]]);
  assert.deepEqual([retry.perTryTimeoutMs, retry.budgetRatio], [1000, 0.5]);
  assert.deepEqual([limits.serverRequestsMax, limits.queueTimeoutMs], [7, 1000]);
});

test('a pool that sets no retries of its own has those of the limits', () => {
  assert.equal(options({}, { retriesMax: 5 }).retry.retriesMax, 5);
  assert.equal(options({ retry: { retriesMax: 0 } }, { retriesMax: 5 }).retry.retriesMax, 0);
});

test('detection that looks for nothing is off', () => {
  assert.equal(options({ outlierDetection: { failures: 0 } }).outlier, null);
});
