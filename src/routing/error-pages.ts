// Error pages: what clients get in place of the text of a local reply. Read once, as the configuration is loaded.
// Owns their plans and their bound. Leaves choosing one to the worker.

import { readFileSync } from 'node:fs';
import type { DocumentPath } from '../base/document-path.js';
import type { Problems } from '../base/problems.js';
import type { ErrorPageConfig } from './input.js';
import type { ErrorPagePlan } from './plan.js';

/** Longest page, in bytes: all of them are in memory, and each answer is written through the slab. */
export const ERROR_PAGE_BYTES_MAX = 65_536;

/** The type of a page that names none. */
export const ERROR_PAGE_TYPE = 'text/html; charset=utf-8';

/** The pages as workers take them. Those that stand in the same file share its bytes. */
export function planErrorPages(
  pages: readonly ErrorPageConfig[] | undefined,
  at: DocumentPath,
  files: Map<string, Uint8Array>,
  problems: Problems,
): ErrorPagePlan[] {
  return (pages ?? []).map(({ statuses, body = '', file, contentType = ERROR_PAGE_TYPE }, i) => ({
    statuses: statuses.map(({ from, to }) => ({ from, to })),
    contentType,
    body: file === undefined ? new TextEncoder().encode(body) : readPage(file, [...at, i, 'file'], files, problems),
    file,
  }));
}

function readPage(file: string, at: DocumentPath, files: Map<string, Uint8Array>, problems: Problems): Uint8Array {
  const known = files.get(file);
  if (known !== undefined) return known;
  let page = new Uint8Array(0);
  try {
    page = new Uint8Array(readFileSync(file));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.error(at, `The file '${file}' cannot be read: ${reason}.`, 'Expected a file of this host.');
  }
  if (page.length > ERROR_PAGE_BYTES_MAX) {
    problems.error(at, `The file '${file}' has ${page.length} bytes.`, `Expected at most ${ERROR_PAGE_BYTES_MAX}.`);
    page = new Uint8Array(0);
  }
  files.set(file, page);
  return page;
}
