import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeEvent } from '../../../src/cli/events/describe.js';
import { type Discovered, Discovery, type ListedServer } from '../../../src/health/discovery.js';
import { endpointOf } from '../../support/endpoints.js';
import { FakeTimers } from './fake-timers.js';

type Answer = { addresses: string[]; ttlSeconds: number | null } | string;

function listed(address: string, more: Partial<ListedServer> = {}): ListedServer {
  return { name: address, address, endpoint: endpointOf(address), weight: 1, backup: false, ...more };
}

function discovering(intervalMs = 30_000) {
  const timers = new FakeTimers();
  const hosts = new Map<string, Answer>();
  const services = new Map<string, { name: string; port: number; priority: number; weight: number }[]>();
  const told: Discovered[] = [];
  const troubles: string[] = [];
  const asked: { host: string; at: number }[] = [];
  const discovery = new Discovery({
    timers,
    intervalMs,
    onChange: (now) => told.push(now),
    emit: (event) => troubles.push(...describeEvent(event).map(({ text }) => text)),
    resolver: {
      addresses: async (host) => {
        asked.push({ host, at: timers.now() });
        const answer = hosts.get(host) ?? 'ENOTFOUND';
        if (answer === 'hangs') return new Promise(() => {});
        if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer });
        return { ...answer, addresses: [...answer.addresses] };
      },
      services: async (name) => {
        const answer = services.get(name);
        if (answer === undefined) throw Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' });
        return answer;
      },
    },
  });
  const addresses = () => told.at(-1)?.servers.map((server) => server.address);
  return { timers, hosts, services, told, troubles, asked, discovery, addresses };
}

test('passes on literal addresses as they are, without asking anybody', () => {
  const { discovery, told, asked } = discovering();
  discovery.apply([{ name: 'shop', servers: [listed('10.0.0.2:80'), listed('unix:/a'), listed('[::1]:80')] }]);
  assert.deepEqual(
    told[0]!.servers.map((server) => server.name),
    ['10.0.0.2:80', 'unix:/a', '[::1]:80'],
  );
  assert.deepEqual(asked, []);
});

test('makes a server of every address of a name, both families, with the weight listed', async () => {
  const { discovery, timers, hosts, told } = discovering();
  hosts.set('api', { addresses: ['10.0.0.2', '10.0.0.1', '::1'], ttlSeconds: null });
  discovery.apply([{ name: 'shop', servers: [listed('api:80', { weight: 3 })] }]);
  await timers.turn(0);
  assert.deepEqual(
    told[0]!.servers.map((server) => [server.address, server.name, server.weight]),
    [
      ['10.0.0.1:80', '10.0.0.1:80', 3],
      ['10.0.0.2:80', '10.0.0.2:80', 3],
      ['[::1]:80', '[::1]:80', 3],
    ],
  );
});

test('starts with an empty pool when a name does not resolve, says so once, and fills it when it does', async () => {
  const { discovery, timers, hosts, told, troubles, addresses } = discovering(1000);
  discovery.apply([{ name: 'shop', servers: [listed('api:80')] }]);
  const ready = discovery.firstRound(5000);
  await timers.turn(0);
  await ready;
  assert.deepEqual(
    told.map((now) => now.servers),
    [[]],
  );
  await timers.turn(2500);
  assert.deepEqual(troubles, ['Pool shop: api:80 does not resolve (ENOTFOUND); it adds no server until it does.']);
  hosts.set('api', { addresses: ['10.0.0.1'], ttlSeconds: null });
  await timers.turn(1000);
  assert.deepEqual(addresses(), ['10.0.0.1:80']);
  assert.equal(troubles[1], 'Pool shop: api:80 resolves again.');
});

test('does not hold up the start for longer than it was told, when the DNS is silent', async () => {
  const { discovery, timers, hosts } = discovering();
  hosts.set('api', 'hangs');
  discovery.apply([{ name: 'shop', servers: [listed('api:80')] }]);
  let ready = false;
  void discovery.firstRound(2000).then(() => {
    ready = true;
  });
  await timers.turn(1999);
  assert.equal(ready, false);
  await timers.turn(1);
  assert.equal(ready, true);
});

test('resolves again when the TTL ends, within its bounds, else at the interval', async () => {
  for (const [ttlSeconds, expected] of [
    [7, 7000],
    [0, 1000],
    [3600, 30_000],
    [null, 30_000],
  ] as const) {
    const { discovery, timers, hosts, asked } = discovering();
    hosts.set('api', { addresses: ['10.0.0.1'], ttlSeconds });
    discovery.apply([{ name: 'shop', servers: [listed('api:80')] }]);
    await timers.turn(expected);
    assert.deepEqual(
      asked.map(({ at }) => at),
      [0, expected],
      `with a TTL of ${ttlSeconds}`,
    );
  }
});

test('tells what was added and removed, and nothing when nothing changed', async () => {
  const { discovery, timers, hosts, told } = discovering(1000);
  hosts.set('api', { addresses: ['10.0.0.1', '10.0.0.2'], ttlSeconds: null });
  discovery.apply([{ name: 'shop', servers: [listed('api:80')] }]);
  await timers.turn(3000);
  assert.equal(told.length, 1);
  hosts.set('api', { addresses: ['10.0.0.3', '10.0.0.2'], ttlSeconds: null });
  await timers.turn(1000);
  assert.deepEqual([told[1]!.added, told[1]!.removed], [['10.0.0.3:80'], ['10.0.0.1:80']]);
});

test('keeps the last addresses while the DNS fails, and gives them up when the name is gone for good', async () => {
  const { discovery, timers, hosts, addresses, troubles } = discovering(1000);
  hosts.set('api', { addresses: ['10.0.0.1'], ttlSeconds: null });
  discovery.apply([{ name: 'shop', servers: [listed('api:80')] }]);
  await timers.turn(0);
  hosts.set('api', 'EAI_AGAIN');
  await timers.turn(60_000);
  assert.deepEqual(addresses(), ['10.0.0.1:80']);
  assert.deepEqual(troubles, ['Pool shop: api:80 does not resolve (EAI_AGAIN); its last 1 addresses stay in use.']);
  hosts.set('api', 'ENOTFOUND');
  await timers.turn(30_000);
  assert.deepEqual(addresses(), ['10.0.0.1:80'], 'half a minute of slips is forgiven');
  await timers.turn(1000);
  assert.deepEqual(addresses(), []);
});

test('asks again a second after a failure, and twice as late after each further one in a row', async () => {
  const { discovery, timers, hosts, asked } = discovering();
  discovery.apply([{ name: 'shop', servers: [listed('api:80')] }]);
  await timers.turn(91_000);
  const times = () => asked.map(({ at }) => at / 1000);
  assert.deepEqual(times(), [0, 1, 3, 7, 15, 31, 61, 91], 'never later than the interval');
  hosts.set('api', { addresses: ['10.0.0.1'], ttlSeconds: null });
  await timers.turn(60_000);
  hosts.set('api', 'EAI_AGAIN');
  await timers.turn(33_000);
  assert.deepEqual(times().slice(8), [121, 151, 181, 182, 184], 'a success ends the row');
});

test('does not let a name that nobody answers keep another of its pool from serving', async () => {
  const { discovery, timers, hosts, told, addresses } = discovering();
  hosts.set('silent', 'hangs');
  hosts.set('known', { addresses: ['10.0.0.1'], ttlSeconds: 1 });
  discovery.apply([{ name: 'shop', servers: [listed('known:80'), listed('silent:80')] }]);
  void discovery.firstRound(2000);
  await timers.turn(1999);
  assert.equal(told.length, 0, 'a reload waits for all names before it takes servers away');
  await timers.turn(1);
  assert.deepEqual(addresses(), ['10.0.0.1:80']);
  hosts.set('known', { addresses: ['10.0.0.2'], ttlSeconds: 1 });
  await timers.turn(1000);
  assert.deepEqual(addresses(), ['10.0.0.2:80'], 'nor from moving later');
});

test('tells by which name each address was found', async () => {
  const { discovery, timers, hosts, services, told } = discovering();
  services.set('_http._tcp.shop', [{ name: 'box', port: 81, priority: 0, weight: 1 }]);
  hosts.set('box', { addresses: ['10.0.0.1'], ttlSeconds: null });
  hosts.set('api', { addresses: ['10.0.0.2'], ttlSeconds: null });
  discovery.apply([
    { name: 'shop', servers: [listed('srv:_http._tcp.shop'), listed('api:80'), listed('10.0.0.3:80')] },
  ]);
  await timers.turn(0);
  assert.deepEqual(
    told[0]!.servers.map(({ host }) => host),
    ['box', 'api', undefined],
  );
});

test('takes hosts, ports and weights from SRV records, and later priorities for backups', async () => {
  const { discovery, timers, hosts, services, told } = discovering();
  services.set('_http._tcp.shop', [
    { name: 'a', port: 81, priority: 10, weight: 60_000 },
    { name: 'b', port: 82, priority: 10, weight: 0 },
    { name: 'c', port: 83, priority: 20, weight: 6000 },
  ]);
  for (const [i, host] of ['a', 'b', 'c'].entries()) hosts.set(host, { addresses: [`10.0.0.${i}`], ttlSeconds: 9 });
  discovery.apply([{ name: 'shop', servers: [listed('srv:_http._tcp.shop')] }]);
  await timers.turn(0);
  assert.deepEqual(
    told[0]!.servers.map(({ address, weight, backup }) => [address, weight, backup]),
    [
      ['10.0.0.0:81', 1000, false],
      ['10.0.0.1:82', 1, false],
      ['10.0.0.2:83', 100, true],
    ],
  );
  assert.equal(timers.nextIn, 9000);
});

test('a name is listed as the configuration says now, although the DNS does not answer', async () => {
  const { discovery, timers, hosts, services, told } = discovering();
  hosts.set('api', { addresses: ['10.0.0.1'], ttlSeconds: null });
  services.set('_http._tcp.shop', [
    { name: 'api', port: 81, priority: 10, weight: 7 },
    { name: 'api', port: 82, priority: 20, weight: 7 },
  ]);
  const srv = 'srv:_http._tcp.shop';
  const pools = (more: Partial<ListedServer>) => [
    { name: 'shop', servers: [listed('api:80', more), listed(srv, more)] },
  ];
  const now = () => told.at(-1)!.servers.map(({ name, weight, backup }) => [name, weight, backup]);
  discovery.apply(pools({ weight: 3 }));
  await timers.turn(0);
  assert.deepEqual(now(), [
    ['10.0.0.1:80', 3, false],
    ['10.0.0.1:81', 7, false],
    ['10.0.0.1:82', 7, true],
  ]);
  hosts.set('api', 'hangs');
  services.delete('_http._tcp.shop');
  discovery.apply(pools({ weight: 5, name: 'n', backup: true }));
  await timers.turn(100);
  assert.deepEqual(now(), [
    ['n/10.0.0.1:80', 5, true],
    ['n/10.0.0.1:81', 7, true],
    ['n/10.0.0.1:82', 7, true],
  ]);
  discovery.apply(pools({ weight: 0 }));
  await timers.turn(100);
  assert.deepEqual(
    now().map(([, weight]) => weight),
    [0, 0, 0],
    'taken out',
  );
});

test('takes two names of one address for one server', async () => {
  const { discovery, timers, hosts, told } = discovering();
  hosts.set('a', { addresses: ['10.0.0.1'], ttlSeconds: null });
  hosts.set('b', { addresses: ['10.0.0.1'], ttlSeconds: null });
  discovery.apply([{ name: 'shop', servers: [listed('a:80', { weight: 2 }), listed('b:80')] }]);
  await timers.turn(0);
  assert.deepEqual(
    told[0]!.servers.map(({ address, weight }) => [address, weight]),
    [['10.0.0.1:80', 2]],
  );
});

test('keeps the addresses of a name that stays through a reload, while it asks again', async () => {
  const { discovery, timers, hosts, told, addresses } = discovering();
  hosts.set('api', { addresses: ['10.0.0.1'], ttlSeconds: null });
  discovery.apply([{ name: 'shop', servers: [listed('api:80')] }]);
  await timers.turn(0);
  hosts.set('api', 'hangs');
  discovery.apply([{ name: 'shop', servers: [listed('api:80'), listed('10.0.0.9:80')] }]);
  await timers.turn(0);
  assert.deepEqual(addresses(), ['10.0.0.1:80', '10.0.0.9:80']);
  assert.deepEqual([told[1]!.added, told[1]!.removed], [['10.0.0.9:80'], []]);
});

test('asks no more about a pool that is gone, nor after a stop', async () => {
  const { discovery, timers, hosts, asked } = discovering(1000);
  hosts.set('api', { addresses: ['10.0.0.1'], ttlSeconds: null });
  discovery.apply([{ name: 'shop', servers: [listed('api:80')] }]);
  await timers.turn(0);
  discovery.apply([]);
  await timers.turn(5000);
  assert.equal(asked.length, 1);
  discovery.apply([{ name: 'shop', servers: [listed('api:80')] }]);
  discovery.stop();
  await timers.turn(5000);
  assert.equal(asked.length, 2);
  assert.equal(timers.pending, 0);
});
