// Configurations that are modules, read by the product as a process: whatever Node it runs on, and whatever package they
// lie in.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { scratchDirectory } from '../support/addresses.js';
import { MAIN, standIn } from '../support/proxy.js';

const CONFIG = `defineConfig({
  listeners: [{ address: PORT }],
  routes: [{ rules: [{ pool: 'main' }] }],
  pools: { main: { servers: [{ address: '127.0.0.1:1' }] } },
})`;
const TYPESCRIPT = `import { defineConfig } from 'sevenfold';
import { PORT } from './port.ts';

export default ${CONFIG} satisfies object;
`;
const JAVASCRIPT = `import { defineConfig } from 'sevenfold';
const PORT = '127.0.0.1:1';
export default ${CONFIG};
`;

/** Files in a folder of their own; returns the folder. `package.json` only where it is given. */
function folder(files: Readonly<Record<string, string>>): string {
  const directory = scratchDirectory();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

function check(file: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, 'check', '-c', file], { encoding: 'utf8', timeout: 20_000 });
}

describe('configuration modules', { concurrency: 2, skip: standIn && 'only the product' }, () => {
  for (const [what, manifest] of [
    ['without a package', undefined],
    ['in a package without a type', '{}'],
    ['in a package of ES modules', '{ "type": "module" }'],
    ['in a package of CommonJS', '{ "type": "commonjs" }'],
  ] as const) {
    test(`TypeScript ${what} is read, with what it imports, and nothing else is said`, () => {
      for (const name of ['sevenfold.config.ts', 'sevenfold.config.mts']) {
        const directory = folder({
          [name]: TYPESCRIPT,
          'port.ts': `export const PORT: string = '127.0.0.1:1';\n`,
          ...(manifest === undefined ? {} : { 'package.json': manifest }),
        });
        const { status, stdout, stderr } = check(join(directory, name));
        assert.equal(stderr, '');
        assert.match(stdout, /is fine: 1 listener, 1 rule, 1 pool, 1 server\.\n$/);
        assert.equal(status, 0);
      }
    });
  }

  test('JavaScript with an extension of ES modules is read in any package', () => {
    const directory = folder({ 'a.mjs': JAVASCRIPT, 'package.json': '{ "type": "commonjs" }' });
    const { status, stderr } = check(join(directory, 'a.mjs'));
    assert.deepEqual([stderr, status], ['', 0]);
  });

  test('JavaScript that Node takes for CommonJS is refused with what to do about it', () => {
    const directory = folder({ 'a.js': JAVASCRIPT, 'package.json': '{ "type": "commonjs" }' });
    const { status, stderr } = check(join(directory, 'a.js'));
    assert.match(stderr, /a\.js(:1:1)?: The module cannot be loaded: Cannot use import statement outside a module\./);
    assert.match(stderr, /name the file \.mjs or \.ts, or put "type": "module" into the package\.json of its folder\./);
    assert.equal(status, 2);
  });

  test('a mistake in TypeScript is told with its line', () => {
    const directory = folder({ 'a.ts': 'export default {\n  a: 1\n  b: 2\n};\n', 'package.json': '{}' });
    const { status, stderr } = check(join(directory, 'a.ts'));
    assert.match(stderr, /a\.ts:3:3: The module cannot be loaded: Expected ',', got 'ident'\./);
    assert.equal(status, 2);
  });
});
