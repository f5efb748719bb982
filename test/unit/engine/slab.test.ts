// Chunks and handles: what is held, by how many, and what happens when there are no more.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { slotOf } from '../../../src/engine/engine.js';
import { CHUNK_BYTES, CONTROL, GENERATION_BITS, SLOT_BITS } from '../../../src/engine/layout.js';
import { type Lab, NOTHING, useLab, useListener, useOrigin, usePair, useSocket } from './lab.js';

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Gives back the chunks of what a connection received, all but the first `given` pieces. Returns how many there are. */
function give(lab: Lab, conn: number, given: number): number {
  const data = lab.of(conn, 'data');
  lab.act((engine) => {
    for (const { at } of data.slice(given)) engine.release(at);
  });
  return data.length;
}

/** Resolves when `count` chunks are used. Events are all that is waited for: a paused engine says nothing more. */
const used = (lab: Lab, count: number): Promise<true> =>
  lab.until(`${count} used chunks`, () => (lab.usedChunks >= count ? true : undefined));

describe('a full slab', () => {
  for (const chunkCount of [8, 9, 16]) {
    test(`of ${chunkCount} chunks pauses reading, loses nothing, and goes on as chunks come back`, async (t) => {
      const lab = useLab(t, { chunkCount, hold: true });
      const { conn, socket } = await usePair(t, lab);
      const bytes = randomBytes(5 * chunkCount * CHUNK_BYTES);
      socket.end(bytes);
      let given = 0;
      // Events come only while there are chunks: each time the engine has stopped, everything is given back.
      while (lab.of(conn, 'eof').length === 0) {
        const most = chunkCount - Math.floor(chunkCount / 8);
        await lab.until('a full slab or the end', () =>
          lab.usedChunks === most || lab.of(conn, 'eof').length > 0 ? true : undefined,
        );
        assert.ok(lab.usedChunks <= most);
        given = give(lab, conn, given);
      }
      give(lab, conn, given);
      assert.ok(lab.engine.counter(CONTROL.slabFull) > 0);
      assert.equal(hash(lab.received(conn)), hash(bytes));
      lab.act((engine) => engine.closeConn(conn));
      assert.deepEqual(lab.holdings, NOTHING);
    });
  }

  test('keeps a quarter back for backend connections, and an eighth for what is written', async (t) => {
    const lab = useLab(t, { chunkCount: 16, hold: true });
    const { port } = useListener(t, '127.0.0.1', true);
    const client = await useSocket(t, { host: '127.0.0.1', port });
    const conn = await lab.accepted();
    client.write(randomBytes(64 * CHUNK_BYTES));
    await used(lab, 12);

    const pair = await usePair(t, lab);
    pair.socket.write(randomBytes(64 * CHUNK_BYTES));
    await used(lab, 14);
    const taken = [lab.engine.chunkTake(), lab.engine.chunkTake()];
    assert.ok(taken.every((at) => at >= 0));
    assert.ok(lab.engine.chunkTake() < 0);
    lab.act((engine) => {
      for (const at of taken) engine.release(at);
      for (const open of [conn, pair.conn]) {
        engine.closeConn(open);
        for (const { at } of lab.of(open, 'data')) engine.release(at);
      }
    });
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('costs no turn while it lasts: the engine sleeps until a chunk comes back', async (t) => {
    const lab = useLab(t, { chunkCount: 8, hold: true });
    const { conn, socket } = await usePair(t, lab);
    socket.write(randomBytes(64 * CHUNK_BYTES));
    await used(lab, 7);
    // The socket's rest arrives meanwhile; a hundred rounds of the loop pass.
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    const before = lab.engine.counter(CONTROL.slabFull);
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(lab.engine.counter(CONTROL.slabFull) - before <= 2, 'it asked again and again');
    lab.act((engine) => engine.closeConn(conn));
  });
});

describe('references', () => {
  test('of one chunk may be more than sixteen bits count', (t) => {
    const lab = useLab(t);
    const [span] = lab.place(Buffer.from('shared by all'));
    lab.act((engine) => {
      for (let i = 0; i < 65_536; i++) engine.retain(span!.at);
    });
    lab.act((engine) => engine.release(span!.at));
    assert.equal(lab.usedChunks, 1);
    lab.act((engine) => {
      for (let i = 0; i < 65_536; i++) engine.release(span!.at);
    });
    assert.equal(lab.usedChunks, 0);
  });

  test('any address inside a chunk stands for it', (t) => {
    const lab = useLab(t);
    const at = lab.engine.chunkTake();
    lab.act((engine) => {
      engine.retain(at + 1);
      engine.release(at + CHUNK_BYTES - 1);
    });
    assert.equal(lab.usedChunks, 1);
    assert.equal(lab.engine.chunkOf(at + CHUNK_BYTES - 1), at);
    lab.act((engine) => engine.release(at + 7));
    assert.equal(lab.usedChunks, 0);
  });
});

describe('a run of chunks', () => {
  test('is one piece of memory, with a reference on each chunk', (t) => {
    const lab = useLab(t, { chunkCount: 16 });
    const at = lab.engine.runTake(2 * CHUNK_BYTES + 1);
    assert.equal(at, lab.engine.chunkOf(at));
    assert.equal(lab.usedChunks, 3);
    lab.act((engine) => engine.release(at + CHUNK_BYTES));
    assert.equal(lab.usedChunks, 2);
    lab.act((engine) => {
      engine.release(at);
      engine.release(at + 2 * CHUNK_BYTES);
    });
    assert.equal(lab.usedChunks, 0);
  });

  test('is found between chunks in use, and refused when there is none as long, or an eighth would not stay free', (t) => {
    const lab = useLab(t, { chunkCount: 16 });
    const chunks: number[] = [];
    for (let at = lab.engine.chunkTake(); at >= 0; at = lab.engine.chunkTake()) chunks.push(at);
    chunks.sort((a, b) => a - b);
    lab.act((engine) => {
      for (const index of [2, 3, 4, 7, 9, 10, 13]) engine.release(chunks[index]!);
    });
    assert.ok(lab.engine.runTake(4 * CHUNK_BYTES) < 0);
    assert.equal(lab.engine.runTake(3 * CHUNK_BYTES), chunks[2]);
    assert.equal(lab.engine.runTake(2 * CHUNK_BYTES), chunks[9]);
    // Two are left, which is an eighth.
    assert.ok(lab.engine.runTake(CHUNK_BYTES) < 0);
    const rest = [lab.engine.chunkTake(), lab.engine.chunkTake()].sort((a, b) => a - b);
    assert.deepEqual(rest, [chunks[7], chunks[13]]);
    lab.act((engine) => {
      for (const at of chunks) engine.release(at);
    });
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('goes out as one span, which takes its own reference on each chunk', async (t) => {
    const lab = useLab(t, { chunkCount: 16 });
    const { conn, socket } = await usePair(t, lab);
    const bytes = randomBytes(3 * CHUNK_BYTES);
    const at = lab.engine.runTake(bytes.length);
    lab.memory.set(bytes, at);
    lab.act((engine) => {
      engine.sendBegin(conn, 0);
      engine.span(at + 1, bytes.length - 2);
      engine.sendEnd();
      engine.runRelease(at, bytes.length);
    });
    const got: Buffer[] = [];
    let count = 0;
    for await (const piece of socket) {
      got.push(piece as Buffer);
      count += (piece as Buffer).length;
      if (count === bytes.length - 2) break;
    }
    assert.ok(Buffer.concat(got).equals(bytes.subarray(1, -1)));
    assert.equal(lab.usedChunks, 0);
  });

  test('is refused when it is no run at all', (t) => {
    const lab = useLab(t);
    assert.ok(lab.engine.runTake(0) < 0);
    assert.equal(lab.usedChunks, 0);
  });
});

describe('a handle', () => {
  test('is dead after close, also when its slot is used again', async (t) => {
    const lab = useLab(t, { slotCount: 1 });
    const origin = await useOrigin(t);
    const address = lab.engine.addressAdd('127.0.0.1', origin.port);
    const stale = lab.act((engine) => engine.connect(address));
    await lab.next(stale, 'connected');
    lab.act((engine) => engine.closeConn(stale));
    const conn = lab.act((engine) => engine.connect(address));
    await lab.next(conn, 'connected');
    assert.equal(slotOf(conn), slotOf(stale));
    assert.notEqual(conn, stale);
    await origin.socket();
    const socket = await origin.socket();
    const at = lab.place(Buffer.from('stalelive'))[0]!.at;
    lab.act((engine) => {
      engine.send(stale, at, 5);
      engine.shutdown(stale);
      engine.readStop(stale);
      engine.readStart(stale, 100);
      engine.resetConn(stale);
      engine.closeConn(stale);
      engine.send(conn, at + 5, 4);
      engine.release(at);
    });
    socket.write('answer');
    const data = await lab.next(conn, 'data');
    assert.equal(data.at, lab.engine.chunkOf(data.at));
    const [got] = await new Promise<[Buffer]>((resolve) => socket.once('data', (piece) => resolve([piece])).resume());
    assert.equal(String(got), 'live');
    assert.equal(lab.of(stale).length, 1);
    lab.act((engine) => engine.closeConn(conn));
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('comes back only after every generation of its slot', (t) => {
    const lab = useLab(t, { slotCount: 1 });
    const address = lab.engine.addressAdd('127.0.0.1', 9);
    const seen = new Set<number>();
    for (let i = 0; i < 1 << GENERATION_BITS; i++) {
      const conn = lab.act((engine) => engine.connect(address));
      assert.ok(conn >= 0 && conn >> SLOT_BITS < 1 << GENERATION_BITS);
      seen.add(conn);
      lab.act((engine) => engine.closeConn(conn));
    }
    assert.equal(seen.size, 1 << GENERATION_BITS);
    assert.ok(
      seen.has(lab.act((engine) => engine.connect(address))),
      'after all of them the first one comes round again',
    );
  });

  test('closed inside a batch hears nothing more, not even of what happened before', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    lab.onEvent = (event) => {
      if (event.conn === conn && event.kind === 'data') lab.engine.closeConn(conn);
    };
    const other = await usePair(t, lab);
    socket.end('last words');
    await lab.next(conn, 'data');
    other.socket.write('x');
    await lab.next(other.conn, 'data');
    assert.equal(lab.of(conn).at(-1)!.kind, 'data');
  });
});
