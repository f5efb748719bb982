// Which engine a platform gets, and what is said of files that cannot be one.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  engineFileProblem,
  findEngine,
  howToBuild,
  platformName,
  whyMissing,
} from '../../../src/engine/engine-file.js';
import { scratchDirectory } from '../../support/addresses.js';

const here = fileURLToPath(new URL('../../../', import.meta.url));
const built = readFileSync(join(here, 'dist/engine/engine.node'));

/** A package as npm unpacks it, with these prebuilt engines. */
function packageWith(prebuilt: Readonly<Record<string, Buffer>>): string {
  const root = scratchDirectory();
  const folder = join(root, 'dist/engine/prebuilt');
  mkdirSync(folder, { recursive: true });
  for (const [platform, bytes] of Object.entries(prebuilt)) writeFileSync(join(folder, `${platform}.node`), bytes);
  const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const lines = Object.entries(prebuilt).map(([platform, bytes]) => `${sum(bytes)}  ${platform}.node\n`);
  writeFileSync(join(folder, 'SHA256SUMS'), lines.join(''));
  return root;
}

function changed(at: number, byte: number): Buffer {
  const bytes = Buffer.from(built);
  bytes[at] = byte;
  return bytes;
}

test('the platform is named by architecture and C library', () => {
  assert.equal(platformName('linux', 'x64', '/lib64/ld-linux-x86-64.so.2'), 'linux-x64-glibc');
  assert.equal(platformName('linux', 'arm64', '/lib/ld-musl-aarch64.so.1'), 'linux-arm64-musl');
  assert.equal(platformName('darwin', 'arm64', ''), 'darwin-arm64');
  assert.match(platformName(), /^linux-(x64|arm64)-(glibc|musl)$/);
});

test('the engine that was built here comes before the prebuilt one of the platform', () => {
  const root = packageWith({ 'linux-x64-glibc': built });
  assert.equal(findEngine(root, 'linux-x64-glibc'), join(root, 'dist/engine/prebuilt/linux-x64-glibc.node'));
  assert.equal(findEngine(root, 'linux-x64-musl'), undefined);
  writeFileSync(join(root, 'dist/engine/engine.node'), built);
  assert.equal(findEngine(root, 'linux-x64-glibc'), join(root, 'dist/engine/engine.node'));
});

test('a whole engine has no problem; a cut, damaged or foreign one is named', () => {
  const arch = process.arch;
  const problem = (bytes: Buffer): string | undefined => {
    const path = join(scratchDirectory(), 'engine.node');
    writeFileSync(path, bytes);
    return engineFileProblem(path, arch);
  };
  assert.equal(problem(built), undefined);
  for (const bytes of [64, 4096, built.length >> 1, built.length - 1])
    assert.equal(problem(built.subarray(0, bytes)), `it is cut: ${bytes} bytes of ${built.length}`);
  assert.match(problem(built.subarray(0, 63))!, /not a library of this system \(63 bytes\)/);
  assert.match(problem(Buffer.from('version https://git-lfs.github.com/spec/v1\n'.repeat(3)))!, /not a library/);
  assert.match(problem(changed(18, arch === 'x64' ? 183 : 62))!, /it is built for (arm64|x64), and this is/);

  const root = packageWith({ 'linux-x64-glibc': built });
  const path = findEngine(root, 'linux-x64-glibc')!;
  assert.equal(engineFileProblem(path), undefined);
  writeFileSync(path, changed(built.length >> 1, built[built.length >> 1]! ^ 1));
  assert.match(engineFileProblem(path)!, /damaged: its checksum is not the one in SHA256SUMS/);
});

test('a platform without an engine is named, with those that have one and what to do', () => {
  const root = packageWith({ 'linux-x64-glibc': built, 'linux-arm64-glibc': built });
  assert.match(
    whyMissing(root, 'linux-riscv64-glibc'),
    /^no native engine for linux-riscv64-glibc is in this package, which has linux-arm64-glibc, linux-x64-glibc\. Build it with a C compiler .*: cc /,
  );
  assert.match(whyMissing(root, 'darwin-arm64'), /^sevenfold runs on Linux only \(epoll\); this is darwin-arm64$/);
  assert.match(whyMissing(here, 'linux-x64-glibc'), /make build$/);
});

test('the command that a package without an engine names builds one', (t) => {
  if (process.env.SEVENFOLD_SANITIZED === '1') return t.skip('the compiler would get the sanitizer that is preloaded');
  const root = packageWith({});
  cpSync(join(here, 'native'), join(root, 'native'), { recursive: true });
  const command = howToBuild(root).replace(/^.*?: /, '');
  execFileSync('sh', ['-c', command.replace(' -O2 ', ' -O0 ')]);
  const engine = findEngine(root, 'linux-x64-glibc')!;
  assert.equal(dirname(engine), join(root, 'dist/engine'));
  assert.equal(engineFileProblem(engine), undefined);
});
