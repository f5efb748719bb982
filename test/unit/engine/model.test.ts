// Random interleavings of everything an owner and a peer can do, against a model of what each connection may tell.
// At the end of each run everything is closed, and the engine holds nothing.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { CHUNK_BYTES } from '../../../src/engine/layout.js';
import { reset } from '../../support/endings.js';
import { Lab, NOTHING, type Origin, type Seen, useOrigin } from './lab.js';

/** One connection as its owner and its peer know it. */
interface Modelled {
  readonly conn: number;
  readonly sent: Buffer[];
  readonly written: Buffer[];
  readonly received: Buffer[];
  peer: Socket | undefined;
  shut: boolean;
  closed: boolean;
}

const OPERATIONS = [
  'connect',
  'send',
  'send much',
  'stop',
  'start',
  'shut',
  'close',
  'reset',
  'peer reads',
  'peer writes',
  'peer ends',
  'peer resets',
  'rest',
] as const;

interface Step {
  readonly operation: (typeof OPERATIONS)[number];
  readonly which: number;
  readonly bytes: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  operation: fc.constantFrom(...OPERATIONS),
  which: fc.nat(7),
  bytes: fc.integer({ min: 1, max: 3 * CHUNK_BYTES }),
});

const filled = (bytes: number, from: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => from + i * 7));

/** What one connection was told must be a story that can happen. */
function checkStory(events: readonly Seen[], model: Modelled): void {
  let isBlocked = false;
  const kinds = events.map(({ kind }) => kind);
  for (const [at, kind] of kinds.entries()) {
    if (kind === 'connected') assert.equal(at, 0);
    else if (kind !== 'error') assert.equal(kinds[0], 'connected', kinds.join());
    if (kind === 'error') assert.equal(at, kinds.length - 1, `nothing follows an error: ${kinds.join()}`);
    if (kind === 'data') assert.ok(!kinds.slice(0, at).includes('eof'), 'no data behind eof');
    if (kind === 'drained') assert.ok(isBlocked, 'drained only after blocked');
    if (kind === 'blocked' || kind === 'drained') isBlocked = kind === 'blocked';
    if (kind === 'finished')
      assert.ok(model.shut && !isBlocked, 'finished only after a shutdown, with nothing waiting');
  }
  for (const once of ['eof', 'finished', 'error']) assert.ok(kinds.filter((kind) => kind === once).length <= 1, once);
  const got = Buffer.concat(events.map(({ data }) => data));
  assert.ok(got.equals(Buffer.concat(model.written).subarray(0, got.length)), 'data is what the peer wrote, in order');
  const took = Buffer.concat(model.received);
  assert.ok(took.equals(Buffer.concat(model.sent).subarray(0, took.length)), 'the peer got what was sent, in order');
  if (kinds.includes('finished')) assert.ok(!kinds.includes('blocked') || kinds.includes('drained'));
}

/** Carries out the steps on a fresh engine. */
async function run(origin: Origin, steps: readonly Step[]): Promise<void> {
  const lab = new Lab({ chunkCount: 128, slotCount: 4 });
  const address = lab.engine.addressAdd('127.0.0.1', origin.port);
  const all: Modelled[] = [];
  const live = (): Modelled[] => all.filter(({ closed }) => !closed);
  try {
    for (const { operation, which, bytes } of steps) {
      const open = live();
      const model = open[which % Math.max(1, open.length)];
      if (operation === 'connect') {
        const conn = lab.act((engine) => engine.connect(address));
        assert.equal(conn < 0, open.length === 4, 'a handle is free exactly while fewer than all are open');
        if (conn < 0) continue;
        const fresh: Modelled = {
          conn,
          sent: [],
          written: [],
          received: [],
          peer: undefined,
          shut: false,
          closed: false,
        };
        all.push(fresh);
        await lab.next(conn, 'connected');
        fresh.peer = await origin.socket();
        fresh.peer.on('data', (piece: Buffer) => fresh.received.push(piece)).pause();
      } else if (operation === 'rest') {
        await new Promise((resolve) => setImmediate(resolve));
      } else if (model !== undefined) {
        act(lab, model, operation, bytes);
      }
    }
    for (const model of all) checkStory(lab.of(model.conn), model);
    // Whoever is still well is read to the end: everything that was sent must arrive.
    for (const model of live()) {
      if (lab.of(model.conn, 'error').length > 0 || model.peer!.destroyed) continue;
      if (!model.shut) lab.act((engine) => engine.shutdown(model.conn));
      model.shut = true;
      model.peer!.resume();
      await lab.until('the end of sending', () =>
        lab.of(model.conn).find(({ kind }) => kind === 'finished' || kind === 'error'),
      );
    }
    for (const model of all) checkStory(lab.of(model.conn), model);
  } finally {
    lab.act((engine) => {
      for (const { conn } of live()) engine.closeConn(conn);
    });
    const { holdings } = lab;
    lab.close();
    for (const { peer } of all) peer?.destroy();
    assert.deepEqual(holdings, NOTHING);
  }
}

function act(lab: Lab, model: Modelled, operation: Step['operation'], bytes: number): void {
  const { conn, peer } = model;
  switch (operation) {
    case 'send':
    case 'send much': {
      // A full slab and an ended direction are the owner's to know: it sends nothing then.
      const count = operation === 'send' ? bytes : 20 * CHUNK_BYTES;
      if (model.shut || lab.engine.freeChunks < 32 + count / CHUNK_BYTES) return;
      const piece = filled(count, bytes);
      model.sent.push(piece);
      lab.send(conn, piece);
      return;
    }
    case 'stop':
      lab.act((engine) => engine.readStop(conn));
      return;
    case 'start':
      lab.act((engine) => {
        if (bytes % 2 === 0) engine.readMany(conn, bytes % 7);
        engine.readStart(conn, bytes % 3 === 0 ? 0 : bytes % CHUNK_BYTES);
      });
      return;
    case 'shut':
      if (!model.shut) lab.act((engine) => engine.shutdown(conn));
      model.shut = true;
      return;
    case 'close':
    case 'reset':
      lab.act((engine) => (operation === 'close' ? engine.closeConn(conn) : engine.resetConn(conn)));
      model.closed = true;
      return;
    case 'peer reads':
      peer!.resume();
      return;
    case 'peer writes':
      if (peer!.destroyed || peer!.writableEnded) return;
      model.written.push(filled(bytes, bytes + 1));
      peer!.write(model.written.at(-1)!);
      return;
    case 'peer ends':
      peer!.end();
      return;
    case 'peer resets':
      // Behind an end Node cannot reset: it would keep the socket, and the process, for ever.
      if (!peer!.writableEnded) reset(peer!);
  }
}

test('whatever happens in whatever order, each connection tells a possible story and nothing is left', async (t) => {
  const origin = await useOrigin(t);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => run(origin, steps)),
    { numRuns: 80 },
  );
});
