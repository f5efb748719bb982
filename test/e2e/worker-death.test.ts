// A worker that dies is started again; its clients are closed, everybody else's requests go on.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { freePlace, scratchDirectory } from '../support/addresses.js';
import { Child, descriptorCount } from '../support/child.js';
import { statusOf } from '../support/messages.js';
import { documentOf, MAIN, RunningProxy, use } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const preload = new URL('../support/dies-on-demand.mjs', import.meta.url).href;

/** Two workers whose threads die by a word in a file. Thread ids count from 1, in order of start. */
async function startMortal(server: string): Promise<{ proxy: RunningProxy; kill(thread: number, how: string): void }> {
  const directory = scratchDirectory();
  const place = freePlace();
  const deaths = join(directory, 'deaths');
  const config = join(directory, 'proxy.yaml');
  writeFileSync(deaths, '');
  writeFileSync(config, JSON.stringify(documentOf({ servers: [server] }, [place])));
  const child = new Child(process.execPath, [MAIN, 'run', '-c', config, '--workers', '2'], {
    NODE_OPTIONS: `--import=${preload}`,
    SEVENFOLD_DIES_FILE: deaths,
  });
  await child.until('line `sevenfold ready`', () => (/^sevenfold ready$/m.test(child.stdout) ? true : undefined));
  return {
    proxy: new RunningProxy(child, [place]),
    kill: (thread, how) => writeFileSync(deaths, `${thread} ${how}\n`),
  };
}

for (const how of ['throw', 'exit']) {
  test(`a worker that dies by ${how} is started again while the other one serves on`, async (t) => {
    const origin = await use(t, startAnswers());
    const { proxy, kill } = await startMortal(origin.address);
    const { process: child } = proxy;
    t.after(() => child.kill('SIGKILL'));
    const clients = await Promise.all(Array.from({ length: 20 }, () => WireClient.connect(proxy.place)));
    for (const client of clients) assert.equal(statusOf(await client.exchange(get())), 200);
    const descriptors = descriptorCount(proxy.pid);

    kill(1, how);
    await child.until('word about the death', () => (/worker/.test(child.stderr) ? true : undefined));
    // Twenty connections, shared evenly: ten die with their worker, ten serve on.
    await Promise.all(
      clients.map(async (client) => {
        client.forget();
        await client.send(get('/still'));
        await client.until('answer or end', () =>
          client.ended || client.received.includes('\r\n\r\n') ? true : undefined,
        );
      }),
    );
    assert.equal(clients.filter((client) => client.ended).length, 10);

    for (let i = 0; i < 50; i++) assert.equal(statusOf(await ask(proxy.place, get(`/new/${i}`))), 200);
    for (const deadline = Date.now() + 10_000; (await proxy.counters()).length < 2; ) {
      assert.ok(Date.now() < deadline, 'the dead worker was not replaced');
    }
    const fresh = await Promise.all(Array.from({ length: 20 }, () => WireClient.connect(proxy.place)));
    for (const client of fresh) assert.equal(statusOf(await client.exchange(get())), 200);
    const busy = (await proxy.counters()).filter((counters) => (counters.requests ?? 0) > 0);
    assert.equal(busy.length, 2, 'the new worker gets no connections');
    for (const client of [...clients, ...fresh]) client.close();
    await proxy.countersUntil('clients gone', (counters) => counters.clientConnections === 0);
    assert.ok(descriptorCount(proxy.pid) <= descriptors + 5, 'descriptors of the dead worker stay behind');

    child.kill('SIGTERM');
    assert.equal((await child.exited()).code, 0);
  });
}

test('a worker that dies again and again is started again and again', async (t) => {
  const origin = await use(t, startAnswers());
  const { proxy, kill } = await startMortal(origin.address);
  const { process: child } = proxy;
  t.after(() => child.kill('SIGKILL'));
  // Each new thread has the next id.
  for (const thread of [1, 2, 3, 4]) {
    const said = child.stderr.length;
    kill(thread, 'throw');
    await child.until('word about the death', () => (child.stderr.length > said ? true : undefined));
    for (let i = 0; i < 10; i++) assert.equal(statusOf(await ask(proxy.place, get(`/${thread}/${i}`))), 200);
  }
  child.kill('SIGTERM');
  assert.equal((await child.exited()).code, 0);
});
