// Clients of HTTP/2 that ask for much and open no window: what waits for them is bounded, and the others are served.

import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { ok, serveRequests } from '../origins/raw.js';
import { FrameClient, frame, get, PREFACE, TYPE } from '../support/frame-client.js';
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
  for (let i = 0; i < 20; i++) {
    const stream = other.request({ ':path': '/' });
    let bytes = 0;
    stream.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    await new Promise((resolve) => stream.once('close', resolve));
    assert.deepEqual([stream.rstCode, bytes], [0, body.length]);
    await proxy.checkInvariants();
  }
  const [worker] = await proxy.counters();
  assert.ok(worker!.chunksUsed <= 128, `${worker!.chunksUsed} of 256 chunks are in use`);
  assert.equal(worker!.slabFull, 0);
  assert.ok((await proxy.reasonCount('H2_WRITE_STALL')) > 0, 'those with most of it are cut');
  other.destroy();
  for (const client of stalled) client.close();
  await proxy.heldNothing();
});
