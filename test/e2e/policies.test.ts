// Policies on one proxy: who may come in, how often, and with what; each by what a client and a server see of it.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin, type Visit } from '../origins/raw.js';
import { scratchDirectory } from '../support/addresses.js';
import { fieldValue, fieldValues, statusOf } from '../support/messages.js';
import { describeProduct, type ProxySpec, type RunningProxy, startProxy } from '../support/proxy.js';
import { askThrough, get, type Passed, WireClient } from '../support/wire-client.js';

const STRANGER = '127.0.0.9';
const limit = (rateLimit: object): object => ({ type: 'RateLimit', rateLimit });
const fault = (faultInjection: object): object => ({ type: 'FaultInjection', faultInjection });
const path = (value: string, ...filters: object[]): object => ({
  matches: [{ path: { value } }],
  filters,
  pool: 'main',
});

describeProduct('policies', () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;
  const directory = scratchDirectory();
  const blocked = join(directory, 'blocked.txt');
  /** Requests that their server has not answered. */
  const held: Visit[] = [];

  const spec = (): ProxySpec => ({
    listeners: [
      { filters: [{ type: 'AllowDeny', allowDeny: { denyFiles: [blocked] } }] },
      {},
      { protocol: 'tcp', pool: 'main', filters: [{ type: 'AllowDeny', allowDeny: { deny: [STRANGER] } }] },
      { filters: [{ type: 'ConnectionLimit', connectionLimit: { connections: 2 } }] },
      { protocol: 'tcp', pool: 'main', filters: [{ type: 'ConnectionLimit', connectionLimit: { connections: 2 } }] },
    ],
    routes: [
      {
        rules: [
          path('/office', { type: 'AllowDeny', allowDeny: { allow: ['127.0.0.1'], status: 404 } }),
          path('/open'),
          path('/rate', limit({ rate: '2/h', burst: 2, key: ['header:X-Api-Key'], fields: true })),
          path('/both', limit({ rate: '2/h', burst: 2 }), limit({ rate: '1/h', key: ['query:user'] })),
          path('/trial', limit({ rate: '1/h', dryRun: true })),
          path('/careful', {
            type: 'SecurityHeaders',
            securityHeaders: { frameOptions: 'off', permissionsPolicy: 'camera=()' },
          }),
          path('/closed', { type: 'Maintenance', maintenance: { retryAfter: '10m', except: [STRANGER] } }),
          path('/faulty', fault({ abort: { status: 418 } })),
          path('/slow', fault({ delay: { time: '50ms' }, abort: { status: 500, percent: 0 }, delaysMax: 1 })),
          path('/held', { type: 'ConcurrencyLimit', concurrencyLimit: { requests: 1, key: ['query:key'] } }),
        ],
      },
    ],
    pools: { main: { servers: [{ address: origin.address }] } },
    args: ['--workers', '2'],
    errorPages: [{ statuses: ['404'], body: '<p>nothing here</p>', contentType: 'text/html' }],
  });

  before(async () => {
    writeFileSync(blocked, `${STRANGER}\n`);
    origin = await startAnswers((request, visit) => {
      if (request.startLine.includes('hold')) held.push(visit);
      else visit.socket.write(ok('fine', 'X-Frame-Options: server', 'Referrer-Policy: unsafe-url'));
    });
    proxy = await startProxy(spec());
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  const through = (request: string, nth = 1, localAddress = '127.0.0.1'): Promise<Passed> =>
    askThrough(origin, proxy.listeners[nth]!, request, { localAddress });

  test('AllowDeny refuses by the address, with the status and the error page that are set', async () => {
    assert.equal(statusOf((await through(get('/office'))).response), 200);
    const { request, response } = await through(get('/office'), 1, STRANGER);
    assert.equal(request, undefined, 'no server saw it');
    assert.equal(statusOf(response), 404);
    assert.equal(response.body, '<p>nothing here</p>');
    assert.equal(await proxy.reasonCount('CLIENT_DENIED'), 1);
  });

  test('AllowDeny of a listener guards all that is behind it, also where no rule is', async () => {
    for (const target of ['/open', '/nothing']) {
      const { request, response } = await through(get(target), 0, STRANGER);
      assert.deepEqual([request, statusOf(response)], [undefined, 403], target);
      assert.match(response.body, /the address of the client is not allowed here \(CLIENT_DENIED, /);
    }
    assert.equal(statusOf((await through(get('/open'), 0)).response), 200);
    assert.equal(statusOf((await through(get('/nothing'), 0)).response), 404);
  });

  test('a list in a file is read again with a reload', async () => {
    writeFileSync(blocked, '# none\n');
    await proxy.reload(spec());
    assert.equal(statusOf((await through(get('/open'), 0, STRANGER)).response), 200);
  });

  test('AllowDeny closes connections of a raw listener, before a server sees them', async () => {
    const connections = origin.accepted;
    const client = await WireClient.connect(proxy.listeners[2]!, { localAddress: STRANGER });
    await client.send(get());
    await client.until('the end', () => (client.ended ? true : undefined));
    assert.equal(client.received, '');
    assert.equal(origin.accepted, connections);
    assert.equal(statusOf((await through(get(), 2)).response), 200);
  });

  const statuses = async (requests: readonly string[]): Promise<number[]> =>
    Promise.all(requests.map(async (request) => statusOf((await through(request)).response)));
  const count = (all: readonly number[], status: number): number => all.filter((each) => each === status).length;

  test('RateLimit lets the burst pass, over all workers together, then says when to come again', async () => {
    const all = await statuses(Array.from({ length: 20 }, () => get('/rate', 'X-Api-Key: a')));
    assert.deepEqual([count(all, 200), count(all, 429)], [2, 18]);
    const { request, response } = await through(get('/rate', 'X-Api-Key: a'));
    assert.equal(request, undefined);
    assert.match(response.body, /requests come more often than allowed \(RATE_LIMITED, /);
    const seconds = Number(fieldValue(response, 'retry-after'));
    assert.ok(seconds > 1790 && seconds <= 1800, `Retry-After: ${seconds}`);
    assert.equal(fieldValue(response, 'ratelimit-policy'), '"default";q=2;w=3600');
    assert.match(fieldValue(response, 'ratelimit')!, /^"default";r=0;t=3[56]\d\d$/);
    const other = await through(get('/rate', 'X-Api-Key: b'));
    assert.match(fieldValue(other.response, 'ratelimit')!, /^"default";r=1;t=1800$/);
  });

  test('RateLimit refuses before a body is read', async () => {
    const client = await WireClient.connect(proxy.listeners[1]!);
    await client.send('POST /rate HTTP/1.1\r\nHost: a.example\r\nX-Api-Key: a\r\nContent-Length: 1000000\r\n\r\n');
    assert.equal(statusOf(await client.response('POST')), 429);
    client.close();
  });

  test('a request that one limit refuses is counted by none', async () => {
    const inTurn: number[] = [];
    for (const user of ['a', 'a', 'a', 'b', 'c']) inTurn.push(...(await statuses([get(`/both?user=${user}`)])));
    assert.deepEqual(inTurn, [200, 429, 429, 200, 429]);
  });

  test('RateLimit as a trial refuses nothing, and counts what it would', async () => {
    const all = await statuses(Array.from({ length: 5 }, () => get('/trial')));
    assert.equal(count(all, 200), 5);
    const counters = await proxy.counters();
    const dry = counters.reduce((sum, { policies }) => sum + (policies['RateLimit.dryRun'] ?? 0), 0);
    assert.equal(dry, 4);
  });

  test('counts stay over a reload that changes something else', async () => {
    await proxy.reload({ ...spec(), timeouts: { idle: '70s' } });
    assert.deepEqual(await statuses([get('/rate', 'X-Api-Key: a')]), [429]);
  });

  test('ConcurrencyLimit gives its place back once, however a request ends', async () => {
    let key = 0;
    const ends: Record<string, (client: WireClient, visit: Visit) => Promise<unknown>> = {
      'an answer': async (client, { socket }) => {
        socket.write(ok('late'));
        await client.response();
      },
      'a client that leaves': async (client, { socket }) => {
        const closed = new Promise((resolve) => socket.once('close', resolve));
        client.reset();
        await closed;
      },
      'a server that leaves': async (client, { socket }) => {
        socket.destroy();
        await client.response();
      },
      'half an answer': async (client, { socket }) => {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
        await client.until('the end', () => (client.ended ? true : undefined));
      },
    };
    for (const [name, end] of Object.entries(ends)) {
      key++;
      held.length = 0;
      const hold = async (): Promise<WireClient> => {
        const client = await WireClient.connect(proxy.listeners[1]!);
        const before = held.length;
        // No retry after a failure.
        await client.send(`POST /held?key=${key}&hold HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n`);
        await origin.until('a request that is held', () => held.length > before);
        return client;
      };
      const client = await hold();
      const refused = await through(get(`/held?key=${key}`));
      assert.deepEqual([statusOf(refused.response), fieldValue(refused.response, 'retry-after')], [429, '1'], name);
      assert.deepEqual(await statuses([get(`/held?key=${key}other`)]), [200], name);
      await end(client, held[0]!);
      client.close();
      const second = await hold();
      assert.deepEqual(await statuses([get(`/held?key=${key}`)]), [429], `after ${name} one may come`);
      held.at(-1)!.socket.write(ok('done'));
      await second.response();
      second.close();
      assert.deepEqual(await statuses([get(`/held?key=${key}`)]), [200], name);
    }
    assert.equal(await proxy.reasonCount('CONCURRENCY_LIMITED'), 2 * Object.keys(ends).length);
  });

  test('SecurityHeaders replaces what the server says, and leaves what is off to it', async () => {
    const { response } = await through(get('/careful'));
    const fields = ['x-content-type-options', 'x-frame-options', 'referrer-policy', 'permissions-policy'];
    assert.deepEqual(
      fields.map((name) => fieldValues(response, name)),
      [['nosniff'], ['server'], ['strict-origin-when-cross-origin'], ['camera=()']],
    );
  });

  test('Maintenance answers 503 with the time to come again, but lets friends through', async () => {
    const { request, response } = await through(get('/closed'));
    assert.deepEqual([request, statusOf(response)], [undefined, 503]);
    assert.deepEqual(fieldValues(response, 'retry-after'), ['600']);
    assert.equal(statusOf((await through(get('/closed'), 1, STRANGER)).response), 200);
  });

  test('FaultInjection answers, holds up, and holds up no more than it may', async () => {
    const { request, response } = await through(get('/faulty'));
    assert.deepEqual([request, statusOf(response)], [undefined, 418]);
    assert.match(response.body, /FAULT_INJECTED/);
    const all = await statuses(Array.from({ length: 5 }, () => get('/slow')));
    assert.equal(count(all, 200), 5);
    const counters = await proxy.counters();
    const counted = (name: string): number => counters.reduce((sum, { policies }) => sum + (policies[name] ?? 0), 0);
    assert.equal(counted('FaultInjection.aborted'), 1);
    assert.equal(counted('FaultInjection.delayed') + counted('FaultInjection.overMax'), 5);
    assert.ok(counted('FaultInjection.delayed') >= 1);
    const client = await WireClient.connect(proxy.listeners[1]!);
    await client.send(get('/slow'));
    client.reset();
    assert.deepEqual(await statuses([get('/slow')]), [200], 'a client that left is held up no more');
  });

  test('ConnectionLimit closes what is too much of one address, over all workers, and gives places back', async () => {
    for (const [index, protocol] of [
      [3, 'http'],
      [4, 'tcp'],
    ] as const) {
      const place = proxy.listeners[index]!;
      const open = async (localAddress = '127.0.0.1'): Promise<WireClient> => {
        const client = await WireClient.connect(place, { localAddress });
        await client.send(get('/open'));
        await client.until(
          'a response, or the end',
          () => client.received.includes('fine') || client.ended || undefined,
        );
        return client;
      };
      const first = [await open(), await open()];
      const third = await open();
      const other = await open(STRANGER);
      assert.deepEqual(
        [...first, third, other].map(({ received }) => received.includes('fine')),
        [true, true, false, true],
        protocol,
      );
      first[0]!.close();
      first[1]!.reset();
      for (const client of [third, other]) client.close();
      await proxy.heldNothing();
      const again = [await open(), await open(), await open()];
      assert.deepEqual(
        again.map(({ received }) => received.includes('fine')),
        [true, true, false],
        protocol,
      );
      for (const client of again) client.close();
      await proxy.heldNothing();
    }
    assert.equal(await proxy.reasonCount('CONNECTION_LIMITED'), 4);
  });
});
