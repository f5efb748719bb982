// Parts of lines that many lines have in common, made once: what a part says depends on a few words of the record alone.

import { type Entry, NAME_BYTES_MAX } from './entry.js';
import { ESCAPED_BYTES, Lines } from './line.js';

/** Parts that are kept; with more, all are forgotten, and made anew. */
const PARTS_MAX = 1024;
/** Names that a part has at most. */
const NAMES_MAX = 8;
const REST_BYTES_MAX = 1024;

interface Part {
  /** The words that it was made for. */
  readonly words: readonly number[];
  readonly worker: number;
  readonly names: number;
  readonly bytes: Uint8Array;
}

export class Repeated {
  readonly #words: readonly number[];
  readonly #write: (entry: Entry, lines: Lines) => void;
  /** By a hash of the words and the worker. */
  readonly #parts = new Map<number, Part>();
  #lines: Lines | null = null;

  /** `write` writes the part, which depends on these words of the record and on nothing else. */
  constructor(words: readonly number[], write: (entry: Entry, lines: Lines) => void) {
    this.#words = words;
    this.#write = write;
  }

  /** The part for a record. Hot. */
  of(entry: Entry): Uint8Array {
    let hash = entry.worker;
    for (let i = 0; i < this.#words.length; i++) hash = (Math.imul(hash, 31) + entry.word(this.#words[i]!)) | 0;
    const known = this.#parts.get(hash);
    return known !== undefined && this.#fits(known, entry) ? known.bytes : this.#make(entry, hash);
  }

  #fits({ words, worker, names }: Part, entry: Entry): boolean {
    if (worker !== entry.worker || names !== entry.namesLearned) return false;
    for (let i = 0; i < words.length; i++) if (words[i] !== entry.word(this.#words[i]!)) return false;
    return true;
  }

  #make(entry: Entry, hash: number): Uint8Array {
    this.#lines ??= new Lines();
    const lines = this.#lines;
    lines.reserve(NAMES_MAX * NAME_BYTES_MAX * ESCAPED_BYTES + REST_BYTES_MAX);
    lines.clear();
    this.#write(entry, lines);
    const bytes = lines.bytes.slice(0, lines.length);
    if (this.#parts.size >= PARTS_MAX) this.#parts.clear();
    const words = this.#words.map((word) => entry.word(word));
    this.#parts.set(hash, { words, worker: entry.worker, names: entry.namesLearned, bytes });
    return bytes;
  }
}
