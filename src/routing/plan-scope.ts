// What plans are made of besides the options they are for, which src/config has checked: names become indexes, files their
// bytes.

import { assert } from '../base/assert.js';

/** What plans are made of besides the options: the pools, and the files that were read as the configuration was checked. */
export interface PlanScope {
  /** Pool names and their indexes. */
  readonly pools: ReadonlyMap<string, number>;
  /** What stands in files, by their absolute names. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** Where the filter stands, in words that stay as long as its rule, route or listener has its name and place. */
  readonly place: string;
}

/** The index of a pool by its name. */
export function planPool(name: string, { pools }: PlanScope): number {
  const index = pools.get(name);
  assert(index !== undefined, 'a pool that is named exists');
  return index;
}

/** A body as it is sent: the text in UTF-8, or what stands in the file. */
export function planBody(
  { body = '', file }: { readonly body?: string | undefined; readonly file?: string | undefined },
  scope: PlanScope,
): Uint8Array {
  return file === undefined ? new TextEncoder().encode(body) : planFile(file, scope);
}

/** What stands in a file. */
export function planFile(file: string, { contents }: PlanScope): Uint8Array {
  const content = contents.get(file);
  assert(content !== undefined, 'a file that is named was read');
  return content;
}
