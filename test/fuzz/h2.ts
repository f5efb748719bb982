// The fuzz targets of HTTP/2: mutated frames come to the same however they are cut; mutated blocks of fields come to what a slow
// decoder makes of them, and a block that is taken is a head that llhttp reads as the same.
// Owns the promises. Leaves how long they are tried to the test.

import assert from 'node:assert/strict';
import { FIELD } from '../../src/http/head.js';
import { Llhttp } from '../../src/http/llhttp.js';
import { METHOD_NAMES } from '../../src/http/methods.js';
import { PARSED } from '../../src/http/parsed.js';
import { GET, malformed } from '../unit/codec/h2/block-cases.js';
import { Blocks, literals } from '../unit/codec/h2/blocks.js';
import { fine, wrong } from '../unit/codec/h2/frame-cases.js';
import { events, PREFACE, SETTINGS } from '../unit/codec/h2/frames.js';
import { type Field, ReferenceDecoder, ReferenceEncoder } from '../unit/codec/h2/reference-hpack.js';
import { mutate, pieces, Random } from './random.js';

/** Reads a connection in pieces: the real reader, or a broken one that the harness has to find out. */
export type ReadFrames = (parts: readonly Buffer[]) => string[];

export const readFramesWell: ReadFrames = (parts) => events(parts, { begun: false });

const small = [...fine, ...wrong].map(([, frames]) => Buffer.concat(frames)).filter(({ length }) => length < 400);

/** One connection of a client, made from `seed`. */
export function fuzzFrames(seed: number, read: ReadFrames = readFramesWell): void {
  const random = new Random(seed);
  const frames = Array.from({ length: 1 + random.below(5) }, () =>
    random.below(3) === 0 ? mutate(random, random.pick(small)) : random.pick(small),
  );
  const begin = Buffer.concat([PREFACE, SETTINGS]);
  const stream = Buffer.concat([random.below(20) === 0 ? mutate(random, begin) : begin, ...frames]);
  const whole = read([stream]);
  const text = stream.toString('hex');
  assert.deepEqual(read(pieces(random, stream)), whole, text);
  assert.deepEqual(read(Array.from(stream, (byte) => Buffer.from([byte]))), whole, `bytes of ${text}`);
  const ends = whole.findIndex((event) => /^(connectionError|noPreface)/.test(event));
  assert.ok(ends < 0 || ends === whole.length - 1, 'nothing comes behind the end of a connection');
}

const NAMES = [
  'accept',
  'cookie',
  'te',
  'host',
  'content-length',
  'x-a',
  'X-B',
  'via',
  'connection',
  ':path',
  'x_y',
  '',
];
const VALUES = [
  '',
  'a',
  'trailers',
  '5',
  '6',
  'shop.example',
  '/b',
  'a=1',
  'x'.repeat(3000),
  'v\x00',
  ' v',
  'gzip, br',
];

/** The fields of a request, with what is wrong more often than in life. */
function someFields(random: Random): Field[] {
  const pseudo = GET.flatMap(([name, value]): Field[] => {
    const chance = random.below(40);
    if (chance === 0) return [];
    return [[name, chance === 1 ? random.pick(VALUES) : value]];
  });
  const others = Array.from({ length: random.below(8) }, (): Field => [random.pick(NAMES), random.pick(VALUES)]);
  return [...pseudo, ...others];
}

const llhttp = new Llhttp({ slabBytes: 1 << 18, parsersMax: 1 });

/** A head that was made of a block is what it says: llhttp reads the same method, target and fields from its bytes. */
function checkHead(blocks: Blocks, seed: number): void {
  const text = Buffer.from(blocks.text, 'latin1');
  const parser = llhttp.acquireRequest()!;
  llhttp.bytes.set(text, llhttp.slabAt);
  parser.begin(llhttp.slabAt, 1000);
  const says = `seed ${seed}: ${JSON.stringify(blocks.text)}`;
  assert.equal(parser.executeHead(llhttp.slabAt, text.length), PARSED.complete, says);
  const { head } = parser;
  const read = blocks.head;
  assert.equal(parser.endAt - llhttp.slabAt, text.length, says);
  assert.equal(METHOD_NAMES[head.method], METHOD_NAMES[read.method], says);
  assert.deepEqual([head.targetAt, head.targetBytes], [read.targetAt, read.targetBytes], says);
  assert.deepEqual([head.ids, head.repeated, head.fieldCount], [read.ids, read.repeated, read.fieldCount], says);
  for (let field = 0; field < head.fieldCount * FIELD.WORDS; field += FIELD.WORDS) {
    // Where an empty value lies means nothing.
    const words = head.fields[field + FIELD.valueBytes] === 0 ? [0, 1, 3, 4] : [0, 1, 2, 3, 4];
    for (const word of words) assert.equal(read.fields[field + word], head.fields[field + word], says);
  }
  llhttp.releaseRequest(parser);
}

/** Reads blocks one after the other: the real reader, or a broken one. */
export type ReadBlock = (blocks: Blocks, block: Buffer) => string;

export const readBlockWell: ReadBlock = (blocks, block) => blocks.request(block);

/** The blocks of one connection, made from `seed`. */
export function fuzzBlocks(seed: number, read: ReadBlock = readBlockWell): void {
  const random = new Random(seed);
  const [blocks, reference, encoder] = [new Blocks(), new ReferenceDecoder(), new ReferenceEncoder()];
  for (let i = 0; i < 6; i++) {
    let block =
      random.below(6) === 0 ? random.pick(malformed)[2] : encoder.write(someFields(random), (n) => random.below(n));
    const mutated = random.below(3) === 0;
    if (mutated) block = mutate(random, block);
    const fields = reference.read(block);
    const result = read(blocks, block);
    const says = `seed ${seed}, block ${i}: ${block.toString('hex')}`;
    if (fields === null) {
      // What is not needed is not decoded: of a block that is refused, strings that no table gets are skipped.
      assert.notEqual(result, 'ok', says);
      return;
    }
    assert.notEqual(result, 'compression', says);
    assert.ok(blocks.table.bytesUsed <= 4096, says);
    if (result === 'ok') {
      checkHead(blocks, seed);
      const plain = new Blocks();
      assert.equal(plain.request(literals(fields)), 'ok', says);
      assert.equal(plain.text, blocks.text, says);
    } else {
      assert.equal(new Blocks().request(literals(fields)), result, says);
    }
    // A block that was cut or changed may have put into the table what the encoder knows nothing of.
    if (mutated) return;
  }
}
