// The lead of a drain: not ready any more, and still serving, until those in front have noticed. Asked as an image does.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { freePlace, scratchDirectory, written } from '../support/addresses.js';
import { Child, type Exit } from '../support/child.js';
import { statusOf } from '../support/messages.js';
import { askHttp } from '../support/metrics.js';
import { MAIN, standIn, use, useProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const LEAD_MS = 2500;

test('health turns to not ready first, connections are taken for the lead, then no more', {
  skip: standIn && 'only the product',
}, async (t) => {
  const socket = join(scratchDirectory(), 'admin.sock');
  const health = (...flags: string[]): Promise<Exit> =>
    new Child(process.execPath, [MAIN, 'health', ...flags], { SEVENFOLD_ADMIN: `unix:${socket}` }).exited();
  const origin = await use(t, startAnswers());
  assert.match((await health()).stderr, /no answer from unix:.*admin\.sock \(ENOENT\)/);
  const proxy = await useProxy(t, {
    servers: [origin.address],
    admin: { address: `unix:${socket}` },
    timeouts: { drainLead: `${LEAD_MS}ms`, drain: '5s' },
  });
  assert.deepEqual([(await health()).stdout, (await health('--live')).stdout], ['ready\n', 'alive\n']);

  const from = performance.now();
  proxy.process.kill('SIGTERM');
  await proxy.process.until('the drain', () =>
    /draining: new connections are taken for 2.5 s more/.test(proxy.process.stdout) ? true : undefined,
  );
  assert.equal(statusOf(await ask(proxy.place, get('/'))), 200);
  const { status, text } = await askHttp({ socketPath: socket }, '/readyz');
  assert.deepEqual([status, text], [503, 'draining\n']);
  assert.equal(statusOf(await ask(proxy.place, get('/'))), 200);
  assert.equal((await proxy.process.exited()).code, 0);
  assert.ok(performance.now() - from >= LEAD_MS);
  await assert.rejects(ask(proxy.place, get('/')), /ECONNREFUSED/);
});

test('health says why something is not ready, and ends with 1', async (t) => {
  const server = createServer((_, response) => response.writeHead(503).end('draining\n'));
  const place = freePlace();
  await new Promise<void>((resolve) => server.listen(place.port, place.host, resolve));
  t.after(() => server.close());
  const child = new Child(process.execPath, [MAIN, 'health', '--admin', written(place), '--timeout', '20']);
  const { code, stderr } = await child.exited();
  assert.equal(code, 1);
  assert.equal(stderr, `sevenfold health: not ready: ${written(place)}/readyz answers 503 (draining).\n`);
});
