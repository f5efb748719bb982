// Bodies of a gigabyte, with a reader at the other end that cannot keep up: the proxy's memory does not follow.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { start as startBig } from '../origins/big-body.js';
import { listenRaw, ok } from '../origins/raw.js';
import { residentBytes } from '../support/child.js';
import { type RunningProxy, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const GROWTH_MAX = 64 * MIB;
/** The reader stops for a moment after each of so many bytes: the moment is what makes it slow. */
const PAUSE_EVERY = 32 * MIB;
const PAUSE_MS = 20;

/** Highest growth of the proxy's resident memory over what it was at first. */
class Growth {
  private readonly before: number;
  highest = 0;

  constructor(private readonly proxy: RunningProxy) {
    this.before = residentBytes(proxy.pid);
  }

  look(): void {
    this.highest = Math.max(this.highest, residentBytes(this.proxy.pid) - this.before);
  }

  assertSmall(): void {
    this.look();
    assert.ok(this.highest < GROWTH_MAX, `resident memory grew by ${Math.round(this.highest / MIB)} MiB`);
  }
}

/** Counts what arrives at `socket`, pausing now and then. Resolves once `bytes` arrived. */
function readSlowly(socket: Socket, bytes: number, onPause: () => void): Promise<void> {
  let count = 0;
  let nextPause = PAUSE_EVERY;
  return new Promise((resolve, reject) => {
    socket.on('data', (piece: Buffer | string) => {
      count += piece.length;
      if (count >= bytes) resolve();
      if (count < nextPause) return;
      nextPause += PAUSE_EVERY;
      onPause();
      socket.pause();
      setTimeout(() => socket.resume(), PAUSE_MS);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${count} of ${bytes} bytes`)));
  });
}

for (const chunked of [false, true]) {
  test(`1 GiB down to a slow reader, ${chunked ? 'chunked' : 'counted'}, grows memory by less than 64 MiB`, async (t) => {
    const origin = await use(t, startBig());
    const proxy = await useProxy(t, { servers: [origin.address] });
    await ask(proxy.place, get('/1000000'));
    const growth = new Growth(proxy);
    const socket = connect(proxy.place.port, proxy.place.host);
    t.after(() => socket.destroy());
    const reading = readSlowly(socket, GIB, () => growth.look());
    socket.write(get(`/${GIB}${chunked ? '?chunked' : ''}`));
    await reading;
    growth.assertSmall();
  });

  test(`1 GiB up to a slow reader, ${chunked ? 'chunked' : 'counted'}, grows memory by less than 64 MiB`, async (t) => {
    let read: Promise<void> = Promise.resolve();
    let growth: Growth | undefined;
    const origin = await use(
      t,
      listenRaw((visit) => {
        read = readSlowly(visit.socket, GIB, () => growth?.look());
        read.then(
          () => visit.socket.write(ok('all of it')),
          () => undefined,
        );
      }),
    );
    const proxy = await useProxy(t, { servers: [origin.address] });
    growth = new Growth(proxy);
    const client = await WireClient.connect(proxy.place, { deadlineMs: 120_000 });
    const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${GIB}`;
    await client.send(`POST /up HTTP/1.1\r\nHost: test.example\r\n${framing}\r\n\r\n`);
    const piece = Buffer.alloc(MIB, 'sevenfold ');
    const frame = chunked ? Buffer.concat([Buffer.from('100000\r\n'), piece, Buffer.from('\r\n')]) : piece;
    for (let sent = 0; sent < GIB; sent += MIB) await client.send(frame);
    if (chunked) await client.send('0\r\n\r\n');
    assert.equal((await client.response('POST')).body, 'all of it');
    await read;
    client.close();
    growth.assertSmall();
  });
}

test('a download whose reader stops for good takes a bounded amount of memory, and ends with its client', async (t) => {
  const origin = await use(t, startBig());
  const proxy = await useProxy(t, { servers: [origin.address] });
  await ask(proxy.place, get('/1000000'));
  const growth = new Growth(proxy);
  const clients = await Promise.all(Array.from({ length: 20 }, () => WireClient.connect(proxy.place)));
  for (const client of clients) {
    client.socket.pause();
    await client.send(get(`/${GIB}`));
  }
  // Others are served while twenty answers wait: each exchange is a turn of the worker.
  for (let i = 0; i < 200; i++) await ask(proxy.place, get('/1000'));
  growth.assertSmall();
  for (const client of clients) client.reset();
  await proxy.heldNothing();
});
