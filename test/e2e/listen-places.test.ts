// Where listeners listen: places that overlap, changes of place by a reload, and IPv4 at an IPv6 address.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { scratchDirectory } from '../support/addresses.js';
import { Child } from '../support/child.js';
import { describeProduct, MAIN } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

/** A port that is free at every address. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '::');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Listeners by their hosts at one port, each with its name as the answer. */
function documentOf(port: number, listeners: readonly (string | { host: string; ipv6Only: boolean })[]): string {
  const all = listeners.map((each) => (typeof each === 'string' ? { host: each } : each));
  return JSON.stringify({
    listeners: all.map(({ host, ...more }, index) => ({ address: `${host}:${port}`, name: `l${index}`, ...more })),
    routes: all.map(({ host }, index) => ({
      listeners: [`l${index}`],
      rules: [{ filters: [{ type: 'DirectResponse', directResponse: { status: 200, body: host } }] }],
    })),
    pools: {},
  });
}

interface Running {
  readonly child: Child;
  /** The listener that takes a connection to this address, by its host. */
  at(host: string): Promise<string>;
  reload(...listeners: (string | { host: string; ipv6Only: boolean })[]): Promise<void>;
}

async function startAt(
  t: TestContext,
  port: number,
  accept: string,
  ...listeners: (string | { host: string; ipv6Only: boolean })[]
): Promise<Running> {
  const file = join(scratchDirectory(), 'proxy.yaml');
  writeFileSync(file, documentOf(port, listeners));
  const child = new Child(process.execPath, [MAIN, 'run', '-c', file, '--workers', '2', '--accept', accept]);
  t.after(async () => {
    child.kill('SIGTERM');
    assert.equal((await child.exited()).code, 0);
  });
  await child.until('sevenfold ready', () => (/^sevenfold ready$/m.test(child.stdout) ? true : undefined));
  return {
    child,
    at: async (host) => (await ask({ host, port }, get())).body,
    reload: async (...next) => {
      const from = child.stdout.length;
      writeFileSync(file, documentOf(port, next));
      child.kill('SIGHUP');
      await child.until('a reload', () => (/^reloaded /m.test(child.stdout.slice(from)) ? true : undefined));
    },
  };
}

describeProduct('places of listeners', () => {
  for (const accept of ['handoff', 'shared']) {
    test(`a reload goes from one address to all of them and back, and no connection is refused (${accept})`, async (t) => {
      const port = await freePort();
      const proxy = await startAt(t, port, accept, '127.0.0.1');
      let over = false;
      const load = (async () => {
        for (; !over; ) assert.match(await proxy.at('127.0.0.1'), /^(127.0.0.1|0.0.0.0|\[::\])$/);
      })();
      for (const hosts of [
        ['0.0.0.0'],
        ['127.0.0.1'],
        ['[::]'],
        ['127.0.0.1', '[::1]'],
        ['0.0.0.0', '[::]'],
        ['127.0.0.1'],
      ]) {
        await proxy.reload(...hosts);
        assert.equal(await proxy.at('127.0.0.1'), hosts[0]);
      }
      over = true;
      await load;
      assert.equal(proxy.child.stderr, '');
    });
  }

  test('one address beside all of them gets its own connections', async (t) => {
    const proxy = await startAt(t, await freePort(), 'handoff', '127.0.0.2', '0.0.0.0', '127.0.0.3');
    for (const [host, taker] of [
      ['127.0.0.1', '0.0.0.0'],
      ['127.0.0.2', '127.0.0.2'],
      ['127.0.0.3', '127.0.0.3'],
    ] as const)
      assert.equal(await proxy.at(host), taker);
  });

  test('0.0.0.0 and [::] listen side by side, in either order, and say who takes what', async (t) => {
    for (const hosts of [
      ['0.0.0.0', '[::]'],
      ['[::]', ''],
    ] as const) {
      const proxy = await startAt(t, await freePort(), 'handoff', ...hosts);
      assert.equal(
        await proxy.at('127.0.0.1'),
        hosts.find((host) => host !== '[::]'),
      );
      assert.equal(await proxy.at('::1'), '[::]');
      assert.match(proxy.child.stdout, /^listening on \[::\]:\d+ \(http, IPv6 only\)$/m);
    }
  });

  test('[::] alone takes IPv4 as well, unless it is to take IPv6 only', async (t) => {
    const proxy = await startAt(t, await freePort(), 'handoff', '[::]');
    assert.match(proxy.child.stdout, /^listening on \[::\]:\d+ \(http, IPv6 and IPv4\)$/m);
    assert.equal(await proxy.at('127.0.0.1'), '[::]');
    assert.equal(await proxy.at('::1'), '[::]');
    await proxy.reload({ host: '[::]', ipv6Only: true });
    await assert.rejects(proxy.at('127.0.0.1'));
    assert.equal(await proxy.at('::1'), '[::]');
    await proxy.reload('[::]', '0.0.0.0');
    assert.equal(await proxy.at('127.0.0.1'), '0.0.0.0');
    assert.equal(await proxy.at('::1'), '[::]');
    await proxy.reload({ host: '[::]', ipv6Only: false });
    assert.equal(await proxy.at('127.0.0.1'), '[::]');
  });

  test('what another process has is refused, at the start and by a reload, and a second start cannot join in', async (t) => {
    const other = createServer().listen(0, '127.0.0.2');
    await once(other, 'listening');
    t.after(() => other.close());
    const { port } = other.address() as AddressInfo;
    const proxy = await startAt(t, port, 'handoff', '127.0.0.1');
    const file = join(scratchDirectory(), 'second.yaml');
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      writeFileSync(file, documentOf(port, [host]));
      const exit = await new Child(process.execPath, [MAIN, 'run', '-c', file]).exited();
      assert.equal(exit.code, 2);
      assert.match(exit.stderr, /the address is in use/);
    }
    await assert.rejects(
      Promise.race([
        proxy.reload('0.0.0.0'),
        proxy.child
          .until('the refusal', () => (/was not reloaded/.test(proxy.child.stderr) ? true : undefined))
          .then(() => {
            throw new Error('refused');
          }),
      ]),
      /refused/,
    );
    assert.equal(await proxy.at('127.0.0.1'), '127.0.0.1');
  });
});
