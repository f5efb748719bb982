// The memory of all tables of HPACK in one worker: blocks of a few sizes, cut from larger pieces.
// A table of its own arrays costs each connection several objects and allocations, of which an idle one needs none. Owns the blocks
// that are free. Leaves when a table takes, outgrows and gives back one to the table.

import { assert } from '../../../base/assert.js';
import { Area } from './copy.js';

/** Bytes of a piece of memory. */
const PIECE_BYTES = 65_536;

/** The sizes there are. The last takes the lines of a table that is full (dynamic-table.ts), and no table has more. */
const BLOCK_SIZES = [128, 256, 512, 1024, 2048, 4608] as const;
export const BLOCK_BYTES_MAX = 4608;

/** A piece, as bytes and as words. */
class Piece extends Area {
  readonly words: Int32Array;

  constructor(bytes: number) {
    super(new Uint8Array(bytes));
    this.words = new Int32Array(this.bytes.buffer);
  }
}

/** One block. While it is in use, its place is its user's alone. */
export interface Block {
  readonly piece: Piece;
  /** Where in the piece it begins, a multiple of 16, and its length. */
  readonly at: number;
  readonly bytes: number;
}

/** A block without a byte: what a table has before it needs one. */
export const NO_BLOCK: Block = { piece: new Piece(0), at: 0, bytes: 0 };

/** Blocks that are free, by size: those given back last are taken first. */
const free = new Map<number, Block[]>(BLOCK_SIZES.map((bytes) => [bytes, []]));

/** Bytes of the blocks in use, in this worker. */
export const tableMemory = { used: 0 };

/** Takes a block of at least `bytes` bytes, which are at most BLOCK_BYTES_MAX. Its bytes are whatever they were. */
export function takeBlock(bytes: number): Block {
  const size = BLOCK_SIZES.find((one) => one >= bytes);
  assert(size !== undefined, 'no table needs more than the largest block');
  const blocks = free.get(size)!;
  if (blocks.length === 0) {
    const piece = new Piece(PIECE_BYTES);
    for (let at = 0; at + size <= PIECE_BYTES; at += size) blocks.push({ piece, at, bytes: size });
  }
  tableMemory.used += size;
  return blocks.pop()!;
}

/** Gives a block back. */
export function giveBlock(block: Block): void {
  if (block.bytes === 0) return;
  tableMemory.used -= block.bytes;
  free.get(block.bytes)!.push(block);
}
