// The files whose text a configuration answers with: error pages, and the bodies of direct responses.
// Owns reading each of them, once per load. Leaves following them to src/cli, and certificates to certificates.ts.

import { resolve } from 'node:path';
import { FileError, readRegularFileSync } from '../base/files.js';
import { Refusal, shown } from '../base/problems.js';

const EXPECTED = 'Expected a file, named relative to the configuration.';

export class PageFiles {
  readonly #directory: string;
  /** By absolute name. */
  readonly #pages = new Map<string, Uint8Array | Refusal>();

  /** Names of files are relative to `directory`. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What stands in a file, or why that cannot be served. Whatever is asked for twice is read once. */
  read(name: string): Uint8Array | Refusal {
    const file = resolve(this.#directory, name);
    const known = this.#pages.get(file);
    if (known !== undefined) return known;
    const page = readPage(file, shown(name));
    this.#pages.set(file, page);
    return page;
  }

  /** What stands in the files that could be read, by their absolute names. */
  get contents(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#pages].flatMap(([file, page]) => (page instanceof Refusal ? [] : [[file, page]])));
  }

  /** Absolute names of all files that were asked for. They need not exist. */
  get names(): readonly string[] {
    return [...this.#pages.keys()];
  }
}

function readPage(file: string, name: string): Uint8Array | Refusal {
  try {
    return new Uint8Array(readRegularFileSync(file, name));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return new Refusal(error.message, EXPECTED);
  }
}
