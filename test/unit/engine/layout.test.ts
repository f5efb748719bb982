// The words shared with C: the header is fresh, C checks its own side as it compiles, and an engine of another layout,
// or none, is refused in one line.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addon } from '../../../src/engine/addon.js';
import { layoutHash, layoutHeader } from '../../../src/engine/layout.js';
import { scratchDirectory } from '../../support/addresses.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

test('native/layout.h is what layout.ts says', () => {
  assert.equal(readFileSync(join(ROOT, 'native/layout.h'), 'utf8'), layoutHeader());
});

test('the engine that is built has the layout of layout.ts', () => {
  assert.equal(addon().layoutHash, layoutHash());
});

test('C asserts the sizes of what it shares', () => {
  const sources = readdirSync(join(ROOT, 'native')).map((name) => readFileSync(join(ROOT, 'native', name), 'utf8'));
  const asserted = sources.join('\n').match(/_Static_assert\(sizeof\([a-z_]+\) == [^,]+/g) ?? [];
  assert.deepEqual(asserted.map((line) => line.replace('_Static_assert(', '')).sort(), [
    'sizeof(sf_peer) == SF_PEER_BYTES',
    'sizeof(sf_span) == 2 * sizeof(int32_t)',
  ]);
});

/** A copy of the built product whose files may be changed. */
function copyOfProduct(): string {
  const directory = scratchDirectory();
  cpSync(join(ROOT, 'dist'), join(directory, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  return directory;
}

/** What it says on stderr comes without the times its lines begin with. */
function runProduct(directory: string): { status: number | null; stderr: string } {
  const args = ['run', '--listen', '127.0.0.1:1', '--backend', '127.0.0.1:2'];
  const command = [join(directory, 'dist/cli/main.js'), ...args];
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  return { status, stderr: stderr.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /gm, '') };
}

test('a product without its engine says in one line how to build it, and ends with code 2', () => {
  const directory = copyOfProduct();
  rmSync(join(directory, 'dist/engine/engine.node'));
  const { status, stderr } = runProduct(directory);
  assert.match(
    stderr,
    /^sevenfold: the native engine is missing \([^\n]*engine\.node\)\. Build it with a C compiler and the headers of Node: cc [^\n]*\n$/,
  );
  assert.equal(status, 2);
});

test('a product whose engine is no library says so in one line, and ends with code 2', () => {
  const directory = copyOfProduct();
  writeFileSync(join(directory, 'dist/engine/engine.node'), 'no library');
  const { status, stderr } = runProduct(directory);
  assert.match(
    stderr,
    /^sevenfold: the native engine \([^\n]*engine\.node\) cannot be used: it is not a library of this system \(10 bytes\)\. Install [^\n]*\n$/,
  );
  assert.equal(status, 2);
});

test('a product whose engine has another layout says so in one line, and ends with code 2', () => {
  const directory = copyOfProduct();
  const layout = join(directory, 'dist/engine/layout.js');
  const source = readFileSync(layout, 'utf8');
  const changed = source.replace('QUEUE_SPANS_MAX = 2048', 'QUEUE_SPANS_MAX = 2049');
  assert.notEqual(changed, source);
  writeFileSync(layout, changed);
  const { status, stderr } = runProduct(directory);
  assert.match(
    stderr,
    /^sevenfold: the native engine \([^\n]*engine\.node\) was built for layout \d+, this program has \d+\. Install [^\n]*\n$/,
  );
  assert.equal(status, 2);
});

test('a stale header is told by make check', () => {
  const directory = scratchDirectory();
  for (const folder of ['src/base', 'src/engine'])
    cpSync(join(ROOT, folder), join(directory, folder), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  mkdirSync(join(directory, 'native'));
  const header = join(directory, 'native/layout.h');
  const check = (): number | null =>
    spawnSync(process.execPath, ['--import', 'tsx', join(directory, 'src/engine/generate.ts'), '--check'], {
      cwd: directory,
    }).status;
  writeFileSync(header, layoutHeader());
  assert.equal(check(), 0);
  writeFileSync(header, layoutHeader().replace('SF_EVENT_WORDS 4', 'SF_EVENT_WORDS 5'));
  assert.equal(check(), 1);
});
