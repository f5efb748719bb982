// What of a snapshot travels to the workers when a configuration changes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Membership } from '../../../src/balance/membership.js';
import { createServerState, ServerState } from '../../../src/balance/server-state.js';
import { checkValue } from '../../../src/config/load.js';
import { compileRoutes } from '../../../src/config/routes.js';
import { changeBetween, placePools, snapshotOf, unplacedPool } from '../../../src/primary/snapshot.js';
import type { Snapshot } from '../../../src/worker/snapshot.js';
import { endpointOf } from '../../support/endpoints.js';

/** Makes the snapshots of one configuration after the other, as the primary does. */
function snapshots(): (document: object) => Snapshot {
  const membership = new Membership(new ServerState(createServerState({ workers: 1 })));
  let before: readonly string[] = [];
  let generation = 0;
  return (document) => {
    const loaded = compileRoutes(checkValue({ listeners: [{ address: ':8080' }], ...document }));
    const { config } = loaded;
    const listed = (name: string) =>
      config.pools[name]!.servers.map(({ address, weight, backup }) => {
        return { name: address, address, endpoint: endpointOf(address), weight, backup };
      });
    const unplaced = Object.values(config.pools).map((pool, index) => unplacedPool(pool, index, listed));
    const pools = placePools(unplaced, membership, before);
    before = pools.map(({ name }) => name);
    return snapshotOf(++generation, loaded, [], pools, { pools: new Map(), tunnels: new Map() }, 256 * 1024 * 1024);
  };
}

const server = (address: string, weight = 1) => ({ address, weight });
const base = {
  routes: [{ rules: [{ matches: [{ path: { value: '/a' } }], pool: 'a' }, { pool: 'b' }] }],
  pools: { a: { servers: [server('10.0.0.1:80')] }, b: { servers: [server('10.0.0.2:80'), server('10.0.0.3:80')] } },
};

/** Which parts go to the workers when `base` becomes `document`. */
function partsOf(document: object): { parts: string[]; poolNames: string[] | null } {
  const next = snapshots();
  const { routing, settings, pools, poolNames } = changeBetween(next(base), next(document));
  const parts = [...(routing === null ? [] : ['routing']), ...(settings === null ? [] : ['settings'])];
  return { parts: [...parts, ...pools.map(({ name }) => name)], poolNames };
}

test('nothing travels when nothing changed', () => {
  assert.deepEqual(partsOf(structuredClone(base)), { parts: [], poolNames: null });
});

test('a weight, a server, an option of a pool: the part of that pool alone', () => {
  const withB = (b: object) => ({ ...base, pools: { ...base.pools, b } });
  const only = { parts: ['b'], poolNames: null };
  assert.deepEqual(partsOf(withB({ servers: [server('10.0.0.2:80', 7), server('10.0.0.3:80')] })), only);
  assert.deepEqual(partsOf(withB({ servers: [server('10.0.0.2:80')] })), only);
  assert.deepEqual(partsOf(withB({ ...base.pools.b, balance: 'random' })), only);
  assert.deepEqual(partsOf(withB({ ...base.pools.b, limits: { serverRequestsMax: 3 } })), only);
  assert.deepEqual(partsOf(withB({ ...base.pools.b, proxyProtocol: 'v2' })), only);
});

test('how a pool is checked is not for workers, but that it is', () => {
  const checked = (path: string) => ({
    ...base,
    pools: { ...base.pools, b: { ...base.pools.b, healthCheck: { path } } },
  });
  const next = snapshots();
  assert.deepEqual(changeBetween(next(checked('/one')), next(checked('/two'))).pools, []);
  assert.equal('healthCheck' in next(checked('/two')).pools[1]!, false);
});

test('rules, or timeouts, travel without the pools', () => {
  const rules = [{ matches: [{ path: { value: '/other' } }], pool: 'a' }, { pool: 'b' }];
  assert.deepEqual(partsOf({ ...base, routes: [{ rules }] }), { parts: ['routing'], poolNames: null });
  assert.deepEqual(partsOf({ ...base, timeouts: { idle: '7s' } }), { parts: ['settings'], poolNames: null });
});

test('a pool that comes, goes or gets another name changes the list of pools', () => {
  const c = { servers: [server('10.0.0.4:80')] };
  assert.deepEqual(partsOf({ ...base, pools: { ...base.pools, c } }), { parts: ['c'], poolNames: ['a', 'b', 'c'] });
  const first = { ...base, pools: { c, ...base.pools } };
  assert.deepEqual(partsOf(first).poolNames, ['c', 'a', 'b']);
  assert.deepEqual(partsOf(first).parts, ['routing', 'c', 'a', 'b'], 'every index is another');
  const renamed = {
    routes: [{ rules: [{ matches: [{ path: { value: '/a' } }], pool: 'z' }, { pool: 'b' }] }],
    pools: { z: base.pools.a, b: base.pools.b },
  };
  assert.deepEqual(partsOf(renamed), { parts: ['z'], poolNames: ['z', 'b'] });
});
