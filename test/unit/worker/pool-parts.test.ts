// One pool's part of a snapshot, applied by itself: what is made anew, what is not, and what becomes of requests under way.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoolPart } from '../../../src/exchange/pool-part.js';
import { checkInvariants } from '../../../src/worker/invariants.js';
import { start as startAnswers } from '../../origins/answers.js';
import { ok, type RawOrigin, serveRequests, type Visit } from '../../origins/raw.js';
import { endpointOf } from '../../support/endpoints.js';
import { statusOf } from '../../support/messages.js';
import { use } from '../../support/proxy.js';
import { ask, get, WireClient } from '../../support/wire-client.js';
import { type OneWorker, useWorker } from './one-worker.js';

const named = (name: string): Promise<RawOrigin> => startAnswers(ok(name));

const bodyOf = async ({ place }: OneWorker, path = '/'): Promise<string> => (await ask(place, get(path))).body;

/** Places the pool `name` with other servers, or other options, and gives the worker its part. */
function change({ worker, snapshot, membership }: OneWorker, name: string, next: Partial<PoolPart>): void {
  const { tls, tunnelTls, proxyProtocol, keepAlive, ...pool } = snapshot.pools.find((part) => part.name === name)!;
  const plan = membership.place({ ...pool, ...next });
  const part = { ...plan, tls, tunnelTls, proxyProtocol, keepAlive };
  worker.apply({ generation: 2, routing: null, settings: null, poolNames: null, pools: [part], series: null });
}

const serversAt = (...origins: readonly RawOrigin[]) =>
  origins.map(({ address }) => {
    return { name: address, address, endpoint: endpointOf(address), weight: 1, backup: false, index: -1 };
  });

test('another server, and neither matcher nor rules nor listeners are made anew', async (t) => {
  const [first, second, aside] = [
    await use(t, named('first')),
    await use(t, named('second')),
    await use(t, named('aside')),
  ];
  const rules = [{ matches: [{ path: { value: '/aside' } }], pool: 'aside' }, { pool: 'main' }];
  const one = useWorker(t, {
    routes: [{ rules }],
    pools: { aside: { servers: [{ address: aside.address }] }, main: { servers: [{ address: first.address }] } },
  });
  const { worker } = one;
  assert.deepEqual([await bodyOf(one), await bodyOf(one, '/aside')], ['first', 'aside']);
  const { matcher, rules: made, trust, ticks, errorPages } = worker;
  const others = worker.poolNamed('aside');
  change(one, 'main', { servers: serversAt(second) });
  assert.deepEqual([await bodyOf(one), await bodyOf(one, '/aside')], ['second', 'aside']);
  assert.ok(worker.matcher === matcher && worker.rules === made && worker.trust === trust && worker.ticks === ticks);
  assert.ok(worker.errorPages === errorPages && worker.poolNamed('aside') === others);
  assert.deepEqual(worker.report().applied, { routing: 1, settings: 1, pools: 3 });
  await first.until('closed connection', (seen) => seen.visits[0]?.ended || seen.visits[0]?.closed);
  assert.equal(aside.accepted, 1, 'the other pool keeps its connection');
  assert.deepEqual(checkInvariants(worker), []);
});

test('a fallback pool and a mirror find the pool that took the place of the one before', async (t) => {
  const [first, second, raw] = [
    await use(t, named('first')),
    await use(t, named('second')),
    await use(t, named('raw')),
  ];
  const mirror = { type: 'RequestMirror', requestMirror: { pool: 'spare' } };
  const one = useWorker(t, {
    routes: [{ rules: [{ pool: 'main', fallback: 'spare', filters: [mirror] }] }],
    pools: { main: { servers: [{ address: raw.address }] }, spare: { servers: [{ address: first.address }] } },
  });
  change(one, 'spare', { servers: serversAt(second) });
  assert.equal(await bodyOf(one), 'raw');
  await second.until('copy', (seen) => seen.requests.length === 1);
  change(one, 'main', { servers: [] });
  assert.equal(await bodyOf(one), 'second', 'the fallback');
  assert.equal(first.accepted, 0);
});

test('a response that has begun moves along, counted where it goes on', async (t) => {
  const held: Visit[] = [];
  const slow = await use(
    t,
    serveRequests((_request, visit) => void held.push(visit)),
  );
  const next = await use(t, named('next'));
  const limits = { poolRequestsMax: 5 };
  const one = useWorker(t, {
    routes: [{ rules: [{ pool: 'main' }] }],
    pools: { main: { servers: [{ address: slow.address }], limits } },
  });
  const client = await WireClient.connect(one.place);
  await client.send(get());
  await slow.until('request', () => held.length === 1);
  held[0]!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
  await client.until('the first half', () => client.received.endsWith('hello') || undefined);
  const before = one.worker.poolNamed('main')!;
  change(one, 'main', { servers: serversAt(next) });
  const pools: unknown[] = [];
  one.worker.connections.eachClient(({ x }) => pools.push(x.pool));
  assert.deepEqual(pools, [one.worker.poolNamed('main')], 'nothing holds the pool before');
  assert.ok(before.retired);
  assert.deepEqual(checkInvariants(one.worker), []);
  held[0]!.socket.write('world');
  assert.equal(statusOf(await client.response()), 200);
  assert.equal(await bodyOf(one), 'next');
  assert.deepEqual(checkInvariants(one.worker), []);
  client.close();
});
