// Notices that a configuration has changed, however its files were: rewritten, renamed into place, or behind links that
// lead elsewhere now.
// Owns which files are followed. Leaves looking at them to primary/tls-watch.ts, which does the same for certificates.

import { ConfigError } from '../config/config-error.js';
import type { LoadedRoutes } from '../config/routes.js';
import { type ContextFiles, stampOf, TlsWatch } from '../primary/tls-watch.js';

/** Time between two looks, in milliseconds: a change is taken up after one in which nothing changed any more. */
const LOOK_MS = 500;

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
    this.#stamp = stampOf(this.#files);
    try {
      const loaded = await this.#load();
      this.#take(loaded.files);
      return loaded;
    } catch (error) {
      // A page that is missing may come, without another change of the file that names it.
      if (error instanceof ConfigError && error.files.length > 0) this.#take(error.files);
      throw error;
    } finally {
      this.#follow();
    }
  }

  #take(files: readonly string[]): void {
    if (files.join('\n') === this.#files.join('\n')) return;
    this.#files = files;
    this.#stamp = stampOf(files);
  }

  /** Calls `changed` after a change, until the function it returns is called. */
  start(changed: () => void): () => void {
    const watch = new TlsWatch<ContextFiles>({ onChanged: changed, lookMs: LOOK_MS });
    this.#watch = watch;
    this.#follow();
    return () => watch.stop();
  }

  #follow(): void {
    this.#watch?.watch([{ files: this.#files, stamp: this.#stamp }]);
  }
}
