// Signals at the wrong moment: several at once, during a reload, during a drain, and before the service is ready.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { freePlace, type Place, scratchDirectory, written } from '../support/addresses.js';
import { Child } from '../support/child.js';
import { describeProduct, MAIN, startProxy, use } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

/** A configuration that answers everything with `body`. */
const answering = (place: Place, body: string): object => ({
  listeners: [{ address: written(place) }],
  routes: [{ rules: [{ filters: [{ type: 'DirectResponse', directResponse: { status: 200, body } }] }] }],
  pools: {},
});

/** Puts a file in the place of another at once, so that no half of it is read. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.next`, text);
  renameSync(`${file}.next`, file);
}

async function startIn(t: TestContext, file: string): Promise<Child> {
  const child = new Child(process.execPath, [MAIN, 'run', '-c', file, '--workers', '1']);
  t.after(async () => {
    if (child.exit === undefined) child.kill('SIGKILL');
    await child.exited();
  });
  return child;
}

const ready = (child: Child): Promise<true> =>
  child.until('sevenfold ready', () => (/^sevenfold ready$/m.test(child.stdout) ? true : undefined));

/** Waits until the process handles a signal, by its number. */
async function handles(pid: number, signal: number): Promise<void> {
  const bit = 1n << BigInt(signal - 1);
  for (;;) {
    const [, caught] = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))!;
    if ((BigInt(`0x${caught}`) & bit) !== 0n) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describeProduct('signals', () => {
  for (const [name, signals] of Object.entries({
    'SIGTERM, then SIGHUP': ['SIGTERM', 'SIGHUP'],
    'SIGHUP, then SIGTERM': ['SIGHUP', 'SIGTERM'],
    'SIGHUP on both sides of SIGTERM': ['SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGHUP', 'SIGHUP'],
    'SIGUSR2 around SIGTERM': ['SIGUSR2', 'SIGTERM', 'SIGUSR2'],
  } as const)) {
    test(`a drain is final: ${name}`, async (t) => {
      const origin = await use(t, startAnswers());
      for (let round = 0; round < 3; round++) {
        const proxy = await startProxy({ servers: [origin.address], args: ['--workers', '2'] });
        const client = await WireClient.connect(proxy.place);
        await client.exchange(get());
        for (const signal of signals) proxy.process.kill(signal);
        const exit = await proxy.process.exited(8000);
        assert.deepEqual([exit.code, exit.signal, exit.stderr], [0, null, '']);
        assert.match(exit.stdout, /^drained in [\d.]+ s: every connection has ended$/m);
        await assert.rejects(WireClient.connect(proxy.place));
        client.close();
      }
    });
  }

  test('a drain does not wait for a reload whose module does not end', async (t) => {
    const place = freePlace();
    const file = join(scratchDirectory(), 'config.mjs');
    replace(file, `export default ${JSON.stringify(answering(place, 'old'))}`);
    const child = await startIn(t, file);
    await ready(child);
    replace(file, `await new Promise((resolve) => setTimeout(resolve, 60_000)); export default {}`);
    child.kill('SIGHUP');
    child.kill('SIGTERM');
    assert.equal((await child.exited(8000)).code, 0);
  });

  test('the newest file wins, however many reloads are asked for at once', async (t) => {
    const place = freePlace();
    const file = join(scratchDirectory(), 'proxy.yaml');
    const body = async (): Promise<string> => (await ask(place, get())).body;
    replace(file, JSON.stringify(answering(place, 'first')));
    const child = await startIn(t, file);
    await ready(child);
    for (let round = 0; round < 20; round++) {
      const reloads = (): number => child.stdout.match(/^reloaded /gm)?.length ?? 0;
      const before = reloads();
      for (let i = 0; i < 3; i++) {
        replace(file, JSON.stringify(answering(place, `${round}.${i}`)));
        child.kill('SIGHUP');
        await new Promise((resolve) => setTimeout(resolve, 2 * i));
      }
      // The first reads before the last write, or after it; the one that follows it surely after.
      await child.until('reloads', () => (reloads() > before ? true : undefined));
      const until = Date.now() + 15_000;
      while ((await body()) !== `${round}.2` && Date.now() < until);
      assert.equal(await body(), `${round}.2`);
      // A late one must not bring an older file back.
      child.kill('SIGHUP');
      const settled = reloads();
      await child.until('one more', () => (reloads() > settled ? true : undefined));
      assert.equal(await body(), `${round}.2`);
    }
  });

  test('the newest module wins over one that was slow', async (t) => {
    const place = freePlace();
    const file = join(scratchDirectory(), 'config.mjs');
    const begun = join(scratchDirectory(), 'begun');
    const module = (body: string, ms: number): string =>
      `import { writeFileSync } from 'node:fs';
      writeFileSync(${JSON.stringify(begun)}, ${JSON.stringify(body)});
      await new Promise((resolve) => setTimeout(resolve, ${ms}));
      export default ${JSON.stringify(answering(place, body))}`;
    replace(file, module('first', 0));
    const child = await startIn(t, file);
    await ready(child);
    replace(file, module('slow', 700));
    child.kill('SIGHUP');
    while (readFileSync(begun, 'utf8') !== 'slow') await new Promise((resolve) => setTimeout(resolve, 5));
    replace(file, module('newest', 0));
    child.kill('SIGHUP');
    await child.until('both reloads', () => (child.stdout.match(/^reloaded /gm)?.length === 2 ? true : undefined));
    assert.equal((await ask(place, get())).body, 'newest');
  });
});

describeProduct('signals before the service is ready', () => {
  /** A configuration whose start waits for names that no server answers. */
  async function slowStart(t: TestContext): Promise<{ file: string; place: Place }> {
    const silent = createSocket('udp4');
    silent.bind(0, '127.0.0.1');
    await once(silent, 'listening');
    t.after(() => silent.close());
    const place = freePlace();
    const file = join(scratchDirectory(), 'proxy.yaml');
    const document = {
      ...answering(place, 'first'),
      nameservers: [`127.0.0.1:${silent.address().port}`],
      pools: { slow: { servers: [{ address: 'slow.example:80' }] } },
    };
    replace(file, JSON.stringify(document));
    return { file, place };
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} ends it cleanly, without waiting`, async (t) => {
      const { file, place } = await slowStart(t);
      const child = await startIn(t, file);
      await handles(child.pid, 1);
      assert.equal(child.stdout, '');
      child.kill(signal);
      const exit = await child.exited(4000);
      assert.deepEqual([exit.code, exit.signal, exit.stderr], [0, null, '']);
      assert.match(exit.stdout, /^ended before it was ready$/m);
      await assert.rejects(WireClient.connect(place));
    });
  }

  test('SIGHUP and SIGUSR2 are done once it is ready', async (t) => {
    const place = freePlace();
    const directory = scratchDirectory();
    const [file, begun, gate] = ['config.mjs', 'begun', 'gate'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    replace(
      file,
      `import { existsSync, writeFileSync } from 'node:fs';
      writeFileSync(${JSON.stringify(begun)}, '');
      while (!existsSync(${JSON.stringify(gate)})) await new Promise((resolve) => setTimeout(resolve, 5));
      export default ${JSON.stringify(answering(place, 'first'))}`,
    );
    const child = await startIn(t, file);
    await handles(child.pid, 1);
    while (!existsSync(begun)) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(child.stdout, '');
    child.kill('SIGUSR2');
    child.kill('SIGHUP');
    replace(file, `export default ${JSON.stringify(answering(place, 'second'))}`);
    writeFileSync(gate, '');
    await ready(child);
    await child.until('the report', () => (/^\{"engine":/m.test(child.stdout) ? true : undefined));
    await child.until('the reload', () => (/^reloaded /m.test(child.stdout) ? true : undefined));
    assert.equal((await ask(place, get())).body, 'second');
    child.kill('SIGTERM');
    assert.equal((await child.exited()).code, 0);
  });

  const unshare = ['--pid', '--fork', '--mount-proc', '--kill-child'];
  const noNamespaces = spawnSync('unshare', [...unshare, 'true']).status !== 0;
  test('SIGTERM ends process 1 of a container, before and after', {
    skip: noNamespaces && 'no namespaces here',
  }, async (t) => {
    for (const when of ['early', 'ready'] as const) {
      const { file, place } = await slowStart(t);
      if (when === 'ready') replace(file, JSON.stringify(answering(place, 'x')));
      const child = new Child('unshare', [...unshare, process.execPath, MAIN, 'run', '-c', file, '--workers', '1']);
      t.after(() => child.kill('SIGKILL'));
      const inner = await child.until('process 1', () => childOf(child.pid));
      if (when === 'early') await handles(inner, 1);
      else await ready(child);
      process.kill(inner, 'SIGTERM');
      assert.equal((await child.exited(8000)).code, 0, when);
    }
  });
});

/** The one child of a process, once there is one. */
function childOf(pid: number): number | undefined {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return text === '' ? undefined : Number(text);
}
