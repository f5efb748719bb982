// Frames, cut anywhere: what they come to, and each rule of RFC 9113 that one frame can break.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME, FrameReader } from '../../../../src/codec/h2/frames-read.js';
import { Area } from '../../../../src/codec/h2/hpack/copy.js';
import { keptMemory } from '../../../../src/codec/h2/kept-pieces.js';
import { HTTP2_LIMITS } from '../../../../src/http/h2-limits.js';
import { bytes, END_HEADERS, FLOODED, fine, HEADERS, PROTOCOL, text, word, wrong } from './frame-cases.js';
import { events, frame, PREFACE, SETTINGS } from './frames.js';
import { clientBytes } from './node-client.js';

for (const [what, frames, expected] of [...fine, ...wrong]) {
  test(`reads ${what}, wherever it is cut`, () => {
    const all = Buffer.concat(frames);
    assert.deepEqual(events([all]), expected);
    const cuts = all.length < 200 ? Array.from(all, (_, i) => i) : [1, 8, 9, 10, 1000, all.length - 14, all.length - 1];
    for (const cut of cuts) {
      const pieces = [all.subarray(0, cut), all.subarray(cut)];
      assert.deepEqual(events(pieces), expected, `cut at ${cut}`);
    }
    const single = all.subarray(0, 200);
    const rest = all.subarray(200);
    assert.deepEqual(events([...Array.from(single, (byte) => bytes(byte)), rest]), expected, 'byte by byte');
  });
}

test('eight CONTINUATION frames pass, a ninth does not', () => {
  const block = (count: number): Buffer[] => [
    frame('HEADERS', 0, 1),
    ...Array.from({ length: count - 1 }, () => frame('CONTINUATION', 0, 1, text('x'))),
    frame('CONTINUATION', END_HEADERS, 1),
  ];
  assert.deepEqual(events(block(8)), ['headers 1 "xxxxxxx"']);
  assert.deepEqual(events(block(9)), [FLOODED]);
});

test('a block with more bytes than the limit ends the connection before it is whole', () => {
  const limits = { listBytesMax: 1000 };
  const block = (more: number): Buffer[] => [
    frame('HEADERS', 0, 1, Buffer.alloc(600, 'x')),
    frame('CONTINUATION', END_HEADERS, 1, Buffer.alloc(more, 'x')),
  ];
  assert.deepEqual(events(block(400), { limits }), [`headers 1 "${'x'.repeat(1000)}"`]);
  assert.deepEqual(events([block(401)[0]!, block(401)[1]!.subarray(0, 9)], { limits }), [FLOODED]);
});

test('what is kept of blocks that do not end is bounded for the worker, and given back with each connection', () => {
  const before = keptMemory.used;
  keptMemory.most = before + 100_000;
  const begun = Buffer.concat([SETTINGS, frame('HEADERS', 0, 1, Buffer.alloc(15_000, 'x'))]);
  const readers: FrameReader[] = [];
  const read = (reader: FrameReader, bytes: Buffer): number => {
    const memory = new Area(bytes);
    let last: number = FRAME.none;
    for (let at = 0; at < bytes.length; at = reader.next) {
      const event = reader.read(memory, at, bytes.length);
      if (event !== FRAME.none) last = event;
    }
    return last;
  };
  for (let i = 0; i < 6; i++) {
    readers.push(new FrameReader(true, true, HTTP2_LIMITS));
    assert.notEqual(read(readers[i]!, begun), FRAME.connectionError);
  }
  assert.equal(keptMemory.used, before + 90_000);
  const late = new FrameReader(true, true, HTTP2_LIMITS);
  assert.equal(read(late, begun), FRAME.connectionError);
  assert.ok(late.flooded);
  // A frame that is whole needs nothing, and one that ends gives back what it had.
  assert.equal(read(new FrameReader(true, true, HTTP2_LIMITS), Buffer.concat([SETTINGS, HEADERS])), FRAME.headers);
  assert.equal(read(readers[0]!, frame('CONTINUATION', END_HEADERS, 1)), FRAME.headers);
  assert.equal(keptMemory.used, before + 75_000);
  for (const reader of readers) reader.release();
  assert.equal(keptMemory.used, before);
  keptMemory.most = Number.MAX_SAFE_INTEGER;
});

test('a client begins with the preface and SETTINGS, cut anywhere', () => {
  const all = Buffer.concat([PREFACE, SETTINGS, HEADERS]);
  for (let cut = 0; cut < all.length; cut++) {
    assert.deepEqual(events([all.subarray(0, cut), all.subarray(cut)], { begun: false }), [
      'settings ',
      'headers 1 "block"',
    ]);
  }
});

test('what does not begin as HTTP/2 is none', () => {
  assert.deepEqual(events([text('GET / HTTP/1.1\r\n\r\n')], { begun: false }), ['noPreface']);
  assert.deepEqual(events([text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r'), text('x')], { begun: false }), ['noPreface']);
  assert.deepEqual(events([PREFACE, HEADERS, SETTINGS], { begun: false }), [PROTOCOL]);
  assert.deepEqual(events([PREFACE, frame('SETTINGS', 1, 0)], { begun: false }), [PROTOCOL]);
});

test('servers send no preface, no pushes and no PRIORITY_UPDATE', () => {
  const client = { isServer: false };
  assert.deepEqual(events([HEADERS], client), ['headers 1 "block"']);
  assert.deepEqual(events([frame('PUSH_PROMISE', END_HEADERS, 1, word(2))], client), [PROTOCOL]);
  assert.deepEqual(events([frame('PRIORITY_UPDATE', 0, 0, word(1))], client), [PROTOCOL]);
});

test("what Node's client writes is read, wherever it is cut", async () => {
  const headers = { ':path': '/a', 'x-long': 'v'.repeat(300) };
  const sent = await clientBytes([headers, { ...headers, ':method': 'POST' }, headers], [undefined!, 'the body']);
  const whole = events([sent], { begun: false });
  assert.equal(whole.filter((event) => event.startsWith('headers')).length, 3);
  assert.ok(
    whole.some((event) => /^data 3 "the body"\/8/.test(event)),
    whole.join('\n'),
  );
  assert.ok(!whole.some((event) => event.includes('Error')));
  for (let cut = 0; cut < sent.length; cut++) {
    assert.deepEqual(events([sent.subarray(0, cut), sent.subarray(cut)], { begun: false }), whole);
  }
  assert.deepEqual(
    events(
      Array.from(sent, (byte) => bytes(byte)),
      { begun: false },
    ),
    whole,
  );
});
