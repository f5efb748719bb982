// The loader hooks, called as Node calls them. That a whole TypeScript configuration loads is shown by load.test.ts.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { hooksAtOnce, load, resolve, stripped } from '../../../src/config/module-hooks.js';

const directory = mkdtempSync(join(tmpdir(), 'sevenfold-hooks-'));
after(() => rmSync(directory, { recursive: true }));

const refuse = async (): Promise<never> => {
  throw new Error('Cannot find package');
};
const refuseAtOnce = (): never => {
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
  assert.equal(hooksAtOnce.resolve('sevenfold', resolveContext, refuseAtOnce).url, own.url);
  await assert.rejects(async () => resolve('sevenfolds', resolveContext, refuse), /Cannot find package/);
  assert.throws(() => hooksAtOnce.resolve('sevenfolds', resolveContext, refuseAtOnce), /Cannot find package/);
});

test('TypeScript alone is transpiled, to an ES module', async () => {
  const path = join(directory, 'a.ts');
  writeFileSync(path, 'export default 1 as number;\n');
  const passed = { format: 'module' as const, source: 'passed on' };
  const other = `${pathToFileURL(directory)}/a.mjs`;
  assert.equal(await load(other, loadContext, async () => passed), passed);
  assert.equal(
    hooksAtOnce.load(other, loadContext, () => passed),
    passed,
  );
  const url = `${pathToFileURL(path)}?changed=1`;
  for (const { format, source } of [
    await load(url, loadContext, refuse),
    hooksAtOnce.load(url, loadContext, refuseAtOnce),
  ]) {
    assert.deepEqual([format, source], ['module', 'export default 1          ;\n']);
  }
});
