// Receiving a long body: several chunks in one batch, when the owner said that they all belong to it.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { CHUNK_BYTES, CONTROL } from '../../../src/engine/layout.js';
import { type Cleanup, type Lab, NOTHING, useLab, usePair } from './lab.js';

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A stopped connection to whose socket the kernel has brought `bytes`. */
async function arrived(t: Cleanup, lab: Lab, bytes: Buffer): Promise<number> {
  const { conn, socket } = await usePair(t, lab);
  const other = await usePair(t, lab);
  lab.act((engine) => engine.readStop(conn));
  await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  await new Promise<void>((resolve) => other.socket.write('behind it', () => resolve()));
  await lab.next(other.conn, 'data');
  return conn;
}

/** How many bytes each event of each batch carried, while `start` and what follows from it run. */
async function batches(lab: Lab, conn: number, bytes: number, start: () => void): Promise<number[][]> {
  const seen: number[][] = [];
  let known = 0;
  const all = lab.until(`${bytes} bytes`, () => {
    const pieces = lab.of(conn, 'data').map((event) => event.bytes);
    if (pieces.length > known) seen.push(pieces.slice(known));
    known = pieces.length;
    return pieces.reduce((sum, piece) => sum + piece, 0) >= bytes ? true : undefined;
  });
  start();
  await all;
  return seen;
}

describe('readMany', () => {
  test('brings several chunks in one batch, in order, each full but the last', async (t) => {
    const lab = useLab(t);
    const bytes = randomBytes(3 * CHUNK_BYTES + 100);
    const conn = await arrived(t, lab, bytes);
    const [first] = await batches(lab, conn, bytes.length, () =>
      lab.act((engine) => {
        engine.readMany(conn, 1000);
        engine.readStart(conn, 0);
      }),
    );
    assert.deepEqual(first, [CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES, 100]);
    assert.equal(hash(lab.received(conn)), hash(bytes));
    lab.act((engine) => engine.closeConn(conn));
  });

  test('without it, and behind the bytes it was said for, chunks come one at a time', async (t) => {
    const lab = useLab(t);
    const bytes = randomBytes(4 * CHUNK_BYTES);
    const plain = await arrived(t, lab, bytes);
    const one = [[CHUNK_BYTES], [CHUNK_BYTES], [CHUNK_BYTES], [CHUNK_BYTES]];
    const seen = await batches(lab, plain, bytes.length, () => lab.act((engine) => engine.readStart(plain, 0)));
    assert.deepEqual(seen, one);

    const counted = await arrived(t, lab, bytes);
    const body = await batches(lab, counted, bytes.length, () =>
      lab.act((engine) => {
        engine.readMany(counted, 2);
        engine.readStart(counted, 0);
      }),
    );
    assert.deepEqual(body, [[CHUNK_BYTES, CHUNK_BYTES], [CHUNK_BYTES], [CHUNK_BYTES]]);
  });

  test('ends when room is asked for in front of the next chunk', async (t) => {
    const lab = useLab(t);
    const bytes = randomBytes(2 * CHUNK_BYTES);
    const conn = await arrived(t, lab, bytes);
    const seen = await batches(lab, conn, bytes.length, () =>
      lab.act((engine) => {
        engine.readMany(conn, 1000);
        engine.readStart(conn, 10);
      }),
    );
    assert.deepEqual(seen, [[CHUNK_BYTES - 10], [CHUNK_BYTES], [10]]);
    assert.equal(hash(lab.received(conn)), hash(bytes));
  });

  test('takes no chunk that is kept back, and gives back those that stayed empty', async (t) => {
    const lab = useLab(t, { chunkCount: 16, hold: true });
    const { conn, socket } = await usePair(t, lab);
    lab.act((engine) => engine.readMany(conn, 1000));
    const bytes = randomBytes(80 * CHUNK_BYTES);
    socket.end(bytes);
    let given = 0;
    while (lab.of(conn, 'eof').length === 0) {
      await lab.until('a full slab or the end', () =>
        lab.usedChunks === 14 || lab.of(conn, 'eof').length > 0 ? true : undefined,
      );
      const data = lab.of(conn, 'data');
      assert.ok(lab.usedChunks <= 14);
      assert.equal(lab.usedChunks, data.length - given);
      lab.act((engine) => {
        for (const { at } of data.slice(given)) engine.release(at);
      });
      given = data.length;
    }
    lab.act((engine) => {
      for (const { at } of lab.of(conn, 'data').slice(given)) engine.release(at);
    });
    assert.ok(lab.engine.counter(CONTROL.slabFull) > 0);
    assert.equal(hash(lab.received(conn)), hash(bytes));
    lab.act((engine) => engine.closeConn(conn));
    assert.deepEqual(lab.holdings, NOTHING);
  });
});
