// Submissions that break the layout, straight to the native engine: refused, and nothing is done twice or half.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addon, type NativeEngine } from '../../../src/engine/addon.js';
import { CHUNK_BYTES, CONTROL, EVENT, PEER_BYTES, SEND_SPANS_MAX, SUBMIT } from '../../../src/engine/layout.js';
import { type Cleanup, useLab } from './lab.js';

const SLAB_AT = 64;
const CHUNKS = 8;
const SLOTS = 4;
const WORDS = 1024;
const END = SLAB_AT + CHUNKS * CHUNK_BYTES;

function bareEngine(t: Cleanup): { native: NativeEngine; control: Int32Array; turn(...words: number[]): number } {
  const control = new Int32Array(CONTROL.WORDS + SLOTS);
  const submissions = new Int32Array(WORDS);
  const options = {
    memory: new ArrayBuffer(END),
    slabAt: SLAB_AT,
    chunkCount: CHUNKS,
    slotCount: SLOTS,
    connectionsMax: SLOTS,
    control,
    peers: new Uint8Array(SLOTS * PEER_BYTES),
    events: new Int32Array(64 * EVENT.WORDS),
    submissions,
  };
  const native = addon().engineOpen(options, () => {});
  t.after(() => native.close());
  return {
    native,
    control,
    turn: (...words) => {
      submissions.fill(0);
      submissions.set(words);
      return native.turn(words.length);
    },
  };
}

/** An engine with one open handle (0) and one chunk held at SLAB_AT. */
function readyEngine(t: Cleanup): ReturnType<typeof bareEngine> {
  const engine = bareEngine(t);
  assert.equal(engine.native.addressAdd('127.0.0.1', 1, 0, 0, 0), 0);
  assert.equal(engine.native.chunkTake(), SLAB_AT);
  engine.control[CONTROL.freeHandles]!--;
  engine.turn(SUBMIT.connect, 0, 0);
  return engine;
}

const MALFORMED: [name: string, words: number[]][] = [
  ['an unknown operation', [99]],
  ['operation 0', [0]],
  ['a negative operation', [-1, 0, 0]],
  ['a send without its count', [SUBMIT.send, 0, 0]],
  ['a send of no span', [SUBMIT.send, 0, 0, 0]],
  ['a send of a negative count', [SUBMIT.send, 0, 0, -1, SLAB_AT, 1]],
  ['a send of more spans than a send may list', [SUBMIT.send, 0, 0, SEND_SPANS_MAX + 1]],
  ['a send of more spans than there are words', [SUBMIT.send, 0, 0, 2, SLAB_AT, 1]],
  ['a span in front of the slab', [SUBMIT.send, 0, 0, 1, SLAB_AT - 1, 1]],
  ['a span behind the slab', [SUBMIT.send, 0, 0, 1, END, 1]],
  ['a span over the end of its chunk', [SUBMIT.send, 0, 0, 1, SLAB_AT + 1, CHUNK_BYTES]],
  ['a span of no bytes', [SUBMIT.send, 0, 0, 1, SLAB_AT, 0]],
  ['a span of negative length', [SUBMIT.send, 0, 0, 1, SLAB_AT + 10, -5]],
  ['a span at a negative address', [SUBMIT.send, 0, 0, 1, -CHUNK_BYTES, 1]],
  ['a span of the largest length', [SUBMIT.send, 0, 0, 1, SLAB_AT, 0x7fffffff]],
  ['a span in a chunk that nobody holds', [SUBMIT.send, 0, 0, 1, SLAB_AT + CHUNK_BYTES, 1]],
  ['a second span that is wrong', [SUBMIT.send, 0, 0, 2, SLAB_AT, 1, END, 1]],
  ['a release of what nobody holds', [SUBMIT.release, SLAB_AT + CHUNK_BYTES]],
  ['a release outside the slab', [SUBMIT.release, 0]],
  ['a retain of what nobody holds', [SUBMIT.retain, END - 1]],
  ['an operation without its handle', [SUBMIT.close]],
  ['a connect without its address', [SUBMIT.connect, 1]],
  ['a connect to an unknown address', [SUBMIT.connect, 1, 1]],
  ['a connect to a negative address', [SUBMIT.connect, 1, -1]],
  ['a connect of a handle that is open', [SUBMIT.connect, 0, 0]],
  ['a connect of a slot there is not', [SUBMIT.connect, SLOTS, 0]],
  ['a connect of a negative handle', [SUBMIT.connect, -1, 0]],
  ['an offset of a whole chunk', [SUBMIT.readStart, 0, CHUNK_BYTES]],
  ['a negative offset', [SUBMIT.readStart, 0, -1]],
  ['TLS without its bytes in front', [SUBMIT.tls, 0, 0, SLAB_AT]],
  ['TLS behind a negative number of bytes', [SUBMIT.tls, 0, 0, SLAB_AT, -1]],
  ['TLS behind bytes outside the slab', [SUBMIT.tls, 0, 0, SLAB_AT - 1, 1]],
  ['TLS behind bytes over the end of their chunk', [SUBMIT.tls, 0, 0, SLAB_AT + 1, CHUNK_BYTES]],
  ['TLS behind bytes in a chunk that nobody holds', [SUBMIT.tls, 0, 0, SLAB_AT + CHUNK_BYTES, 1]],
  ['a body of a negative number of chunks', [SUBMIT.readMany, 0, -1]],
];

for (const [name, words] of MALFORMED) {
  test(`refuses ${name} with ERR_SUBMISSION, and changes nothing`, (t) => {
    const engine = readyEngine(t);
    const before = [...engine.control];
    assert.throws(() => engine.turn(...words), { code: 'ERR_SUBMISSION' });
    assert.deepEqual([...engine.control], before);
    engine.turn(SUBMIT.release, SLAB_AT, SUBMIT.close, 0);
    assert.equal(engine.control[CONTROL.freeChunks], CHUNKS);
    assert.equal(engine.control[CONTROL.connections], 0);
  });
}

test('carries out what stands before a malformed submission', (t) => {
  const engine = readyEngine(t);
  assert.throws(() => engine.turn(SUBMIT.release, SLAB_AT, 99), { code: 'ERR_SUBMISSION' });
  assert.equal(engine.control[CONTROL.freeChunks], CHUNKS);
});

test('refuses a count of words beyond its words, or that is no number', (t) => {
  const { native } = bareEngine(t);
  assert.throws(() => native.turn(WORDS + 1), { code: 'ERR_SUBMISSION' });
  assert.throws(() => native.turn(-1), { code: 'ERR_SUBMISSION' });
  assert.throws(() => native.submit(WORDS + 1), { code: 'ERR_SUBMISSION' });
  assert.throws(() => native.turn('1' as unknown as number), { code: 'ERR_ARGUMENT' });
});

test('tells the local address of connections that are open, and refuses memory too small for it', (t) => {
  const { native, turn } = readyEngine(t);
  const record = new Uint8Array(PEER_BYTES);
  assert.equal(native.localAddress(0, record), true);
  assert.equal(record[0], 4);
  for (const stale of [1, SLOTS, -1, 0x7fffffff]) assert.equal(native.localAddress(stale, record), false);
  assert.throws(() => native.localAddress(0, new Uint8Array(PEER_BYTES - 1)), { code: 'ERR_ARGUMENT' });
  assert.throws(() => native.localAddress(0, new Int8Array(PEER_BYTES) as unknown as Uint8Array), {
    code: 'ERR_ARGUMENT',
  });
  turn(SUBMIT.close, 0);
  assert.equal(native.localAddress(0, record), false);
});

test('any words at all are carried out or refused: the counts stay within their bounds', (t) => {
  const engine = readyEngine(t);
  const word = fc.oneof(
    fc.integer({ min: 0, max: 10 }),
    fc.constantFrom(SLAB_AT, SLAB_AT + 5, SLAB_AT + CHUNK_BYTES, END - 1, END, -1, 0x7fffffff, -0x80000000),
    fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), (words) => {
      try {
        engine.turn(...words);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_SUBMISSION');
      }
      const free = engine.control[CONTROL.freeChunks]!;
      assert.ok(free >= 0 && free <= CHUNKS);
      if (free === CHUNKS) engine.native.chunkTake();
    }),
    { numRuns: 3000 },
  );
});

test('refuses memory that is missing, too small, or beyond what addresses reach', () => {
  const good = {
    memory: new ArrayBuffer(END),
    slabAt: SLAB_AT,
    chunkCount: CHUNKS,
    slotCount: SLOTS,
    connectionsMax: SLOTS,
    control: new Int32Array(CONTROL.WORDS + SLOTS),
    peers: new Uint8Array(SLOTS * PEER_BYTES),
    events: new Int32Array(64 * EVENT.WORDS),
    submissions: new Int32Array(WORDS),
  };
  const bad: [Partial<typeof good>, string][] = [
    [{ memory: new ArrayBuffer(END - 1) }, 'EINVAL'],
    [{ slabAt: -1 }, 'EINVAL'],
    [{ slabAt: SLAB_AT + 1 }, 'EINVAL'],
    [{ chunkCount: 7 }, 'EINVAL'],
    [{ chunkCount: 0x20000 }, 'EINVAL'],
    [{ chunkCount: -1 }, 'EINVAL'],
    [{ slotCount: 0 }, 'ERR_ARGUMENT'],
    [{ slotCount: SLOTS + 1 }, 'ERR_ARGUMENT'],
    [{ control: new Int32Array(CONTROL.WORDS) }, 'ERR_ARGUMENT'],
    [{ peers: new Uint8Array(1) }, 'ERR_ARGUMENT'],
    [{ events: new Int32Array(4) }, 'EINVAL'],
    [{ memory: 'none' as unknown as ArrayBuffer }, 'ERR_ARGUMENT'],
    [{ submissions: new Float64Array(8) as unknown as Int32Array<ArrayBuffer> }, 'ERR_ARGUMENT'],
  ];
  for (const [change, code] of bad) {
    assert.throws(() => addon().engineOpen({ ...good, ...change }, () => {}), { code }, JSON.stringify(change));
  }
});

test('tens of thousands of addresses are each found at once, and removed ones are not found', (t) => {
  const { engine } = useLab(t);
  const count = 60_000;
  const add = (i: number): number => engine.addressAdd(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 80);
  const from = performance.now();
  const indexes = Array.from({ length: count }, (_, i) => add(i));
  assert.equal(new Set(indexes).size, count);
  for (let i = 0; i < count; i++) assert.equal(add(i), indexes[i]);
  for (let i = 0; i < count; i += 2) for (const index of [indexes[i]!, indexes[i]!]) engine.addressRemove(index);
  const again = new Set(Array.from({ length: count / 2 }, (_, i) => add(count + i)));
  assert.deepEqual(again, new Set(indexes.filter((_, i) => i % 2 === 0)), 'the places that are free, each once');
  for (let i = 1; i < count; i += 2) assert.equal(add(i), indexes[i]);
  assert.ok(add(0) >= count, 'it was removed, and its place taken');
  assert.ok(performance.now() - from < 10_000, 'time linear in their number');
});

test('an address that was removed as often as added gives its index to another', (t) => {
  const { engine } = useLab(t);
  const [first, second] = [engine.addressAdd('10.0.0.1', 80), engine.addressAdd('10.0.0.2', 80)];
  assert.equal(engine.addressAdd('10.0.0.1', 80), first);
  engine.addressRemove(first);
  assert.notEqual(engine.addressAdd('10.0.0.3', 80), first, 'it is in use');
  engine.addressRemove(first);
  assert.equal(engine.addressAdd('10.0.0.4', 80), first);
  assert.equal(engine.addressAdd('10.0.0.2', 80), second);
  for (let i = 0; i < 10_000; i++) {
    const index = engine.addressAdd(`10.1.${i >> 8}.${i & 255}`, 80);
    assert.ok(index < 8, `${index}`);
    engine.addressRemove(index);
  }
});
