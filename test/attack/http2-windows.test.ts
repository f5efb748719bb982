// Clients of HTTP/2 that ask for much and open no window, or send much before it can go on: what waits for them is bounded, and the
// others are served.

import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { ok, serveRequests } from '../origins/raw.js';
import { FLAG, FrameClient, frame, get, PREFACE, request, TYPE } from '../support/frame-client.js';
import { standIn, use, useProxy } from '../support/proxy.js';

const CLIENTS = 12;
const STREAMS = 60;
const NO_WINDOW = Buffer.from([0, 4, 0, 0, 0, 0]);

test('clients that open no window do not take the slab from the others', { skip: standIn }, async (t) => {
  const body = 'x'.repeat(40_000);
  const origin = await use(
    t,
    serveRequests((_, visit) => visit.socket.write(ok(body))),
  );
  const proxy = await useProxy(t, {
    listeners: [{ http2: true }],
    servers: [origin.address],
    limits: { slabBytes: '4MiB' },
  });
  const stalled: FrameClient[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    const client = await FrameClient.connect(proxy.place, { begin: false });
    const asking = Array.from({ length: STREAMS }, (_, n) => get(2 * n + 1, '/'));
    client.send(PREFACE, frame(TYPE.SETTINGS, 0, 0, NO_WINDOW), ...asking);
    stalled.push(client);
  }
  await origin.until('all that was asked', ({ requests }) => requests.length > (CLIENTS * STREAMS) / 2);
  const other = connect(proxy.url);
  let fullBefore: number | undefined;
  for (let i = 0; i < 20; i++) {
    const stream = other.request({ ':path': '/' });
    let bytes = 0;
    stream.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    await new Promise((resolve) => stream.once('close', resolve));
    assert.deepEqual([stream.rstCode, bytes], [0, body.length]);
    await proxy.checkInvariants();
    fullBefore ??= (await proxy.counters())[0]!.slabFull;
  }
  const [worker] = await proxy.counters();
  assert.ok(worker!.chunksUsed <= 128, `${worker!.chunksUsed} of 256 chunks are in use`);
  // All that was asked for may have come in one turn, before those with most of it were cut.
  assert.equal(worker!.slabFull, fullBefore, 'no reading waits for room once they are');
  assert.ok((await proxy.reasonCount('H2_WRITE_STALL')) > 0, 'those with most of it are cut');
  other.destroy();
  for (const client of stalled) client.close();
  await proxy.heldNothing();
});

/** 64 KiB, less what the window must keep for a small body. */
const BODY = [16_384, 16_384, 16_384, 16_000].map((bytes) => Buffer.alloc(bytes));

test('bodies that wait for a filter do not take the slab from the others', { skip: standIn }, async (t) => {
  const origin = await use(
    t,
    serveRequests((_, visit) => visit.socket.write(ok('served'))),
  );
  const proxy = await useProxy(t, {
    listeners: [{ http2: true }],
    servers: [origin.address],
    limits: { slabBytes: '8MiB' },
    filters: [{ type: 'FaultInjection', faultInjection: { delay: { time: '2s' } } }],
  });
  const holding: FrameClient[] = [];
  for (let i = 0; i < 6; i++) {
    const client = await FrameClient.connect(proxy.place);
    for (let id = 1; id < 33; id += 2) {
      const body = BODY.map((bytes) => frame(TYPE.DATA, 0, id, bytes));
      client.send(frame(TYPE.HEADERS, FLAG.END_HEADERS, id, request('POST', '/')), ...body);
    }
    client.send(frame(TYPE.PING, 0, 0, Buffer.alloc(8)));
    holding.push(client);
  }
  for (const client of holding) {
    await client.until('all to be read', () => (client.closed || client.frameOf(TYPE.PING) ? true : undefined));
  }
  const [worker] = await proxy.counters();
  assert.ok(worker!.chunksUsed >= 64, `${worker!.chunksUsed} of 512 chunks are in use`);
  assert.ok(worker!.chunksUsed <= 256, `${worker!.chunksUsed} of 512 chunks are in use`);
  const other = await FrameClient.connect(proxy.place);
  const small = frame(TYPE.DATA, FLAG.END_STREAM, 1, Buffer.from('small'));
  other.send(frame(TYPE.HEADERS, FLAG.END_HEADERS, 1, request('POST', '/')), small);
  assert.deepEqual(await other.outcome(1), { status: 200, body: 'served' });
  assert.ok(
    holding.some(({ closed }) => closed),
    'the one that holds most is cut',
  );
  await proxy.checkInvariants();
  other.close();
  for (const client of holding) client.close();
  await proxy.heldNothing();
});
