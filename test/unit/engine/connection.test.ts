// One connection of an engine, with a real socket at its other end: connecting, sending, receiving, ending.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CHUNK_BYTES, CONTROL, QUEUE_SPANS_MAX } from '../../../src/engine/layout.js';
import { reset } from '../../support/endings.js';
import { type Cleanup, errorOf, type Lab, NOTHING, readAll, useLab, useListener, useOrigin, usePair } from './lab.js';

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function socketPath(t: Cleanup): string {
  const directory = mkdtempSync(join(tmpdir(), 'sevenfold-engine-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 's');
}

/** Sends to a reader that does not read until the engine says `blocked`; returns what was sent. */
async function block(lab: Lab, conn: number): Promise<Buffer> {
  const sent: Buffer[] = [];
  for (let i = 0; lab.of(conn, 'blocked').length === 0 && i < 4096; i++) {
    const piece = randomBytes(4 * CHUNK_BYTES);
    sent.push(piece);
    lab.send(conn, piece);
  }
  await lab.next(conn, 'blocked');
  return Buffer.concat(sent);
}

describe('connect', () => {
  for (const host of ['127.0.0.1', '::1']) {
    test(`reports connected for ${host}, and bytes go both ways`, async (t) => {
      const lab = useLab(t);
      const origin = await useOrigin(t, { host });
      const address = lab.engine.addressAdd(host, origin.port);
      const conn = lab.act((engine) => engine.connect(address));
      await lab.next(conn, 'connected');
      const socket = await origin.socket();
      lab.send(conn, 'to the server');
      assert.equal(String((await once(socket.resume(), 'data'))[0]), 'to the server');
      socket.write('to the engine');
      assert.equal(String(await lab.has(conn, 13)), 'to the engine');
      lab.act((engine) => engine.closeConn(conn));
      assert.deepEqual(lab.holdings, NOTHING);
    });
  }

  test('connects to a unix socket by its path', async (t) => {
    const lab = useLab(t);
    const path = socketPath(t);
    const origin = await useOrigin(t, path);
    const conn = lab.act((engine) => engine.connect(engine.addressAdd(path, -1)));
    await lab.next(conn, 'connected');
    (await origin.socket()).end('bye');
    assert.equal(String(await lab.has(conn, 3)), 'bye');
    await lab.next(conn, 'eof');
  });

  test('connects to a unix socket by its abstract name', async (t) => {
    const lab = useLab(t);
    const name = `@sevenfold-test-${randomBytes(8).toString('hex')}`;
    useListener(t, name, true);
    const conn = lab.act((engine) => engine.connect(engine.addressAdd(name, -1)));
    await lab.next(conn, 'connected');
    lab.send(await lab.accepted(), 'bye');
    assert.equal(String(await lab.has(conn, 3)), 'bye');
  });

  test('sends what was submitted before the connection was established, in order, and then shuts down', async (t) => {
    const lab = useLab(t);
    const origin = await useOrigin(t);
    const spans = lab.place(Buffer.from('onetwothree'));
    const at = spans[0]!.at;
    const conn = lab.act((engine) => {
      const opened = engine.connect(engine.addressAdd('127.0.0.1', origin.port));
      engine.send(opened, at, 3);
      engine.send(opened, at + 3, 3);
      engine.send(opened, at + 6, 5);
      engine.shutdown(opened);
      engine.release(at);
      return opened;
    });
    await lab.next(conn, 'finished');
    const socket = await origin.socket();
    assert.equal(String(await readAll(socket)), 'onetwothree');
    assert.equal(lab.of(conn)[0]!.kind, 'connected');
    lab.act((engine) => engine.closeConn(conn));
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('answers refused when nobody listens, once, and the handle still has to be closed', async (t) => {
    const lab = useLab(t);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const conn = lab.act((engine) => engine.connect(engine.addressAdd('127.0.0.1', port)));
    assert.equal(errorOf(await lab.next(conn, 'error')), 'refused');
    assert.equal(lab.engine.counter(CONTROL.connections), 1);
    lab.act((engine) => {
      engine.readStart(conn, 0);
      engine.shutdown(conn);
    });
    lab.act((engine) => engine.closeConn(conn));
    assert.equal(lab.of(conn).length, 1);
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('answers refused for a unix socket that nobody listens on any more', async (t) => {
    const lab = useLab(t);
    const path = socketPath(t);
    const origin = await useOrigin(t, path);
    // Closing takes the file away by its name: under another it stays.
    const kept = `${path}-kept`;
    renameSync(path, kept);
    origin.server.close();
    const conn = lab.act((engine) => engine.connect(engine.addressAdd(kept, -1)));
    assert.equal(errorOf(await lab.next(conn, 'error')), 'refused');
  });

  test('answers noSuchAddress for a unix socket that does not exist', async (t) => {
    const lab = useLab(t);
    const conn = lab.act((engine) => engine.connect(engine.addressAdd(socketPath(t), -1)));
    assert.equal(errorOf(await lab.next(conn, 'error')), 'noSuchAddress');
    lab.act((engine) => engine.closeConn(conn));
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('remembers an address once, and knows what is none', (t) => {
    const lab = useLab(t);
    const first = lab.engine.addressAdd('127.0.0.1', 80);
    assert.equal(lab.engine.addressAdd('127.0.0.1', 81), first + 1);
    assert.equal(lab.engine.addressAdd('127.0.0.1', 80), first);
    const kept = { idleSeconds: 60, intervalSeconds: 10, probes: 3 };
    const other = lab.engine.addressAdd('127.0.0.1', 80, kept);
    assert.notEqual(other, first, 'kept alive in another way');
    assert.equal(lab.engine.addressAdd('127.0.0.1', 80, { ...kept }), other);
    assert.equal(lab.engine.addressAdd('127.0.0.1', 80, { ...kept, probes: 128 }), -1);
    assert.equal(lab.engine.addressAdd('@there', -1, kept), lab.engine.addressAdd('@there', -1));
    const texts: [string, number][] = [
      ['localhost', 80],
      ['127.0.0.1.', 80],
      ['127.1', 80],
      ['127.0.0.1', 65536],
      ['::1%nowhere', 80],
      ['[::1]', 80],
      ['', 80],
      ['', -1],
      [`/${'x'.repeat(107)}`, -1],
    ];
    for (const [host, port] of texts) assert.equal(lab.engine.addressAdd(host, port), -1, `${host} ${port}`);
  });

  test('returns -1 when no handle is free, and finds one again after a close', async (t) => {
    const lab = useLab(t, { slotCount: 2 });
    const origin = await useOrigin(t);
    const address = lab.engine.addressAdd('127.0.0.1', origin.port);
    const conns = lab.act((engine) => [engine.connect(address), engine.connect(address), engine.connect(address)]);
    assert.equal(conns[2], -1);
    await lab.next(conns[0]!, 'connected');
    lab.act((engine) => engine.closeConn(conns[0]!));
    assert.notEqual(
      lab.act((engine) => engine.connect(address)),
      -1,
    );
  });
});

describe('send', () => {
  test('keeps order and content of many spans that the socket takes in parts', async (t) => {
    const lab = useLab(t, { chunkCount: 1024 });
    const { conn, socket } = await usePair(t, lab);
    const sent = await block(lab, conn);
    // Behind what waits: spans of every size from 1 up, cut out of two chunks in turns.
    const [first, second] = [lab.place(randomBytes(CHUNK_BYTES))[0]!, lab.place(randomBytes(CHUNK_BYTES))[0]!];
    const more: Buffer[] = [];
    lab.act((engine) => {
      engine.sendBegin(conn, 0);
      for (let size = 1; size <= 160; size++) {
        for (const from of [first.at + size, second.at + CHUNK_BYTES - size]) {
          engine.span(from, size);
          more.push(Buffer.from(lab.memory.subarray(from, from + size)));
        }
      }
      engine.sendEnd();
      engine.release(first.at);
      engine.release(second.at);
      engine.shutdown(conn);
    });
    const all = Buffer.concat([sent, ...more]);
    const got = await readAll(socket);
    assert.equal(got.length, all.length);
    assert.equal(hash(got), hash(all));
    await lab.next(conn, 'finished');
    const kinds = lab.of(conn).map(({ kind }) => kind);
    assert.deepEqual(kinds, ['connected', 'blocked', 'drained', 'finished']);
    lab.act((engine) => engine.closeConn(conn));
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('says blocked once with the bytes that wait, and drained once they have left', async (t) => {
    const lab = useLab(t, { chunkCount: 1024 });
    const { conn, socket } = await usePair(t, lab);
    await block(lab, conn);
    const [blocked] = lab.of(conn, 'blocked');
    assert.equal(blocked!.bytes, lab.engine.counter(CONTROL.queuedBytes));
    lab.send(conn, 'more while blocked');
    assert.equal(lab.of(conn, 'blocked').length, 1);
    assert.ok(lab.usedChunks > 0);
    socket.resume();
    await lab.next(conn, 'drained');
    assert.equal(lab.engine.counter(CONTROL.queuedBytes), 0);
    assert.equal(lab.usedChunks, 0);
  });

  test('gives up chunks and spans of a queue when the connection is closed under it', async (t) => {
    const lab = useLab(t, { chunkCount: 1024 });
    const { conn } = await usePair(t, lab);
    await block(lab, conn);
    lab.act((engine) => engine.closeConn(conn));
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('fails with queueFull beyond the spans a queue holds, and holds nothing then', async (t) => {
    const lab = useLab(t, { chunkCount: 1024 });
    const { conn } = await usePair(t, lab);
    await block(lab, conn);
    const at = lab.place(Buffer.from('x'))[0]!.at;
    lab.act((engine) => {
      for (let i = 0; i <= QUEUE_SPANS_MAX; i++) engine.send(conn, at, 1);
      engine.release(at);
    });
    assert.equal(errorOf(await lab.next(conn, 'error')), 'queueFull');
    assert.equal(lab.usedChunks, 0);
    assert.equal(lab.engine.counter(CONTROL.queuedSpans), 0);
    lab.act((engine) => engine.closeConn(conn));
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('carries more submissions in one batch than the words hold, in order', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    const at = lab.place(Buffer.from('0123456789'))[0]!.at;
    const count = 30_000;
    lab.act((engine) => {
      for (let i = 0; i < count; i++) engine.retain(at);
      engine.sendBegin(conn, 0);
      for (let i = 0; i < 320; i++) engine.span(at + (i % 10), 1);
      engine.sendEnd();
      for (let i = 0; i <= count; i++) engine.release(at);
      engine.shutdown(conn);
    });
    assert.equal(String(await readAll(socket)), '0123456789'.repeat(32));
    assert.equal(lab.usedChunks, 0);
  });

  test('gives back what is released inside an open send only behind it', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    const at = lab.place(Buffer.from('kept'))[0]!.at;
    lab.act((engine) => {
      engine.sendBegin(conn, 0);
      engine.span(at, 4);
      engine.span(at, 0);
      engine.release(at);
      engine.sendEnd();
      engine.sendBegin(conn, 0);
      engine.sendEnd();
      engine.shutdown(conn);
    });
    assert.equal(String(await readAll(socket)), 'kept');
    assert.equal(lab.usedChunks, 0);
  });

  test('reports brokenPipe or reset when the peer is gone, and forgets the bytes', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    lab.act((engine) => engine.readStop(conn));
    socket.destroy();
    await once(socket, 'close');
    // The first bytes after its end make the peer answer with a reset; what follows fails.
    lab.send(conn, 'x');
    const failed = await lab.until('error', () => {
      if (lab.of(conn, 'error').length === 0) lab.send(conn, 'x');
      return lab.of(conn, 'error')[0];
    });
    assert.match(errorOf(failed)!, /^(brokenPipe|reset)$/);
    lab.send(conn, 'after the end');
    lab.act((engine) => engine.closeConn(conn));
    assert.equal(lab.of(conn, 'error').length, 1);
    assert.deepEqual(lab.holdings, NOTHING);
  });
});

describe('a failed write', () => {
  /** The peer answers and closes with bytes of ours unread: its kernel resets the connection. */
  async function answerAndClose(lab: Lab, conn: number, socket: Socket): Promise<void> {
    lab.act((engine) => engine.readStop(conn));
    lab.send(conn, 'a request that is never read');
    await new Promise((resolve) => socket.write('the answer', resolve));
    socket.destroy();
    await once(socket, 'close');
  }

  test('does not hide what was received: it is read first, then the error is told', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    await answerAndClose(lab, conn, socket);
    lab.send(conn, 'more of it');
    lab.send(conn, 'and more');
    lab.act((engine) => engine.readStart(conn, 0));
    const failed = await lab.next(conn, 'error');
    assert.match(errorOf(failed)!, /^(brokenPipe|reset)$/);
    assert.equal(String(lab.received(conn)), 'the answer');
    assert.equal(lab.of(conn).at(-1), failed);
    lab.act((engine) => engine.closeConn(conn));
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('is told at once where the owner reads and nothing was received', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    reset(socket);
    await once(socket, 'close');
    lab.send(conn, 'x');
    assert.match(errorOf(await lab.next(conn, 'error'))!, /^(brokenPipe|reset)$/);
    assert.deepEqual(lab.of(conn, 'eof'), []);
  });

  test('behind the end of the peer leaves that end an end', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    lab.act((engine) => engine.readStop(conn));
    socket.end('all of it');
    await once(socket, 'finish');
    lab.send(conn, 'never read');
    socket.destroy();
    await once(socket, 'close');
    lab.send(conn, 'fails');
    lab.send(conn, 'fails again');
    lab.act((engine) => engine.readStart(conn, 0));
    await lab.next(conn, 'eof');
    assert.equal(String(lab.received(conn)), 'all of it');
    await lab.next(conn, 'error');
  });
});

describe('receive', () => {
  test('leaves the offset free once, in the next chunk only', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    lab.act((engine) => engine.readStart(conn, 5000));
    socket.write('first');
    const first = await lab.next(conn, 'data');
    assert.equal(first.at - lab.engine.chunkOf(first.at), 5000);
    socket.write('second');
    await lab.has(conn, 11);
    const second = lab.of(conn, 'data')[1]!;
    assert.equal(second.at, lab.engine.chunkOf(second.at));
  });

  test('never receives beyond the end of the chunk', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    lab.act((engine) => engine.readStart(conn, CHUNK_BYTES - 1));
    const bytes = randomBytes(3 * CHUNK_BYTES);
    socket.write(bytes);
    const got = await lab.has(conn, bytes.length);
    assert.equal(lab.of(conn, 'data')[0]!.bytes, 1);
    for (const { at, bytes: count } of lab.of(conn, 'data')) {
      assert.ok(at + count <= lab.engine.chunkOf(at) + CHUNK_BYTES);
    }
    assert.equal(hash(got), hash(bytes));
  });

  test('receives nothing while stopped, and everything after a new start', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    const other = await usePair(t, lab);
    lab.act((engine) => engine.readStop(conn));
    socket.write('held back');
    await new Promise<void>((resolve) => other.socket.write('later', () => resolve()));
    await lab.next(other.conn, 'data');
    assert.deepEqual(lab.of(conn, 'data'), []);
    lab.act((engine) => engine.readStart(conn, 7));
    assert.equal(String((await lab.next(conn, 'data')).data), 'held back');
  });

  test('reads what came with the end before it reports eof, then nothing', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    const bytes = randomBytes(2 * CHUNK_BYTES + 17);
    socket.end(bytes);
    await lab.next(conn, 'eof');
    assert.equal(hash(lab.received(conn)), hash(bytes));
    lab.act((engine) => engine.readStart(conn, 0));
    assert.equal(lab.of(conn).at(-1)!.kind, 'eof');
  });

  test('keeps the other direction open after each end', async (t) => {
    const lab = useLab(t);
    const ours = await usePair(t, lab);
    lab.act((engine) => engine.shutdown(ours.conn));
    await lab.next(ours.conn, 'finished');
    await Promise.all([once(ours.socket, 'end'), ours.socket.resume()]);
    ours.socket.end('answer');
    assert.equal(String(await lab.has(ours.conn, 6)), 'answer');
    await lab.next(ours.conn, 'eof');

    const theirs = await usePair(t, lab);
    theirs.socket.end();
    await lab.next(theirs.conn, 'eof');
    lab.send(theirs.conn, 'still here');
    lab.act((engine) => engine.shutdown(theirs.conn));
    assert.equal(String(await readAll(theirs.socket)), 'still here');
    await lab.next(theirs.conn, 'finished');
  });

  test('reports a reset at once, while nothing else happens on the engine', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    reset(socket);
    assert.equal(errorOf(await lab.next(conn, 'error')), 'reset');
    lab.act((engine) => engine.closeConn(conn));
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('reports a reset also when reading is stopped', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    lab.act((engine) => engine.readStop(conn));
    reset(socket);
    assert.equal(errorOf(await lab.next(conn, 'error')), 'reset');
  });
});

describe('end', () => {
  test('says finished only once everything queued before has left', async (t) => {
    const lab = useLab(t, { chunkCount: 1024 });
    const { conn, socket } = await usePair(t, lab);
    const sent = await block(lab, conn);
    lab.act((engine) => engine.shutdown(conn));
    assert.deepEqual(lab.of(conn, 'finished'), []);
    assert.equal((await readAll(socket)).length, sent.length);
    await lab.next(conn, 'finished');
    assert.equal(lab.engine.counter(CONTROL.queuedBytes), 0);
  });

  test('leaves the end to an owner that closes, once all has left', async (t) => {
    const lab = useLab(t, { chunkCount: 1024 });
    const { conn, socket } = await usePair(t, lab);
    const sent = await block(lab, conn);
    lab.act((engine) => engine.shutdown(conn, true));
    const all = readAll(socket);
    assert.equal((await lab.next(conn, 'finished')).bytes, 1);
    lab.act((engine) => engine.closeConn(conn));
    assert.equal((await all).length, sent.length);
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test('ends by itself all the same where the peer has sent what was not read: a close would be a reset', async (t) => {
    const lab = useLab(t);
    const { conn, socket } = await usePair(t, lab);
    const other = await usePair(t, lab);
    lab.act((engine) => engine.readStop(conn));
    await new Promise<void>((resolve) => socket.write('not read', () => resolve()));
    await new Promise<void>((resolve) => other.socket.write('behind it', () => resolve()));
    await lab.next(other.conn, 'data');
    lab.send(conn, 'all');
    lab.act((engine) => engine.shutdown(conn, true));
    assert.equal((await lab.next(conn, 'finished')).bytes, 0);
    assert.equal(String(await readAll(socket)), 'all');
  });

  /**
   * Reads to the end; returns the bytes, and how it ended. libuv says `end` for a reset behind a short read: then writing
   * tells, which works behind an end and not behind a reset.
   */
  async function readToEnd(socket: Socket): Promise<{ bytes: number; ending: 'end' | 'reset' }> {
    let bytes = 0;
    socket.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    const failed = new Promise<'reset'>((resolve) => socket.on('error', () => resolve('reset')));
    const ended = once(socket.resume(), 'end').then(
      () => new Promise<'end' | 'reset'>((resolve) => socket.write('x', (error) => resolve(error ? 'reset' : 'end'))),
    );
    return { ending: await Promise.race([ended, failed]), bytes };
  }

  for (const [how, close] of [
    ['close', (lab: Lab, conn: number) => lab.act((engine) => engine.closeConn(conn))],
    [
      'close after shutdown',
      (lab: Lab, conn: number) => {
        lab.act((engine) => engine.shutdown(conn));
        lab.act((engine) => engine.closeConn(conn));
      },
    ],
    ['the end of the engine', (lab: Lab) => lab.close()],
  ] as const) {
    test(`${how} with bytes that have not left is a reset: what was cut does not look whole`, async (t) => {
      const lab = useLab(t, { chunkCount: 1024 });
      const { conn, socket } = await usePair(t, lab);
      const sent = await block(lab, conn);
      close(lab, conn);
      const { bytes, ending } = await readToEnd(socket);
      assert.equal(ending, 'reset');
      assert.ok(bytes < sent.length);
    });
  }

  test('the end of the engine resets what is open, and leaves alone what was shut down', async (t) => {
    const lab = useLab(t);
    const open = await usePair(t, lab);
    const shut = await usePair(t, lab);
    lab.send(open.conn, 'half');
    lab.send(shut.conn, 'whole');
    lab.act((engine) => engine.shutdown(shut.conn));
    lab.close();
    assert.equal((await readToEnd(open.socket)).ending, 'reset');
    assert.deepEqual(await readToEnd(shut.socket), { bytes: 5, ending: 'end' });
  });

  test('lets the peer see an end after close, and a reset after reset', async (t) => {
    const lab = useLab(t);
    const closed = await usePair(t, lab);
    closed.socket.resume();
    lab.act((engine) => engine.closeConn(closed.conn));
    await once(closed.socket, 'end');

    const reset = await usePair(t, lab);
    reset.socket.resume();
    const failed = once(reset.socket, 'error');
    lab.act((engine) => engine.resetConn(reset.conn));
    assert.equal((await failed)[0].code, 'ECONNRESET');
    assert.deepEqual(lab.holdings, NOTHING);
  });
});
