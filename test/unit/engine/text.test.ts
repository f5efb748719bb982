// Text written into the slab, and constants pinned there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CHUNK_BYTES } from '../../../src/engine/layout.js';
import { Constant, PinnedTexts, Writer } from '../../../src/engine/text.js';
import { useLab } from './lab.js';

function written(write: (writer: Writer) => void): string {
  const memory = new Uint8Array(256).fill(0x2a);
  const writer = new Writer(memory);
  writer.at = 10;
  write(writer);
  const text = Buffer.from(memory.subarray(10, writer.at)).toString('latin1');
  assert.ok(
    memory.subarray(0, 10).every((byte) => byte === 0x2a),
    'it wrote in front',
  );
  assert.ok(
    memory.subarray(writer.at).every((byte) => byte === 0x2a),
    'it wrote behind',
  );
  return text;
}

test('every octet is written as JavaScript writes it', () => {
  for (let value = 0; value <= 255; value++) {
    assert.equal(
      written((writer) => writer.octet(value)),
      String(value),
    );
  }
});

test('hexadecimals have the digits they need, or eight', () => {
  const number = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 15, 16, 0xffffffff, 0x80000000));
  fc.assert(
    fc.property(number, (value) => {
      assert.equal(
        written((writer) => writer.hex(value)),
        value.toString(16),
      );
      assert.equal(
        written((writer) => writer.hex8(value)),
        value.toString(16).padStart(8, '0'),
      );
    }),
  );
});

test('a constant of any length is written whole, and nothing beside it', () => {
  for (let length = 0; length <= 20; length++) {
    const text = String.fromCharCode(...Array.from({ length }, (_, i) => (i % 2 === 0 ? 0x61 + i : 0xff - i)));
    assert.equal(
      written((writer) => writer.put(new Constant(text))),
      text,
    );
  }
});

test('text, bytes and copies follow each other', () => {
  const text = written((writer) => {
    writer.text('a\xff');
    writer.put(new Constant('bc'));
    writer.copy(10, 3);
  });
  assert.equal(text, 'a\xffbca\xffb');
});

test('a constant is pinned once, stays where it is, and never crosses a chunk', (t) => {
  const lab = useLab(t, { chunkCount: 8 });
  const pinned = new PinnedTexts(lab.engine, lab.memory);
  const texts = Array.from({ length: 40 }, (_, i) => `${i}:${'x'.repeat(1000)}`);
  const places = texts.map((text) => pinned.pin(text));
  for (const [i, { at, bytes }] of places.entries()) {
    assert.equal(Buffer.from(lab.memory.subarray(at, at + bytes)).toString('latin1'), texts[i]);
    assert.equal(lab.engine.chunkOf(at), lab.engine.chunkOf(at + bytes - 1));
    assert.equal(pinned.pin(texts[i]!), places[i]);
  }
  assert.equal(pinned.held.length, lab.usedChunks);
  assert.equal(pinned.held.length, 3);
});

test('a constant longer than a chunk, or a full slab, is a RangeError', (t) => {
  const lab = useLab(t, { chunkCount: 8 });
  const pinned = new PinnedTexts(lab.engine, lab.memory);
  assert.throws(() => pinned.pin('x'.repeat(CHUNK_BYTES + 1)), RangeError);
  pinned.pin('x'.repeat(CHUNK_BYTES));
  while (lab.engine.chunkTake() >= 0);
  assert.throws(() => pinned.pin('y'), RangeError);
});

test('what was pinned for a plan is given back with it, and constants stay', (t) => {
  const lab = useLab(t, { chunkCount: 8 });
  const pinned = new PinnedTexts(lab.engine, lab.memory);
  const constant = pinned.pin('constant');
  for (let plan = 0; plan < 100; plan++) {
    assert.equal(pinned.pinIfRoom('constant'), constant);
    const text = pinned.pinIfRoom(`of plan ${plan}`.padEnd(CHUNK_BYTES / 2, 'x'));
    assert.equal(pinned.pinIfRoom(`of plan ${plan}`.padEnd(CHUNK_BYTES / 2, 'x')), text);
    assert.equal(pinned.held.length, 2);
    pinned.renew();
    lab.engine.run();
    assert.equal(pinned.held.length, 1);
  }
  assert.equal(lab.usedChunks, 1);
});
