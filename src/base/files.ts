// Reads the files that a configuration names, and says in a sentence why one cannot be read.
// Owns those words. Leaves which files there are, and when they are read again, to the callers.

import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** A file that cannot be read. The message is a sentence that names it and says why. */
export class FileError extends Error {
  override readonly name = 'FileError';
}

/** Reads a whole file. Throws FileError, whose message calls it `shown`. */
export function readNamedFileSync(file: string, shown = file): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new FileError(unreadable(shown, error));
  }
}

/** As readNamedFileSync(), but takes no directory, pipe or device, which may never end. */
export function readRegularFileSync(file: string, shown = file): Buffer {
  let isFile: boolean;
  try {
    isFile = statSync(file).isFile();
  } catch (error) {
    throw new FileError(unreadable(shown, error));
  }
  if (!isFile) throw new FileError(`${shown} is no file.`);
  return readNamedFileSync(file, shown);
}

/** As readNamedFileSync(), without holding up the thread. Rejects with FileError. */
export async function readNamedFile(file: string, shown = file): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new FileError(unreadable(shown, error));
  }
}

function unreadable(shown: string, error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `The file ${shown} does not exist.`;
    case 'EACCES':
    case 'EPERM':
      return `The file ${shown} may not be read by this user.`;
    case 'EISDIR':
      return `${shown} is a directory.`;
    default:
      return `The file ${shown} cannot be read: ${error instanceof Error ? error.message : String(error)}.`;
  }
}
