// A client that is limited spells its key in other ways, leaves it out, doubles it, or floods the table with keys.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const limited = (value: string, ...key: string[]): object => ({
  matches: [{ path: { value } }],
  filters: [{ type: 'RateLimit', rateLimit: { rate: '1/h', key } }],
  pool: 'main',
});

const FLOOD = 3000;

describeProduct('evading a limit', () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;
  before(async () => {
    origin = await startAnswers((_, visit) => void visit.socket.write(ok('fine')));
    proxy = await startProxy({
      routes: [
        {
          rules: [
            limited('/header', 'header:X-Api-Key'),
            limited('/cookie', 'cookie:id'),
            limited('/query', 'query:id'),
            limited('/host', 'host'),
            limited('/element', 'pathElement:2'),
            limited('/path', 'path'),
          ],
        },
      ],
      pools: { main: { servers: [{ address: origin.address }] } },
      limits: { rateKeysMax: 1024 },
    });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  const status = async (path: string, ...lines: string[]): Promise<number> =>
    statusOf(await ask(proxy.place, get(path, ...lines)));

  test('another spelling is the same key', async () => {
    const spellings: [string, ...string[]][][] = [
      [
        ['/header', 'X-Api-Key: a'],
        ['/header', 'x-api-KEY:   a  '],
      ],
      [
        ['/cookie', 'Cookie: id=a'],
        ['/cookie', 'Cookie: x=y; id = a ;z'],
        ['/cookie', 'Cookie: x=y', 'Cookie: id=a'],
      ],
      [['/query?id=a'], ['/query?i%64=%61&x']],
      [
        ['/host', 'Host: shop.example'],
        ['/host', 'Host: SHOP.example:80'],
      ],
      [['/element/a'], ['/element//%61/b'], ['/element/x/../a?q']],
      [['/path/a'], ['//path/./%61?q=1']],
    ];
    for (const [first, ...others] of spellings) {
      assert.equal(await status(...first!), 200, first!.join());
      for (const other of others) assert.equal(await status(...other), 429, other.join());
    }
  });

  test('without a key, or with two, all are one', async () => {
    assert.equal(await status('/header'), 200);
    assert.equal(await status('/header', 'X-Api-Key: x', 'X-Api-Key: y'), 429);
    assert.equal(await status('/header', 'X-Api-Key: '), 429, 'an empty one');
    assert.equal(await status('/cookie'), 200);
    assert.equal(await status('/cookie', 'Cookie: id=1; id=2'), 429);
    assert.equal(await status('/cookie', 'Cookie: id=1', 'Cookie: id=2'), 429);
    assert.equal(await status('/query'), 200);
    assert.equal(await status('/query?id=1&id=2'), 429);
  });

  test('a flood of keys is counted, and takes no memory', async () => {
    const client = await WireClient.connect(proxy.place);
    const last = (i: number): string[] => (i === FLOOD - 1 ? ['Connection: close'] : []);
    const requests = Array.from({ length: FLOOD }, (_, i) => get('/header', `X-Api-Key: flood-${i}`, ...last(i)));
    await client.send(requests.join(''));
    await client.closed();
    assert.equal(client.received.split('HTTP/1.1 200 OK').length - 1, FLOOD);
    client.close();
    const [counters] = await proxy.counters();
    assert.ok(counters!.rateKeysEvicted >= FLOOD - 1024, `${counters!.rateKeysEvicted} forgotten`);
  });
});
