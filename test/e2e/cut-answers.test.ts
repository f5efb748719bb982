// An answer that was cut must not look whole: whenever bytes for a client are dropped, it sees a reset.
// HTTP/1.0 matters most: there the end of the connection is the end of the answer, and nothing else tells.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listenRaw, type RawOrigin, serveRequests } from '../origins/raw.js';
import { freePlace, scratchDirectory } from '../support/addresses.js';
import { Child } from '../support/child.js';
import { reset } from '../support/endings.js';
import { documentOf, MAIN, RunningProxy, use, useProxy } from '../support/proxy.js';
import { WireClient } from '../support/wire-client.js';

const BYTE = 'y';

/** Answers `/n` with n bytes. */
const startSized = (): Promise<RawOrigin> =>
  serveRequests((request, visit) => {
    const bytes = Number(request.startLine.split(' ')[1]!.slice(1));
    visit.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${BYTE.repeat(bytes)}`);
  });

// Around the size at which the buffers of the kernel are full some answers end with their last piece still queued here.
const SIZES = Array.from({ length: 48 }, (_, i) => 2_300_000 + i * 50_000);

for (const [version, timeouts] of [
  ['HTTP/1.1', { idle: '1s', responseIdle: '1s' }],
  ['HTTP/1.0', { responseIdle: '1s' }],
] as const) {
  test(`an answer over ${version} whose client reads nothing in time is whole, or ends in a reset`, async (t) => {
    const origin = await use(t, startSized());
    const proxy = await useProxy(t, { servers: [origin.address], timeouts });
    const clients = await Promise.all(
      SIZES.map(async (size) => {
        const client = await WireClient.connect(proxy.place, { halfOpen: true });
        client.socket.pause();
        await client.send(`GET /${size} ${version}\r\nHost: a\r\n\r\n`);
        return { client, size };
      }),
    );
    // The proxy gives up those that do not read; those whose whole answer fitted into the kernel it can forget too.
    await proxy.countersUntil('queued bytes', ({ bytesQueued }) => bytesQueued! > 0);
    await proxy.countersUntil('nothing queued any more', ({ bytesQueued }) => bytesQueued === 0);
    const ends = await Promise.all(
      clients.map(async ({ client, size }) => {
        client.socket.resume();
        await client.until('the whole, or an end', () => client.ended || client.bodyCount >= size || undefined);
        const whole = client.bodyCount === size;
        if (!whole)
          assert.equal(await client.trueEnding(), 'reset', `${client.bodyCount} of ${size} bytes, then an orderly end`);
        client.close();
        return whole;
      }),
    );
    assert.ok(ends.includes(false), 'no answer was cut: the sizes are too small for this machine');
  });
}

/** Begins an answer that ends with its connection, and never ends it. */
const startEndless = (): Promise<RawOrigin> =>
  listenRaw((visit) => {
    visit.socket.once('data', () => visit.socket.write('HTTP/1.0 200 OK\r\n\r\nhalf an answer'));
  });

const halfAnswer = async (proxy: RunningProxy): Promise<WireClient> => {
  const client = await WireClient.connect(proxy.place);
  await client.send('GET / HTTP/1.0\r\n\r\n');
  await client.until('half an answer', () => client.received.endsWith('half an answer') || undefined);
  return client;
};

test('an answer that its server breaks off, or does not go on with, ends in a reset', async (t) => {
  const origin = await use(t, startEndless());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { responseIdle: '500ms' } });
  const left = await halfAnswer(proxy);
  reset(origin.visits[0]!.socket);
  assert.equal(await left.closed(), 'reset', 'its server has reset the connection');
  const late = await halfAnswer(proxy);
  assert.equal(await late.closed(), 'reset', 'its server is silent');
  assert.equal(await proxy.reasonCount('RESPONSE_CUT'), 2);
});

test('a drain that runs out of time resets the answers that it cuts', async (t) => {
  const origin = await use(t, startEndless());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { drain: '300ms' } });
  const client = await halfAnswer(proxy);
  proxy.process.kill('SIGTERM');
  assert.equal(await client.closed(), 'reset');
  await proxy.process.exited();
});

test('a drain that runs out of time resets the tunnels that it cuts, on both sides', async (t) => {
  const origin = await use(
    t,
    listenRaw((visit) => void visit.socket.on('data', () => visit.socket.write('half'))),
  );
  const proxy = await useProxy(t, {
    listeners: [{ protocol: 'tcp', pool: 'main' }],
    servers: [origin.address],
    timeouts: { drain: '300ms' },
  });
  const client = await WireClient.connect(proxy.place);
  await client.send('x');
  await client.until('bytes', () => client.received === 'half' || undefined);
  proxy.process.kill('SIGTERM');
  assert.equal(await client.closed(), 'reset');
  await origin.until('reset', ({ visits }) => visits[0]!.reset);
  await proxy.process.exited();
});

test('a worker that dies resets the answers that it cuts', async (t) => {
  const origin = await use(t, startEndless());
  const directory = scratchDirectory();
  const place = freePlace();
  const deaths = join(directory, 'deaths');
  const config = join(directory, 'proxy.yaml');
  writeFileSync(deaths, '');
  writeFileSync(config, JSON.stringify(documentOf({ servers: [origin.address] }, [place])));
  const child = new Child(process.execPath, [MAIN, 'run', '-c', config, '--workers', '1'], {
    NODE_OPTIONS: `--import=${new URL('../support/dies-on-demand.mjs', import.meta.url).href}`,
    SEVENFOLD_DIES_FILE: deaths,
  });
  t.after(() => child.kill('SIGKILL'));
  await child.until('line `sevenfold ready`', () => (/^sevenfold ready$/m.test(child.stdout) ? true : undefined));
  const client = await halfAnswer(new RunningProxy(child, [place]));
  writeFileSync(deaths, '1 throw\n');
  assert.equal(await client.closed(), 'reset');
});
