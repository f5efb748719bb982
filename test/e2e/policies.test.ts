// Policies on one proxy: who may come in, how often, and with what; each by what a client and a server see of it.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { scratchDirectory } from '../support/addresses.js';
import { statusOf } from '../support/messages.js';
import { describeProduct, type ProxySpec, type RunningProxy, startProxy } from '../support/proxy.js';
import { askThrough, get, type Passed, WireClient } from '../support/wire-client.js';

const STRANGER = '127.0.0.9';
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

  const spec = (): ProxySpec => ({
    listeners: [
      { filters: [{ type: 'AllowDeny', allowDeny: { denyFiles: [blocked] } }] },
      {},
      { protocol: 'tcp', pool: 'main', filters: [{ type: 'AllowDeny', allowDeny: { deny: [STRANGER] } }] },
    ],
    routes: [
      {
        rules: [
          path('/office', { type: 'AllowDeny', allowDeny: { allow: ['127.0.0.1'], status: 404 } }),
          path('/open'),
        ],
      },
    ],
    pools: { main: { servers: [{ address: origin.address }] } },
    errorPages: [{ statuses: ['404'], body: '<p>nothing here</p>', contentType: 'text/html' }],
  });

  before(async () => {
    writeFileSync(blocked, `${STRANGER}\n`);
    origin = await startAnswers((_, visit) => void visit.socket.write(ok('fine')));
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
});
