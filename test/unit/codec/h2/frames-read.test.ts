// Frames, cut anywhere: what they come to, and each rule of RFC 9113 that one frame can break.

import assert from 'node:assert/strict';
import { test } from 'node:test';
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
