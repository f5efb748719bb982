// Files that a configuration names, and what is said when one cannot be read.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readNamedFile, readNamedFileSync, readRegularFileSync } from '../../../src/base/files.js';
import { scratchDirectory } from '../../support/addresses.js';

test('a file that cannot be read is named, with the reason', async () => {
  const directory = scratchDirectory();
  const missing = join(directory, 'none.pem');
  const below = join(directory, 'file', 'under.pem');
  writeFileSync(join(directory, 'file'), 'x');
  const cases: readonly (readonly [file: string, says: string])[] = [
    [missing, `The file ${missing} does not exist.`],
    [below, `The file ${below} does not exist.`],
    [directory, `${directory} is a directory.`],
  ];
  for (const [file, message] of cases) {
    assert.throws(() => readNamedFileSync(file), { name: 'FileError', message });
    await assert.rejects(readNamedFile(file), { name: 'FileError', message });
  }
  assert.throws(() => readNamedFileSync(missing, "'none.pem'"), { message: "The file 'none.pem' does not exist." });
});

test('what may never end is not read where a file with an end is asked for', () => {
  for (const file of ['/dev/zero', '/dev', '/proc/self/fd']) {
    assert.throws(() => readRegularFileSync(file), { message: `${file} is no file.` });
  }
  const file = join(scratchDirectory(), 'page.html');
  writeFileSync(file, 'page');
  assert.equal(readRegularFileSync(file).toString(), 'page');
  assert.throws(() => readRegularFileSync(`${file}.old`), { message: `The file ${file}.old does not exist.` });
});
