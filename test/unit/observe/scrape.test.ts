// A scrape of a large farm: how long it takes, and that the text is what Prometheus reads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Membership } from '../../../src/balance/membership.js';
import { createServerState, ServerState } from '../../../src/balance/server-state.js';
import { checkValue } from '../../../src/config/load.js';
import { Exposition } from '../../../src/observe/metrics/exposition.js';
import { ATTEMPTS, MetricsMemory, SERIES, viewOf } from '../../../src/observe/metrics/layout.js';
import { SeriesRegistry } from '../../../src/observe/metrics/series.js';
import { writeMetrics } from '../../../src/primary/metrics.js';
import { placePools, unplacedPool } from '../../../src/primary/snapshot.js';
import { promtool } from '../../support/metrics.js';

const WORKERS = 4;
const ROUTES = 50;
const SERVERS_EACH = 40;
/** What a quiet machine needs less than half of. */
const MOST_MS = 50;

test('2,000 servers and 50 routes that have all counted are written in less than 50 ms', (t) => {
  const state = new ServerState(createServerState({ workers: WORKERS }));
  const membership = new Membership(state);
  const { config } = checkValue({
    listeners: [{ address: ':8080' }],
    routes: Array.from({ length: ROUTES }, (_, index) => ({
      name: `route-${index}`,
      rules: [{ pool: `pool-${index}` }],
    })),
    pools: Object.fromEntries(Array.from({ length: ROUTES }, (_, index) => [`pool-${index}`, { servers: [] }])),
  });
  const servers = (pool: string) =>
    Array.from({ length: SERVERS_EACH }, (_, index) => {
      const host = `10.${pool.slice(5)}.0.${index}`;
      const address = `${host}:80`;
      return { name: address, address, endpoint: { kind: 'tcp', host, port: 80 } as const, weight: 1, backup: false };
    });
  const unplaced = Object.values(config.pools).map((pool, index) => unplacedPool(pool, index, servers));
  membership.makeRoom(unplaced);
  const pools = placePools(unplaced, membership, []);
  const memory = new MetricsMemory({ workers: WORKERS, serversMax: 4096 });
  memory.grow(0, state.capacity.servers);
  const series = new SeriesRegistry(memory);
  const routes = pools.map(({ name, slot }, index) => [
    { listener: ':8080', route: `route-${index}`, pool: name, raw: false, listenerNumber: 1, poolSlot: slot },
  ]);
  series.place(
    routes.map((_, index) => index),
    routes,
    [],
    10_000,
  );
  for (const worker of memory.workers) {
    const counted = viewOf(worker.servers);
    for (let i = 0; i < counted.length; i++) counted[i] = i % ATTEMPTS.WORDS;
    const requests = viewOf(worker.series);
    for (let i = 0; i < requests.length; i++) requests[i] = i % SERIES.WORDS;
  }

  let text = '';
  let best = Number.POSITIVE_INFINITY;
  // Others use the machine, too: one round in peace is enough.
  for (let round = 0; round < 8 || (round < 40 && best >= MOST_MS); round++) {
    const from = performance.now();
    const out = new Exposition('prometheus', { scopes: new Set(), names: new Set() });
    writeMetrics(out, { memory, series, state, pools });
    text = out.end();
    best = Math.min(best, performance.now() - from);
  }
  t.diagnostic(`${text.length} bytes in ${best.toFixed(1)} ms at best`);
  assert.equal(text.match(/^sevenfold_server_attempt_duration_seconds_count/gm)?.length, ROUTES * SERVERS_EACH);
  // One more: what is folded.
  assert.equal(text.match(/^sevenfold_request_duration_seconds_count/gm)?.length, ROUTES + 1);
  assert.ok(best < MOST_MS, `${best} ms`);
  const checked = promtool(['check', 'metrics'], text);
  if (checked === null) t.diagnostic('promtool is not installed: not asked');
  else assert.equal(checked.status, 0, checked.said);
});
