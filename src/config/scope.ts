// What the checks of a configuration's meaning share: where problems go, what is known of the document, and names of pools.

import type { DocumentPath } from '../base/document-path.js';
import { alternatives, didYouMean, Refusal } from '../base/problems.js';
import type { PageFiles } from './page-files.js';

/** Takes one problem: where, what was found, what was expected. */
type Report = (path: DocumentPath, found: string, expected?: string) => void;

/** What the checks share. */
export interface Scope {
  readonly report: Report;
  readonly warn: Report;
  /** Names of all pools, broken ones too; null when the pools as a whole cannot be read. */
  readonly poolNames: ReadonlySet<string> | null;
  readonly poolsUsed: Set<string>;
  /** Names of pools whose servers expect more than plain HTTP: TLS, or a PROXY header. */
  readonly poolsBeyondHttp: ReadonlySet<string>;
  /** True when this part of the document cannot be read: what depends on it cannot be judged. */
  isBroken(path: DocumentPath): boolean;
  /** The directory that file names are relative to. */
  readonly directory: string;
  readonly pages: PageFiles;
}

/** Reports a pool that does not exist. */
export function checkPoolName(name: string, path: DocumentPath, scope: Scope): void {
  scope.poolsUsed.add(name);
  if (scope.poolNames === null || scope.poolNames.has(name)) return;
  scope.report(path, `There is no pool '${name}'.`, expectedPool(name, [...scope.poolNames]));
}

function expectedPool(name: string, known: readonly string[]): string {
  if (known.length === 0) return 'No pool is defined.';
  if (known.length === 1) return `Expected ${known[0]}, the only pool.`;
  const expected = known.length <= 10 ? `Expected ${alternatives(known)}.` : 'Expected the name of a pool.';
  return expected + didYouMean(name, known);
}

/** Reads a file that clients are answered with, and reports one that cannot be. Null then. */
export function checkPageFile(name: string, path: DocumentPath, scope: Scope): Uint8Array | null {
  const page = scope.pages.read(name);
  if (!(page instanceof Refusal)) return page;
  scope.report(path, page.found, page.expected);
  return null;
}
