// Notices when files of certificates, keys and authorities have changed, however they were: rewritten, renamed into
// place, or behind links that lead elsewhere now.
// Owns when to read them again. Leaves reading, and which files belong together, to tls-contexts.ts.

import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * Time between two checks of the files, in milliseconds. Polling by name finds every kind of change: also a symbolic link
 * changed in any part of the path, for which inotify would need a watch on each directory, and a change on a network
 * file system, for which inotify reports nothing.
 */
const LOOK_MS = 1000;

/** Files that make up one context. */
export interface ContextFiles {
  readonly files: readonly string[];
  /** How they looked just before they were read: `stampOf()` them. */
  readonly stamp: string;
}

interface Watched<Use> {
  readonly use: Use;
  /** How the files looked when they were read, and at the last look. */
  read: string;
  last: string;
}

interface TlsWatchParts<Use> {
  /** The files of this context are others than those it was made from, and were at rest since the last look. */
  onChanged(use: Use): void;
  /** Every look, for what time alone changes. */
  onLook?(use: Use): void;
  /** Time between two looks, in milliseconds. */
  lookMs?: number;
}

/**
 *   READ ──look: changed──► CHANGING ──look: as before──► onChanged(), READ
 *                            │   ▲
 *                            └───┘ look: changed again (a certificate without its key yet)
 */
export class TlsWatch<Use extends ContextFiles> {
  readonly #parts: TlsWatchParts<Use>;
  readonly #timer: NodeJS.Timeout;
  #watched: Watched<Use>[] = [];
  #looking = false;

  /** Does not keep the process alive. */
  constructor(parts: TlsWatchParts<Use>) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#look(), parts.lookMs ?? LOOK_MS);
    this.#timer.unref();
  }

  /** Watches the files of these contexts, and no others. */
  watch(uses: readonly Use[]): void {
    this.#watched = uses
      .filter(({ files }) => files.length > 0)
      .map((use) => ({ use, read: use.stamp, last: use.stamp }));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#watched = [];
  }

  async #look(): Promise<void> {
    // A file system that hangs must not pile up looks.
    if (this.#looking) return;
    this.#looking = true;
    for (const watched of this.#watched) {
      this.#parts.onLook?.(watched.use);
      const now = await stampLater(watched.use.files);
      const rests = now === watched.last;
      watched.last = now;
      if (!rests || now === watched.read || !this.#watched.includes(watched)) continue;
      watched.read = now;
      this.#parts.onChanged(watched.use);
    }
    this.#looking = false;
  }
}

/** Stands for what is in the files: another one when any was rewritten or replaced, or is gone. */
export function stampOf(files: readonly string[]): string {
  return files
    .map((file) => {
      try {
        return stampOne(statSync(file, { bigint: true }));
      } catch (error) {
        return String((error as NodeJS.ErrnoException).code);
      }
    })
    .join(' ');
}

async function stampLater(files: readonly string[]): Promise<string> {
  const stamps = files.map((file) =>
    stat(file, { bigint: true }).then(stampOne, (error: NodeJS.ErrnoException) => String(error.code)),
  );
  return (await Promise.all(stamps)).join(' ');
}

/** A file that gets other rights changes only its ctime: one that could not be read may be readable now. */
function stampOne({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}
