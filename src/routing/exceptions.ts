// Paths that something before the rules leaves to the rules: as they are kept, and whether a request's path is one.

import { normalPathOf } from './path.js';

/** A path as exceptions are kept: in normal form, without a closing slash; undefined when no request can have it. */
export function exceptionOf(path: string): string | undefined {
  return path.startsWith('/') ? normalPathOf(path)?.replace(/\/$/, '') : undefined;
}

/**
 * True when a path, as it was sent, is one of the exceptions or below one, by whole elements. It is compared in normal form,
 * as rules compare it. One that has none is left to the rules too, where it is refused.
 */
export function isExcepted(path: string, except: readonly string[]): boolean {
  const normal = normalPathOf(path);
  return normal === undefined || except.some((prefix) => normal === prefix || normal.startsWith(`${prefix}/`));
}
