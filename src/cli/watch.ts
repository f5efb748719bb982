// Notices that a file has changed, however it was written: in place, or put in its place by a rename.

import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Editors write in several steps: the file is read this long after the last of them. */
const QUIET_MS = 100;

/**
 * Calls `changed` after the file was written, created or replaced. Returns a function that ends it. The directory is
 * watched, because a replaced file is another one to the kernel.
 */
export function watchFile(file: string, changed: () => void): () => void {
  const name = basename(file);
  let timer: NodeJS.Timeout | undefined;
  const watcher: FSWatcher = watch(dirname(file), (_event, what) => {
    if (what !== null && what !== name) return;
    clearTimeout(timer);
    timer = setTimeout(changed, QUIET_MS);
  });
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
