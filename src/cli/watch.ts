// Notices that a configuration has changed, however its files were: rewritten, renamed into place, or behind links that
// lead elsewhere now.
// Owns which files are followed. Leaves looking at them to primary/tls-watch.ts, which does the same for certificates.

import { lstatSync, readlinkSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { ConfigError } from '../config/config-error.js';
import type { LoadedRoutes } from '../config/routes.js';
import { type ContextFiles, stampOf, TlsWatch } from '../primary/tls-watch.js';

/** Time between two looks, in milliseconds: a change is taken up after one in which nothing changed any more. */
const LOOK_MS = 500;

/** Stands for files that changed while they were read: the next look takes them for changed. */
const UNKNOWN = '';

/** The clock of file systems is coarser than ours: by a tick of the kernel. */
const CLOCK_MS = 20;

/** Links followed from one name, as many as the kernel follows. */
const LINKS_MAX = 40;

/** A file, or a link on the way to it, was changed at this time or later, in milliseconds. One that is not there was not. */
function changedSince(file: string, since: number): boolean {
  let at = '/';
  let names = resolve(file).split('/');
  try {
    for (let links = 0; names.length > 0 && links < LINKS_MAX; ) {
      const next = join(at, names.shift()!);
      const info = lstatSync(next);
      if ((info.isSymbolicLink() || info.isFile()) && info.ctimeMs >= since) return true;
      if (info.isSymbolicLink()) {
        const target = readlinkSync(next);
        if (isAbsolute(target)) at = '/';
        names = [...target.split('/'), ...names];
        links++;
      } else at = next;
    }
    return false;
  } catch {
    return false;
  }
}

/** Loads a configuration again and again, and follows the files that the last load was made of. */
export class WatchedConfig {
  readonly #load: () => Promise<LoadedRoutes>;
  #files: readonly string[];
  #stamp = '';
  #watch: TlsWatch<ContextFiles> | null = null;

  constructor(file: string, load: () => Promise<LoadedRoutes>) {
    this.#load = load;
    this.#files = [file];
  }

  /** Throws ConfigError. The files are then followed as they were before they were read. */
  async load(): Promise<LoadedRoutes> {
    const began = Date.now();
    this.#stamp = stampOf(this.#files);
    try {
      const loaded = await this.#load();
      this.#take(loaded.files, began);
      return loaded;
    } catch (error) {
      // A page that is missing may come, without another change of the file that names it.
      if (error instanceof ConfigError && error.files.length > 0) this.#take(error.files, began);
      throw error;
    } finally {
      this.#watchFiles();
    }
  }

  /** A load that `began` then has read these files. How one looked that was not known before, only its times tell. */
  #take(files: readonly string[], began: number): void {
    if (files.join('\n') === this.#files.join('\n')) return;
    const added = files.filter((file) => !this.#files.includes(file));
    this.#files = files;
    this.#stamp = added.some((file) => changedSince(file, began - CLOCK_MS)) ? UNKNOWN : stampOf(files);
  }

  /** Calls `changed` after a change, until the function it returns is called. */
  start(changed: () => void): () => void {
    const watch = new TlsWatch<ContextFiles>({ onChanged: changed, lookMs: LOOK_MS });
    this.#watch = watch;
    this.#watchFiles();
    return () => watch.stop();
  }

  #watchFiles(): void {
    this.#watch?.watch([{ files: this.#files, stamp: this.#stamp }]);
  }
}
