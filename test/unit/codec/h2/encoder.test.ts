// Blocks that are written come to the same fields at every decoder: the slow one, ours, and that of Node (nghttp2).

import assert from 'node:assert/strict';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { FRAME, FrameReader } from '../../../../src/codec/h2/frames-read.js';
import { Area } from '../../../../src/codec/h2/hpack/copy.js';
import { EncoderTable, HpackEncoder } from '../../../../src/codec/h2/hpack/encoder.js';
import { tableMemory } from '../../../../src/codec/h2/hpack/table-memory.js';
import { HTTP2_LIMITS } from '../../../../src/http/h2-limits.js';
import { Random } from '../../../fuzz/random.js';
import { Blocks } from './blocks.js';
import { frame, SETTINGS } from './frames.js';
import { type Field, ReferenceDecoder } from './reference-hpack.js';

const encoder = new HpackEncoder();

/** A block with these fields, by way of lines as a server of HTTP/1 writes them, or as text. */
function encode(owner: EncoderTable, status: number, fields: readonly Field[], asText = false): Buffer {
  encoder.begin(owner);
  if (status > 0) encoder.status(status);
  for (const [name, value] of fields) {
    if (asText) {
      encoder.lines(`${name}: ${value}\r\n`);
      continue;
    }
    const line = new Area(Buffer.from(`junk${name}: ${value}junk`, 'latin1'));
    encoder.field(line, 4, name.length, 4 + name.length + 2, value.length);
  }
  return Buffer.from(encoder.area.bytes.subarray(0, encoder.length));
}

const lower = (fields: readonly Field[]): Field[] => fields.map(([name, value]) => [name.toLowerCase(), value]);

const HEAD: readonly Field[] = [
  ['Server', 'nginx/1.27.3'],
  ['Date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
  ['Content-Type', 'text/html; charset=utf-8'],
  ['Content-Length', '5120'],
  ['Cache-Control', 'public, max-age=31536000, immutable'],
  ['X-Frame-Options', 'SAMEORIGIN'],
];

test('a head that repeats takes a byte for each field', () => {
  const owner = new EncoderTable();
  const decoder = new ReferenceDecoder();
  for (let i = 0; i < 5; i++) {
    const block = encode(owner, 200, HEAD);
    assert.deepEqual(decoder.read(block), [[':status', '200'], ...lower(HEAD)]);
    if (i > 0) assert.equal(block.length, 1 + HEAD.length);
  }
});

test('a value that changes with each message does not go into the table, and does once it stays', () => {
  const owner = new EncoderTable();
  const decoder = new ReferenceDecoder();
  const entries: number[] = [];
  for (const id of ['a1', 'b2', 'c3', 'd4', 'd4', 'd4', 'e5', 'd4']) {
    const fields: Field[] = [['X-Request-Id', `id-${id}-${'0'.repeat(20)}`]];
    assert.deepEqual(decoder.read(encode(owner, 0, fields)), lower(fields));
    entries.push(owner.table.count);
  }
  assert.deepEqual(entries, [1, 1, 1, 1, 2, 2, 2, 2]);
});

test('credentials are marked as never to be indexed, and are not', () => {
  const owner = new EncoderTable();
  const fields: Field[] = [
    ['Authorization', 'Bearer abc'],
    ['cookie', 'a=b'],
    ['SET-COOKIE', 'a=b'],
    ['proxy-authorization', 'Basic abc'],
  ];
  for (const field of fields) {
    for (let i = 0; i < 3; i++) {
      const block = encode(owner, 0, [field]);
      assert.equal(block[0]! & 0xf0, 0x10, field[0]);
      assert.deepEqual(new ReferenceDecoder().read(block), lower([field]));
    }
  }
  assert.equal(owner.table.count, 0);
});

test('every status is written', () => {
  const decoder = new ReferenceDecoder();
  const owner = new EncoderTable();
  for (let status = 100; status < 600; status++) {
    assert.deepEqual(decoder.read(encode(owner, status, [])), [[':status', String(status)]]);
  }
});

test('a table that the peer makes smaller, or takes away, is one for both sides', () => {
  const owner = new EncoderTable();
  const decoder = new ReferenceDecoder();
  const both = (): void => {
    assert.deepEqual(decoder.read(encode(owner, 0, HEAD)), lower(HEAD));
  };
  both();
  owner.allow(0);
  assert.equal(encode(new EncoderTable(), 0, []).length, 0);
  both();
  assert.equal(owner.table.count, 0);
  owner.allow(100);
  both();
  owner.allow(0);
  owner.allow(4096);
  const block = encode(owner, 0, HEAD);
  assert.equal(block[0], 0x20, 'first to nothing');
  assert.deepEqual(decoder.read(block), lower(HEAD));
  assert.equal(owner.table.count, HEAD.length);
  owner.allow(1_000_000);
  assert.equal(encode(owner, 0, HEAD).length, HEAD.length, 'more than we want changes nothing');
});

const NAMES = [
  'Server',
  'server',
  'X-A',
  'x-b',
  'Content-Type',
  'ETag',
  'Link',
  'x_under',
  'Vary',
  'Set-Cookie',
  'X-Long-Name-Of-A-Field',
  'a',
];
const VALUES = [
  '',
  'x',
  'one',
  'text/html',
  'v'.repeat(200),
  'w'.repeat(5000),
  '0123',
  '0124',
  'abcdefgh1',
  'abcdefgh2',
];

test('a table that is released has no memory, and what is written then is still a block', () => {
  const before = tableMemory.used;
  const owner = new EncoderTable();
  const first = encode(owner, 200, HEAD);
  assert.equal(tableMemory.used - before, owner.memoryBytes);
  assert.ok(owner.memoryBytes > 0);
  owner.release();
  assert.equal(tableMemory.used, before);
  const decoder = new ReferenceDecoder();
  assert.deepEqual(decoder.read(first), decoder.read(encode(owner, 200, HEAD)));
  assert.equal(tableMemory.used, before);
});

test('random messages, with tables that change, come to the same at three decoders', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = new Random(seed);
    const owner = new EncoderTable();
    const reference = new ReferenceDecoder();
    const blocks = new Blocks();
    blocks.limits = { ...blocks.limits, fieldsMax: 1000, listBytesMax: 1_000_000 };
    let fields: Field[] = [];
    for (let message = 0; message < 25; message++) {
      if (random.below(3) > 0 || fields.length === 0) {
        fields = Array.from({ length: random.below(14) }, () => [random.pick(NAMES), random.pick(VALUES)]);
      }
      if (random.below(6) === 0) owner.allow(random.pick([0, 60, 300, 2000, 4096, 100_000]));
      const block = encode(owner, 200, fields, random.below(2) === 0);
      const wanted = [[':status', '200'], ...lower(fields)];
      assert.deepEqual(reference.read(block), wanted, `seed ${seed}, message ${message}`);
      assert.equal(blocks.response(block), 'ok');
      assert.deepEqual(blocks.fields, wanted.slice(1));
    }
  }
});

/** What a client of Node makes of responses with these blocks. */
async function nodeReads(blocks: readonly Buffer[]): Promise<IncomingHttpHeaders[]> {
  const reader = new FrameReader(true, false, HTTP2_LIMITS);
  let answered = 0;
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      const memory = new Area(chunk);
      let at = 0;
      for (let event = reader.read(memory, at, chunk.length); event !== FRAME.none; ) {
        at = reader.next;
        if (event === FRAME.settings) wire.push(Buffer.concat([SETTINGS, frame('SETTINGS', 1, 0)]));
        if (event === FRAME.headers) wire.push(frame('HEADERS', 5, reader.stream, blocks[answered++]!));
        event = reader.read(memory, at, chunk.length);
      }
      done();
    },
  });
  const session = connect('http://proxy.example', { createConnection: () => wire });
  const seen: IncomingHttpHeaders[] = [];
  try {
    for (let i = 0; i < blocks.length; i++) {
      seen.push(
        await new Promise<IncomingHttpHeaders>((resolve, reject) => {
          session.on('error', reject);
          const request = session.request({ ':path': '/' });
          request.on('error', reject);
          request.on('response', (headers) => resolve(headers));
          request.resume();
        }),
      );
      session.removeAllListeners('error');
    }
    return seen;
  } finally {
    session.on('error', () => {});
    session.destroy();
  }
}

test('a client of Node reads them', async () => {
  const owner = new EncoderTable();
  const random = new Random(11);
  const heads = Array.from({ length: 30 }, (): Field[] => [
    ...HEAD.filter(([name]) => name !== 'Content-Length'),
    ['X-Id', String(random.below(3))],
    ['X-Unique', String(random.next())],
    ['Latin', 'caf\xe9'],
  ]);
  const seen = await nodeReads(heads.map((fields) => encode(owner, 200, fields)));
  for (const [i, headers] of seen.entries()) {
    const { ':status': status, ...rest } = headers;
    assert.equal(status, 200);
    assert.deepEqual(Object.entries(rest), lower(heads[i]!));
  }
});
