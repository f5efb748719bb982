// Where each part of a document stands in its file.
// Owns the tree of places, common to YAML and JSON. Leaves reading to yaml.ts and json.ts.
import type { DocumentPath, Place } from '../base/document-path.js';

/** Tells offsets in the text: of the value at a path, and of the key that leads to it. -1 when the path leads nowhere. */
export interface Offsets {
  valueAt(path: DocumentPath): number;
  keyAt(path: DocumentPath): number;
}

/** A document and where its parts stand. */
export class Source {
  readonly #lineStarts: number[] = [0];

  /** `offsets` is null for a document that was computed: its places are the file alone. */
  constructor(
    readonly file: string,
    text: string,
    readonly offsets: Offsets | null,
  ) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1);
  }

  /** The place of an offset in the text. */
  at(offset: number): Place {
    const starts = this.#lineStarts;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { file: this.file, line: low + 1, column: offset - starts[low]! + 1 };
  }

  /** The place of the value at `path`; of the nearest part around it that exists when there is none. */
  placeOf = (path: DocumentPath): Place => this.#find(path, (offsets, steps) => offsets.valueAt(steps));

  /** The place of the key that leads to `path`, or of the list item. */
  placeOfKey = (path: DocumentPath): Place => this.#find(path, (offsets, steps) => offsets.keyAt(steps));

  #find(path: DocumentPath, look: (offsets: Offsets, path: DocumentPath) => number): Place {
    if (this.offsets === null) return { file: this.file, line: 0, column: 0 };
    for (let length = path.length; length >= 0; length--) {
      const steps = path.slice(0, length);
      const offset = length === path.length ? look(this.offsets, steps) : this.offsets.valueAt(steps);
      if (offset >= 0) return this.at(offset);
    }
    return { file: this.file, line: 1, column: 1 };
  }
}

/** What reading a file gave: the value, or mistakes of syntax. */
export interface Document {
  readonly value: unknown;
  readonly source: Source;
  readonly mistakes: readonly Mistake[];
}

/** A mistake of syntax, at an offset in the text. */
export interface Mistake {
  readonly offset: number;
  readonly path: DocumentPath;
  readonly found: string;
  readonly expected: string;
}
