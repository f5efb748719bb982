// Runs the compiler over configurations that it must refuse, and one that it must accept.
// Owns the cases in types/. Leaves what is only checked at load to mistakes.test.ts.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = new URL('./types/', import.meta.url);
const CASE = /^## ([^\n]+)\n\n```ts\n(.*?)```\n\n```says\n(.*?)\n```$/gms;
const BASE = `import { defineConfig } from '${root}src/config/define.js';
const base = { listeners: [{ address: ':8080' }], pools: { api: { servers: [] }, images: { servers: [] } } };
`;

const cases = [...readFileSync(new URL('mistakes.md', folder), 'utf8').matchAll(CASE)];
const directory = mkdtempSync(join(tmpdir(), 'sevenfold-types-'));
after(() => rmSync(directory, { recursive: true }));

/** What the compiler says about a project with these files. */
function compile(files: ReadonlyMap<string, string>): string {
  for (const [name, text] of files) writeFileSync(join(directory, name), text);
  writeFileSync(
    join(directory, 'tsconfig.json'),
    JSON.stringify({
      extends: `${root}tsconfig.json`,
      compilerOptions: { typeRoots: [`${root}node_modules/@types`] },
      include: ['*.mts'],
    }),
  );
  try {
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', directory], { encoding: 'utf8', stdio: 'pipe' });
    return '';
  } catch (error) {
    if (error instanceof Error && 'stdout' in error) return String(error.stdout);
    throw error;
  }
}

const said = compile(
  new Map([
    ...cases.map(([, , code], index) => [`case-${index}.mts`, BASE + code] as const),
    ['good.mts', readFileSync(new URL('good.ts', folder), 'utf8').replace('../../../../src/', `${root}src/`)],
  ]),
);

for (const [index, [, title, , says]] of cases.entries()) {
  test(`the compiler refuses ${title}`, () => {
    const lines = said.split('\n').filter((line) => line.includes(`case-${index}.mts(`));
    assert.equal(lines.length, 1, said);
    assert.ok(lines[0]!.includes(says!), lines[0]);
  });
}

test('the compiler accepts every way to name a pool that exists', () => {
  assert.doesNotMatch(said, /good\.mts/);
});

test('the compiler says nothing else', () => {
  const others = said.split('\n').filter((line) => line !== '' && !/^\s/.test(line) && !/case-\d+\.mts\(/.test(line));
  assert.deepEqual(others, []);
});
