// Blocks of fields as tests write and read them: through the real reader, in a memory of their own.

import { BLOCK_NAMES } from '../../../../src/codec/h2/block-results.js';
import { BlockReader, type Room } from '../../../../src/codec/h2/blocks.js';
import { Area } from '../../../../src/codec/h2/hpack/copy.js';
import { DynamicTable } from '../../../../src/codec/h2/hpack/dynamic-table.js';
import { HTTP2_LIMITS } from '../../../../src/http/h2-limits.js';
import { Head } from '../../../../src/http/head.js';
import type { Field } from './reference-hpack.js';

const ROOM: Room = { at: 1024, bytes: 16_384 };
const OVERFLOW: Room = { at: 65_536, bytes: 131_072 };
const TABLE_BYTES = 4096;

/** Fields written as literals without any table. */
export function literals(fields: readonly Field[]): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1');
    const length = bytes.length < 127 ? [bytes.length] : [127, ...sevenBits(bytes.length - 127)];
    return Buffer.concat([Buffer.from(length), bytes]);
  };
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

function sevenBits(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...sevenBits(value >> 7)];
}

/** One direction of a connection. */
export class Blocks {
  readonly head = new Head();
  readonly memory = new Uint8Array(262_144);
  readonly table = new DynamicTable(TABLE_BYTES);
  readonly reader = new BlockReader(this.memory, this.table, OVERFLOW);
  limits = { ...HTTP2_LIMITS };
  tableBytesMax = TABLE_BYTES;

  get #connection() {
    return { table: this.table, tableBytesMax: this.tableBytesMax, limits: this.limits };
  }

  #span(block: Uint8Array) {
    return { area: new Area(block), at: 0, end: block.length };
  }

  /** The name of the result. */
  request(block: Uint8Array, { ended = true, extendedConnect = false, room = ROOM } = {}): string {
    const { reader, head } = this;
    return BLOCK_NAMES[reader.readRequest(this.#connection, this.#span(block), head, room, ended, extendedConnect)]!;
  }

  response(block: Uint8Array, room = ROOM): string {
    return BLOCK_NAMES[this.reader.readResponse(this.#connection, this.#span(block), this.head, room)]!;
  }

  trailers(block: Uint8Array): string {
    return BLOCK_NAMES[this.reader.readTrailers(this.#connection, this.#span(block), ROOM)]!;
  }

  skip(block: Uint8Array): string {
    return BLOCK_NAMES[this.reader.skip(this.#connection, this.#span(block))]!;
  }

  /** The head as it stands in memory. */
  get text(): string {
    const { base, bytes } = this.head;
    return Buffer.from(this.memory.subarray(base, base + bytes)).toString('latin1');
  }

  /** Its fields, by what the head says of them. */
  get fields(): Field[] {
    const { head, memory } = this;
    const text = (at: number, bytes: number): string => Buffer.from(memory.subarray(at, at + bytes)).toString('latin1');
    return Array.from({ length: head.fieldCount }, (_, i) => {
      const field = i * 5;
      return [
        text(head.nameAt(field), head.nameBytes(field)),
        text(head.valueAt(field), head.valueBytes(field)),
      ] as const;
    });
  }
}
