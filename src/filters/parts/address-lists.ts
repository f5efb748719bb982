// Lists of addresses: in the configuration, and in files with one address or range in a line.

import type { DocumentPath } from '../../base/document-path.js';
import { Refusal } from '../../base/problems.js';
import { list, scalar } from '../../config/schema/build.js';
import { checkPageFile, type Scope } from '../../config/scope.js';
import { readCidr } from '../../config/units.js';

/** Addresses and ranges of them. */
export const ranges = () =>
  list(
    'a list of addresses',
    scalar<string, string>('CIDR range', { type: 'string' }, (value) => readCidr(value)),
    1,
  );

/** The ranges in the text of a file: one in a line, with `#` before what is no range. Bad lines come as refusals that name them. */
function readLines(content: Uint8Array): (string | Refusal)[] {
  return Buffer.from(content)
    .toString('utf8')
    .split('\n')
    .flatMap((line, index) => {
      const text = line.replace(/#.*/, '').trim();
      if (text === '') return [];
      const range = readCidr(text);
      return range instanceof Refusal ? new Refusal(`Line ${index + 1}: ${range.found}`, range.expected) : range;
    });
}

/** Reports a file that cannot be read, and the first line of it that is no range. */
export function checkRangesFile(file: string, at: DocumentPath, scope: Scope): void {
  const content = checkPageFile(file, at, scope);
  const bad = content === null ? undefined : readLines(content).find((line) => line instanceof Refusal);
  if (bad instanceof Refusal) scope.report(at, bad.found, bad.expected);
}

/** The ranges in a file that was checked. */
export function rangesIn(content: Uint8Array): string[] {
  return readLines(content).flatMap((line) => (line instanceof Refusal ? [] : line));
}
