// The raw Layer 4 passthrough: bytes both ways, half-close both ways, servers in turn.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import { freePlace, written } from '../support/addresses.js';
import { statusOf } from '../support/messages.js';
import { startFromFlags, use, useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';
import { rawCases } from './raw.cases.js';

describe('passthrough', { concurrency: 1 }, () => {
  rawCases({ listener: { protocol: 'tcp', pool: 'main' }, options: {} });
});

test('a raw and an http listener serve side by side', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { listeners: [{}, { protocol: 'tcp', pool: 'main' }], servers: [origin.address] });
  for (const place of proxy.listeners) {
    const client = await WireClient.connect(place);
    assert.equal(statusOf(await client.exchange(get())), 200);
    client.close();
  }
  assert.ok(origin.requests.some((request) => request.fields.some(([name]) => name === 'via')));
  assert.ok(origin.requests.some((request) => !request.fields.some(([name]) => name === 'via')));
});

test('run --mode l4 passes bytes without reading them', async (t) => {
  const origin = await use(t, startTcpEcho());
  const proxy = await startFromFlags((place) => [
    '--listen',
    written(place),
    '--backend',
    origin.address,
    '--mode',
    'l4',
    '--workers',
    '1',
  ]);
  t.after(() => proxy.stop());
  const client = await WireClient.connect(proxy.place);
  await client.send('no http\n');
  await client.until('echo', () => (client.received === 'no http\n' ? true : undefined));
  client.close();
});

test('a passthrough whose one server refuses says so once, and says when it answers', async (t) => {
  const place = freePlace();
  const proxy = await startFromFlags((at) => [
    ...['--mode', 'l4', '--listen', written(at), '--backend', written(place), '--workers', '1'],
  ]);
  t.after(() => proxy.stop());
  const come = async (): Promise<void> => {
    const client = await WireClient.connect(proxy.place);
    await client.closed();
  };
  for (let i = 0; i < 20; i++) await come();
  const lines = (): string[] => proxy.process.stdout.split('\n').filter((line) => line.startsWith('Pool '));
  await proxy.process.until('a note', () => (lines().length > 0 ? true : undefined));
  for (let i = 0; i < 5; i++) await come();
  assert.deepEqual(lines(), [
    `Pool backend: server ${written(place)} failed repeatedly; it stays in use, because the pool may eject no more servers.`,
  ]);
  await use(t, startAnswers(undefined, { at: place }));
  const client = await WireClient.connect(proxy.place);
  assert.equal(statusOf(await client.exchange(get())), 200);
  client.close();
  await proxy.process.until('a second note', () => (lines().length > 1 ? true : undefined));
  assert.equal(lines()[1], `Pool backend: server ${written(place)} answers again.`);
});
