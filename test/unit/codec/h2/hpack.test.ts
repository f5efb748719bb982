// HPACK: the examples of RFC 7541, appendix C, what is not valid, and random blocks against a slow decoder.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Area } from '../../../../src/codec/h2/hpack/copy.js';
import { DECODED, HpackDecoder } from '../../../../src/codec/h2/hpack/decoder.js';
import { DynamicTable } from '../../../../src/codec/h2/hpack/dynamic-table.js';
import { HUFFMAN, huffmanBytes, huffmanDecode, huffmanEncode } from '../../../../src/codec/h2/hpack/huffman.js';
import { tableMemory } from '../../../../src/codec/h2/hpack/table-memory.js';
import { Random } from '../../../fuzz/random.js';
import { type Field, ReferenceDecoder, ReferenceEncoder } from './reference-hpack.js';

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');

/** Reads blocks one after the other, with one table; null for one that is not valid. */
class Reader {
  readonly memory = new Uint8Array(1 << 16);
  readonly decoder: HpackDecoder;

  constructor(readonly table = new DynamicTable(4096)) {
    this.decoder = new HpackDecoder(this.memory, table);
  }

  read(block: Uint8Array, tableBytesMax = 4096): Field[] | null {
    const { decoder } = this;
    const begun = decoder.begin(this.table, tableBytesMax, new Area(block), 0, block.length, 0, this.memory.length);
    if (!begun) return null;
    const places: number[][] = [];
    while (!decoder.done) {
      if (decoder.next() !== DECODED.field) return null;
      places.push([decoder.lineAt, decoder.nameBytes, decoder.valueBytes]);
    }
    decoder.flush();
    return places.map(([at, name, value]) => {
      const line = Buffer.from(this.memory.subarray(at, at! + name! + value! + 4)).toString('latin1');
      assert.equal(line.slice(name, name! + 2), ': ');
      assert.equal(line.slice(-2), '\r\n');
      return [line.slice(0, name), line.slice(name! + 2, -2)] as const;
    });
  }
}

const REQUESTS: readonly (readonly Field[])[] = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
];

const DATE = 'Mon, 21 Oct 2013 20:13:21 GMT';
const COOKIE = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const RESPONSES: readonly (readonly Field[])[] = [
  [
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', DATE],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', DATE],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', DATE.replace(':21 ', ':22 ')],
    ['location', 'https://www.example.com'],
    ['content-encoding', 'gzip'],
    ['set-cookie', COOKIE],
  ],
];

test('reads the examples of RFC 7541, C.2: each way to write one field', () => {
  const custom: Field = ['custom-key', 'custom-header'];
  const c21 = bytesOf('400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572');
  const reader = new Reader();
  assert.deepEqual(reader.read(c21), [custom]);
  assert.equal(reader.table.bytesUsed, 55);
  assert.deepEqual(reader.read(Buffer.from([0xbe])), [custom]);
  assert.deepEqual(new Reader().read(bytesOf('040c 2f73 616d 706c 652f 7061 7468')), [[':path', '/sample/path']]);
  assert.deepEqual(new Reader().read(bytesOf('1008 7061 7373 776f 7264 0673 6563 7265 74')), [['password', 'secret']]);
  assert.deepEqual(new Reader().read(bytesOf('82')), [[':method', 'GET']]);
});

const C3 = ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', '8286 84be 5808 6e6f 2d63 6163 6865'];
const C3_LAST = '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65';
const C4 = ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', '8286 84be 5886 a8eb 1064 9cbf'];
const C4_LAST = '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf';

for (const [name, blocks] of [
  ['C.3, without Huffman', [...C3, C3_LAST]],
  ['C.4, with Huffman', [...C4, C4_LAST]],
] as const) {
  test(`reads the requests of RFC 7541, ${name}`, () => {
    const reader = new Reader();
    assert.deepEqual(
      blocks.map((block) => reader.read(bytesOf(block))),
      REQUESTS,
    );
    assert.equal(reader.table.bytesUsed, 164);
    assert.equal(reader.table.count, 3);
  });
}

const C5 = [
  '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e ' +
    '1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
  '4803 3330 37c1 c0bf',
  '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d ' +
    '4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 ' +
    '6572 7369 6f6e 3d31',
];
const C6 = [
  '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b ' +
    '97c8 e9ae 82ae 43d3',
  '4883 640e ffc1 c0bf',
  '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf ' +
    'cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
];

for (const [name, blocks] of [
  ['C.5, without Huffman', C5],
  ['C.6, with Huffman', C6],
] as const) {
  test(`reads the responses of RFC 7541, ${name}, with a table of 256 bytes that evicts`, () => {
    const reader = new Reader(new DynamicTable(256));
    assert.deepEqual(
      blocks.map((block) => reader.read(bytesOf(block), 256)),
      RESPONSES,
    );
    assert.equal(reader.table.bytesUsed, 215);
    assert.equal(reader.table.count, 3);
  });
}

test('every byte keeps its code, alone and in pairs', () => {
  const coded = new Uint8Array(64);
  const plain = new Uint8Array(64);
  for (let first = 0; first < 256; first++) {
    for (const second of [-1, 0x30, 0x41, 0x00, first, (first * 7) & 0xff]) {
      const text = Uint8Array.from(second < 0 ? [first] : [first, second, first]);
      const end = huffmanEncode(text, 0, text.length, coded, 0);
      assert.equal(end, huffmanBytes(text, 0, text.length));
      const out = huffmanDecode(coded, 0, end, plain, 0, plain.length);
      assert.deepEqual([...plain.subarray(0, out)], [...text]);
    }
  }
});

test('refuses padding that is no ones, padding of a byte, and EOS', () => {
  const into = new Uint8Array(64);
  const decode = (hex: string): number => huffmanDecode(bytesOf(hex), 0, hex.length / 2, into, 0, 64);
  assert.equal(decode('1f'), 1, 'an a and three ones');
  assert.equal(decode('1e'), HUFFMAN.invalid, 'the last bit is 0');
  assert.equal(decode('1fff'), HUFFMAN.invalid, 'a byte of padding');
  assert.equal(decode('ffffffff'), HUFFMAN.invalid, 'EOS');
  assert.equal(decode('1fffffffffff'), HUFFMAN.invalid, 'EOS behind an a');
  assert.equal(decode('fffffffc'), HUFFMAN.invalid, 'EOS, and zeros');
  assert.equal(decode(''), 0);
});

test('a string for which there is no room is not written behind it', () => {
  const coded = new Uint8Array(64);
  const end = huffmanEncode(Buffer.from('0123456789'), 0, 10, coded, 0);
  for (let room = 0; room < 16; room++) {
    const into = new Uint8Array(16).fill(0xee);
    const out = huffmanDecode(coded, 0, end, into, 0, room);
    if (room < 10) assert.equal(out, HUFFMAN.noRoom);
    assert.ok(into.subarray(room).every((byte) => byte === 0xee));
  }
});

const refused: readonly (readonly [name: string, hex: string])[] = [
  ['index 0', '80'],
  ['an index behind the static table, of an empty dynamic one', 'be'],
  ['a name index behind both tables', '7f2001 61'],
  ['an index that is cut', 'ff'],
  ['an index of six bytes', 'ff8080808001'],
  ['an index that means nothing', 'ffffffff7f'],
  ['a literal without a name', '40'],
  ['a literal without a value', '4001 61'],
  ['a name longer than the block', '4005 6162'],
  ['a value longer than the block', '4001 6105 62'],
  ['a length of five bytes', '40 7f8080808001'],
  ['a size update above the setting', '3fe21f'],
  ['a size update behind a field', '8220'],
  ['Huffman with EOS', '4084 ffffffff 00'],
  ['Huffman with long padding', '4082 1fff 00'],
];
for (const [name, hex] of refused) {
  test(`refuses ${name}`, () => {
    assert.equal(new Reader().read(bytesOf(hex)), null);
    assert.equal(new ReferenceDecoder().read(bytesOf(hex)), null, 'so does the slow decoder');
  });
}

test('reads size updates at the start of a block, several too, and evicts by them', () => {
  const reader = new Reader();
  reader.read(bytesOf('4001 6101 62'));
  assert.equal(reader.table.count, 1);
  // To 0, to 4096, and then a field.
  assert.deepEqual(reader.read(bytesOf('20 3fe11f 82')), [[':method', 'GET']]);
  assert.equal(reader.table.count, 0);
  assert.equal(reader.read(bytesOf('be')), null);
});

test('a field larger than the table empties it', () => {
  const reader = new Reader(new DynamicTable(100));
  reader.read(bytesOf('4001 6101 62'), 100);
  const large = Buffer.concat([bytesOf('4001 61'), Buffer.from([80]), Buffer.alloc(80, 'x')]);
  assert.deepEqual(reader.read(large, 100), [['a', 'x'.repeat(80)]]);
  assert.equal(reader.table.count, 0);
  assert.equal(reader.table.bytesUsed, 0);
});

test('a table keeps within what it may have, however it is filled', () => {
  const table = new DynamicTable(4096);
  const line = new Area(Buffer.from(`${'n'.repeat(100)}: ${'v'.repeat(4000)}\r\n`));
  const random = new Random(7);
  for (let i = 0; i < 20_000; i++) {
    const name = random.below(60);
    const value = random.below(20) === 0 ? random.below(4000) : random.below(60);
    table.add(line, 0, name, value, 0);
    assert.ok(table.bytesUsed <= 4096);
    assert.ok(table.memoryBytes <= 4608 + 2048, `${table.memoryBytes} bytes`);
  }
  table.release();
});

test('a fresh table has no memory, one with an entry 384 bytes, and one that is released none', () => {
  const before = tableMemory.used;
  const table = new DynamicTable(4096);
  assert.equal(table.memoryBytes, 0);
  const line = new Area(Buffer.from('name: value\r\n'));
  table.add(line, 0, 4, 5, 0);
  assert.equal(table.memoryBytes, 384);
  assert.equal(tableMemory.used, before + 384);
  table.release();
  assert.equal(table.add(line, 0, 4, 5, 0), false);
  assert.equal(tableMemory.used, before);
});

test('tables that fill, shrink and go at random share memory without touching each other', () => {
  const before = tableMemory.used;
  const random = new Random(5);
  const tables: { table: DynamicTable; lines: string[] }[] = [];
  for (let step = 0; step < 30_000; step++) {
    if (tables.length < 20) tables.push({ table: new DynamicTable(random.pick([4096, 1000, 200])), lines: [] });
    const one = random.pick(tables);
    const name = 'n'.repeat(random.below(20));
    const value = `${step}`.padEnd(random.below(random.below(10) === 0 ? 800 : 60), 'v');
    const text = `${name}: ${value}\r\n`;
    if (one.table.add(new Area(Buffer.from(text)), 0, name.length, value.length, step)) one.lines.unshift(text);
    one.lines.length = one.table.count;
    if (random.below(100) === 0) {
      one.table.release();
      tables.splice(tables.indexOf(one), 1);
    }
    if (step % 50 > 0) continue;
    for (const { table, lines } of tables) {
      for (const [age, expected] of lines.entries()) {
        const at = table.entries[table.entry(age)]!;
        assert.equal(Buffer.from(table.area.bytes.subarray(at, at + expected.length)).toString(), expected);
      }
    }
    assert.equal(
      tableMemory.used - before,
      tables.reduce((sum, { table }) => sum + table.memoryBytes, 0),
    );
  }
  for (const { table } of tables) table.release();
  assert.equal(tableMemory.used, before);
});

const NAMES = [
  ':method',
  ':path',
  'accept',
  'user-agent',
  'cookie',
  'x-a',
  'x-b',
  'etag',
  'server',
  'x-long-name-of-a-field',
];
const VALUES = [
  '',
  'GET',
  '/',
  '*/*',
  'a=b',
  'gzip, deflate',
  'Mozilla/5.0 (X11; Linux x86_64) of some length',
  'x'.repeat(300),
];

test('100,000 random blocks come to what a slow decoder makes of them, in whatever way they are written', () => {
  const blocksOfOne = 50;
  let read = 0;
  for (let seed = 1; read < 100_000; seed++) {
    const random = new Random(seed);
    const [reader, reference, encoder] = [new Reader(), new ReferenceDecoder(), new ReferenceEncoder()];
    for (let i = 0; i < blocksOfOne; i++, read++) {
      const fields = Array.from({ length: random.below(6) }, () => [random.pick(NAMES), anyValue(random)] as const);
      let block = encoder.write(fields, (below) => random.below(below));
      const broken = i === blocksOfOne - 1 && random.below(2) === 0 && block.length > 0;
      if (broken) {
        block = Buffer.from(block);
        block[random.below(block.length)]! ^= 1 << random.below(8);
      }
      const expected = reference.read(block);
      assert.deepEqual(reader.read(block), expected, `seed ${seed}, block ${i}: ${block.toString('hex')}`);
      if (!broken) assert.deepEqual(expected, fields);
    }
  }
});

function anyValue(random: Random): string {
  if (random.below(3) > 0) return random.pick(VALUES);
  return Buffer.from(Array.from({ length: random.below(20) }, () => random.below(256))).toString('latin1');
}
