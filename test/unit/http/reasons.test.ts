// The rows of src/http/reasons.ts and those of docs/errors.md are the same, and none is there for nothing.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { REASONS } from '../../../src/http/reasons.js';

const root = new URL('../../../', import.meta.url);

/** The cells of every table row of docs/errors.md that begins with a reason. */
function documented(): string[][] {
  return readFileSync(new URL('docs/errors.md', root), 'utf8')
    .split('\n')
    .filter((line) => /^\| `[A-Z0-9_]+` \|/.test(line))
    .map((line) => line.slice(1, -1).split('|'))
    .map((cells) => cells.map((cell) => cell.trim()));
}

test('docs/errors.md lists every reason as the code has it, in the same order', () => {
  const rows = documented().map(([code, status, fault, retry, connection, says]) => [
    code,
    status,
    fault,
    retry,
    connection,
    says,
  ]);
  const wanted = Object.values(REASONS).map(({ code, status, fault, retry, connection, says }) => [
    `\`${code}\``,
    String(status),
    fault,
    retry,
    connection,
    says,
  ]);
  assert.deepEqual(rows, wanted);
});

test('docs/errors.md says of every reason what it means', () => {
  for (const row of documented()) {
    assert.equal(row.length, 7, `${row[0]} has as many cells as the table`);
    assert.ok(row[6]!.length > 5, `${row[0]} is explained`);
  }
});

test('every reason is given somewhere', () => {
  const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'http/reasons.ts')
    .map((name) => readFileSync(new URL(`src/${name}`, root), 'utf8'))
    .join('\n');
  const unused = Object.keys(REASONS).filter((code) => !sources.includes(`'${code}'`));
  assert.deepEqual(unused, []);
});
