// Takes llhttp's most frequent callbacks without leaving WebAssembly.
//
// A call from WebAssembly into JavaScript costs about 10 ns, and a message makes two for every field. These functions
// are WebAssembly themselves: they write down where a name or a value lies, and the parser's owner reads all of it in
// one loop when llhttp pauses. Owns the little module. Leaves the meaning of the records to llhttp.ts.

import { CHUNK_BYTES } from '../base/chunk.js';

/** Words of the records' memory before the first record. Word 0 is the byte offset of the next record. */
export const RECORDS_AT = 2;
/** One record: the address of the piece and its length; the length of a piece of a value has the sign bit set. */
export const RECORD = { at: 0, bytes: 1, WORDS: 2 } as const;
export const VALUE_BIT = 0x80000000 | 0;

const I32 = 0x7f;
const PAGE_BYTES = 65536;
/** The shortest field, `a:` CRLF, makes two records of eight bytes: a chunk full of them has to fit. */
const PAGES = Math.ceil((RECORDS_AT * 4 + (CHUNK_BYTES / 4) * 2 * 8) / PAGE_BYTES) + 1;

/** Signed LEB128, the form of constants in code. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f;
    const done = (rest >> 7 === 0 && (low & 0x40) === 0) || (rest >> 7 === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

const name = (text: string): number[] => [text.length, ...Buffer.from(text, 'latin1')];
const vector = (...items: number[][]): number[] => [items.length, ...items.flat()];
const section = (id: number, content: number[]): number[] => [id, content.length, ...content];
const body = (locals: number[], ...code: number[]): number[] => {
  const bytes = [...locals, ...code, END];
  return [bytes.length, ...bytes];
};

const END = 0x0b;
const localGet = (index: number): number[] => [0x20, index];
const localTee = (index: number): number[] => [0x22, index];
const constant = (value: number): number[] => [0x41, ...signed(value)];
const load = (offset: number): number[] => [0x28, 2, offset];
const store = (offset: number): number[] => [0x36, 2, offset];
const ADD = 0x6a;
const OR = 0x72;
const NO_LOCALS = [0];
const ONE_LOCAL = [1, 1, I32];

/** `(parser, at, bytes) => 0`: appends a record whose length carries `mark`. The next free place is kept at byte 0. */
const recording = (mark: number): number[] =>
  body(
    ONE_LOCAL,
    ...[...constant(0), ...load(0), ...localTee(3), ...localGet(1), ...store(0)],
    ...[...localGet(3), ...localGet(2), ...constant(mark), OR, ...store(4)],
    ...[...constant(0), ...localGet(3), ...constant(8), ADD, ...store(0)],
    ...constant(0),
  );

const IGNORING = body(NO_LOCALS, ...constant(0));

/** The module, in the binary format of the WebAssembly Core Specification (section 5). */
const MODULE = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...section(1, vector([0x60, 1, I32, 1, I32], [0x60, 3, I32, I32, I32, 1, I32])),
  ...section(3, vector([0], [1], [1], [1])),
  ...section(5, vector([0, PAGES])),
  ...section(
    7,
    vector(
      [...name('memory'), 2, 0],
      [...name('begin'), 0, 0],
      [...name('ignore'), 0, 1],
      [...name('field'), 0, 2],
      [...name('value'), 0, 3],
    ),
  ),
  ...section(10, vector(IGNORING, IGNORING, recording(0), recording(VALUE_BIT))),
]);

type Callback = (...args: number[]) => number;

/** The callbacks to give to llhttp, and the memory they write to. */
interface Recorder {
  /** Word 0 and then the records. Set word 0 to `RECORDS_AT * 4` to forget them. */
  readonly words: Int32Array;
  /** Ignores its one argument. */
  readonly begin: Callback;
  /** Ignores its three arguments. */
  readonly ignore: Callback;
  readonly field: Callback;
  readonly value: Callback;
}

/** A recorder of its own for one llhttp instance: records of two would mix. */
export function makeRecorder(): Recorder {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(MODULE), {});
  const { memory, begin, ignore, field, value } = exports as unknown as Omit<Recorder, 'words'> & {
    memory: WebAssembly.Memory;
  };
  const words = new Int32Array(memory.buffer);
  words[0] = RECORDS_AT * 4;
  return { words, begin, ignore, field, value };
}
