// The file of a listening unix socket: who may connect to it.
// Owns its mode and its owner. Leaves opening and removing it to the engine.

import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs';
import type { SocketOptions } from '../config/config.js';

/**
 * Runs `open`, which makes the file, so that the file has its mode from the first moment on: what is made under another
 * one could be opened by others before it is changed. Without a mode the umask of the process decides.
 */
export function withMode<T>({ mode }: SocketOptions, open: () => T): T {
  if (mode === undefined) return open();
  const before = process.umask(0o777 & ~mode);
  try {
    return open();
  } finally {
    process.umask(before);
  }
}

/** Gives the file at `path` its mode and owner. Throws an Error with the code of node:fs, or one that names the account. */
export function setAccess(path: string, { mode, owner }: SocketOptions): void {
  if (owner !== undefined) {
    const [user = '', group = ''] = owner.split(':');
    chownSync(path, idOf(user, '/etc/passwd', 'user'), idOf(group, '/etc/group', 'group'));
  }
  if (mode !== undefined) chmodSync(path, mode);
}

/** Takes down which mode and owner the file at `path` has, and returns what gives them back to it, if it may. */
export function accessKept(path: string): () => void {
  const { mode, uid, gid } = statSync(path);
  return () => {
    try {
      chownSync(path, uid, gid);
      chmodSync(path, mode & 0o7777);
    } catch {
      // Then it stays as it is: the error that comes after is the one that matters.
    }
  };
}

/** What chown(2) takes for "as it is". */
const UNCHANGED = -1;

/** The number of an account, by its name in `file`, or written as a number. */
function idOf(name: string, file: string, kind: 'user' | 'group'): number {
  if (name === '') return UNCHANGED;
  if (/^\d+$/.test(name)) return Number(name);
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [account, , id] = line.split(':');
    if (account === name && id !== undefined) return Number(id);
  }
  throw new Error(`there is no ${kind} '${name}' in ${file}. Expected another name, or the number of the ${kind}.`);
}
