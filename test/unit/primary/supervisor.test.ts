// Workers that die, by a thrown error or by process.exit, under a running proxy: they come back, the others serve on,
// and what they had counted is taken back. Draining, and the way out of it.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { start as startAnswers } from '../../origins/answers.js';
import { start as startNeverAnswers } from '../../origins/never-answers.js';
import { ok, serveRequests } from '../../origins/raw.js';
import { freePlace, scratchDirectory } from '../../support/addresses.js';
import { Child } from '../../support/child.js';
import { fieldValue, statusOf } from '../../support/messages.js';
import { documentOf, MAIN, RunningProxy, use } from '../../support/proxy.js';
import { ask, get, WireClient } from '../../support/wire-client.js';

const MORTAL = fileURLToPath(new URL('./mortal.mjs', import.meta.url));

interface Cleanup {
  after(what: () => Promise<unknown>): void;
}

/** A proxy whose workers die when told by a signal (mortal.mjs). Killed at the end, if it still runs. */
async function useMortal(
  t: Cleanup,
  servers: readonly string[],
  workers: number,
  ...more: string[]
): Promise<RunningProxy> {
  const place = freePlace();
  const file = join(scratchDirectory(), 'proxy.yaml');
  const pools = { main: { balance: 'least-requests', servers: servers.map((address) => ({ address })) } };
  writeFileSync(file, JSON.stringify(documentOf({ pools }, [place])));
  const args = [MAIN, 'run', '-c', file, '--workers', String(workers), ...more];
  const child = new Child(process.execPath, args, { NODE_OPTIONS: `--import=${MORTAL}` });
  t.after(async () => {
    if (child.exit === undefined) child.kill('SIGKILL');
    await child.exited();
  });
  await child.until('line `sevenfold ready`', () => (/^sevenfold ready$/m.test(child.stdout) ? true : undefined));
  return new RunningProxy(child, [place]);
}

const deathsOf = (proxy: RunningProxy): number =>
  proxy.process.stderr.match(/^sevenfold: worker \d+ died /gm)?.length ?? 0;

/** Waits for the primary to have told of `count` deaths. */
const deaths = (proxy: RunningProxy, count: number): Promise<true> =>
  proxy.process.until(`${count} deaths`, () => (deathsOf(proxy) >= count ? true : undefined));

for (const [how, signal] of [
  ['throws', 'SIGCONT'],
  ['calls process.exit', 'SIGWINCH'],
] as const) {
  for (const accept of ['handoff', 'shared']) {
    test(`a worker that ${how} is started again, and the other serves on (${accept} accept)`, async (t) => {
      const origin = await use(t, startAnswers());
      const proxy = await useMortal(t, [origin.address], 2, '--accept', accept);
      // Connections until both workers have one.
      const clients: WireClient[] = [];
      const bothHave = async (): Promise<boolean> =>
        (await proxy.counters()).every((one) => one.clientConnections! > 0);
      do {
        const client = await WireClient.connect(proxy.place);
        assert.equal(statusOf(await client.exchange(get('/first'))), 200);
        clients.push(client);
      } while (!(await bothHave()));

      proxy.process.kill(signal);
      await deaths(proxy, 1);
      const survivors = [];
      for (const client of clients) {
        // A connection of the dead worker ends; one of the other answers as ever.
        await client.send(get('/second'));
        await client.until('an end or an answer', () =>
          client.ended || client.received.includes('/second') ? true : undefined,
        );
        if (!client.ended) survivors.push(client);
      }
      assert.ok(
        survivors.length > 0 && survivors.length < clients.length,
        `${survivors.length} of ${clients.length} live`,
      );
      assert.equal(statusOf(await ask(proxy.place, get('/third'))), 200);

      // Two workers again, each with a report of its own, and the new one takes connections.
      await proxy.process.until('two workers', () => (deathsOf(proxy) === 1 ? true : undefined));
      for (let count = 0; count < 2; ) count = (await proxy.counters()).length;
      do {
        clients.push(await WireClient.connect(proxy.place));
        assert.equal(statusOf(await clients.at(-1)!.exchange(get('/fourth'))), 200);
      } while (!(await bothHave()));
      for (const client of clients) client.close();
      proxy.process.kill('SIGTERM');
      assert.equal((await proxy.process.exited()).code, 0);
    });
  }
}

test('what a dead worker had in flight is taken back: its servers get requests again', async (t) => {
  const stuck = await use(t, startNeverAnswers());
  const quick = await use(t, startAnswers());
  const proxy = await useMortal(t, [stuck.address, quick.address], 1);
  const clients: WireClient[] = [];
  t.after(async () => {
    for (const client of clients) client.close();
  });
  /** Sends requests, one at a time, until the stuck server has `count` of them; gives up after `tries`. */
  const untilStuckHas = async (count: number, tries: number): Promise<boolean> => {
    for (let i = 0; i < tries && stuck.requests.length < count; i++) {
      const client = await WireClient.connect(proxy.place);
      clients.push(client);
      const before = quick.requests.length;
      await client.send(get(`/${count}/${i}`));
      await Promise.race([
        stuck.until('a request', ({ requests }) => requests.length >= count, 5_000),
        quick.until('a request', ({ requests }) => requests.length > before, 5_000),
      ]);
      if (stuck.requests.length < count)
        await client.until('an answer', () => (client.received.includes('200') ? true : undefined));
    }
    return stuck.requests.length >= count;
  };
  assert.ok(await untilStuckHas(1, 30), 'the stuck server gets its first request');
  // One in flight there, none at the other: whoever has fewer is chosen.
  assert.equal(await untilStuckHas(2, 10), false, 'the stuck server gets no second one meanwhile');
  proxy.process.kill('SIGCONT');
  await deaths(proxy, 1);
  assert.ok(await untilStuckHas(2, 30), 'the stuck server gets requests again');
});

test('gives up with exit code 1 when workers die again and again within a minute', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useMortal(t, [origin.address], 1);
  proxy.process.kill('SIGURG');
  const exit = await proxy.process.exited(60_000);
  assert.equal(exit.code, 1);
  assert.match(exit.stderr, /^sevenfold: workers keep dying \(as it was told\); giving up$/m);
  assert.equal(deathsOf(proxy), 21);
});

describe('drain', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} lets a request finish, says close, accepts nothing more, and ends with code 0`, async (t) => {
      const held: (() => void)[] = [];
      const origin = await use(
        t,
        serveRequests((_, visit) => {
          held.push(() => visit.socket.write(ok('late')));
        }),
      );
      const proxy = await useMortal(t, [origin.address], 2);
      const idle = await WireClient.connect(proxy.place);
      const client = await WireClient.connect(proxy.place);
      await client.send(get('/slow'));
      await origin.until('the request', ({ requests }) => requests.length === 1);
      proxy.process.kill(signal);
      await idle.closed();
      await assert.rejects(WireClient.connect(proxy.place), { code: 'ECONNREFUSED' });
      assert.equal(proxy.process.exit, undefined);
      held[0]!();
      const answer = await client.response();
      assert.equal(statusOf(answer), 200);
      assert.equal(fieldValue(answer, 'connection'), 'close');
      await client.closed();
      assert.equal((await proxy.process.exited()).code, 0);
    });

    test(`a second ${signal} ends at once, with code 1`, async (t) => {
      const origin = await use(t, startNeverAnswers());
      const proxy = await useMortal(t, [origin.address], 1);
      const idle = await WireClient.connect(proxy.place);
      const client = await WireClient.connect(proxy.place);
      await client.send(get('/for-ever'));
      await origin.until('the request', ({ requests }) => requests.length === 1);
      proxy.process.kill(signal);
      await idle.closed();
      assert.equal(proxy.process.exit, undefined);
      proxy.process.kill(signal);
      assert.equal((await proxy.process.exited()).code, 1);
    });
  }
});
