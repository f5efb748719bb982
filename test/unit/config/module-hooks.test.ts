// The loader hooks, called as Node calls them. That a whole TypeScript configuration loads is shown by load.test.ts.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { load, resolve, stripped } from '../../../src/config/module-hooks.js';

const directory = mkdtempSync(join(tmpdir(), 'sevenfold-hooks-'));
after(() => rmSync(directory, { recursive: true }));

const refuse = async (): Promise<never> => {
  throw new Error('Cannot find package');
};
const resolveContext = { conditions: [], importAttributes: {}, importAssertions: {}, parentURL: undefined };
const loadContext = { conditions: [], importAttributes: {}, importAssertions: {}, format: undefined };

test('types are blanked in place, so that lines and columns stay', () => {
  assert.equal(stripped('const a: number = 1;', 'file:///a.ts'), 'const a         = 1;');
});

test('a syntax error names its place', () => {
  assert.throws(
    () => stripped('\nconst a: = 1;', 'file:///a.ts'),
    /^SyntaxError: Unexpected token.*\n {4}at file:\/\/\/a\.ts:2:10$/s,
  );
});

test('this package is found under its own name, and nothing else is made up', async () => {
  const own = await resolve('sevenfold', resolveContext, refuse);
  assert.match(own.url, /\/src\/index\.js$/);
  await assert.rejects(async () => resolve('sevenfolds', resolveContext, refuse), /Cannot find package/);
});

test('only TypeScript is transpiled, and only where Node does not read it', async (context) => {
  const path = join(directory, 'a.ts');
  writeFileSync(path, 'export default 1 as number;\n');
  const passed = async () => ({ format: 'module' as const, source: 'passed on' });
  const other = await load(`${pathToFileURL(directory)}/a.mjs`, loadContext, passed);
  assert.equal(other.source, 'passed on');
  if ('typescript' in process.features) return context.diagnostic('Node reads TypeScript itself here');
  const { format, source } = await load(`${pathToFileURL(path)}?changed=1`, loadContext, refuse);
  assert.deepEqual([format, source], ['module', 'export default 1          ;\n']);
});
