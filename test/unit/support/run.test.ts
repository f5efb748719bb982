// A test file that hangs is killed by name, with what it started, and nothing that a test started outlives its file.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { scratchDirectory } from '../../support/addresses.js';
import { processOf } from '../../support/processes.js';

const RUN = fileURLToPath(new URL('../../run.ts', import.meta.url));
const directory = scratchDirectory();

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Time enough to start on a busy machine; and what a file that ends may take. */
const SHORT_SECONDS = 6;
const LONG_SECONDS = 60;

/** Runs a test file with this text under `name`. */
function run(name: string, text: string, fileSeconds: number): Promise<Ran> {
  const file = join(directory, `${name}.mjs`);
  writeFileSync(file, `import { spawn } from 'node:child_process';\nimport { test } from 'node:test';\n${text}`);
  // Without the variable that makes a test file of it.
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const env = { ...environment, TEST_FILE_SECONDS: String(fileSeconds) };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', RUN, file], { env, timeout: 120_000 }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

/** The process whose pid a test wrote into `name` is gone, or is about to be. */
async function gone(name: string): Promise<void> {
  const pid = Number(readFileSync(join(directory, name), 'utf8'));
  for (const deadline = Date.now() + 10_000; (processOf(pid)?.state ?? 'Z') !== 'Z'; await wait(20)) {
    assert.ok(Date.now() < deadline, `process ${pid} lives`);
  }
}

const SLEEP = (name: string, options: string): string => `
  const child = spawn('sleep', ['1000'], ${options});
  (await import('node:fs')).writeFileSync(${JSON.stringify(join(directory, name))}, String(child.pid));`;

describe('a run of test files', { concurrency: true }, () => {
  test('a file that ends is all there is to a run', async () => {
    const { code, stdout, stderr } = await run('ends', "test('passes', () => {});", LONG_SECONDS);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.match(stdout, /passes/);
  });

  test('a run fails as its tests do', async () => {
    const { code, stderr } = await run(
      'fails',
      "test('fails', () => { throw new Error('on purpose'); });",
      LONG_SECONDS,
    );
    assert.equal(stderr, '');
    assert.equal(code, 1);
  });

  test('a file that passes and stays open is killed, and says what keeps it open', async () => {
    const { code, stderr } = await run(
      'open',
      `test('passes', async () => {
         const { createServer } = await import('node:net');
         const server = createServer().listen(0, '127.0.0.1');
         await new Promise((resolve) => server.once('listening', resolve));
       });`,
      SHORT_SECONDS,
    );
    assert.match(
      stderr,
      /open\.mjs has not ended within 6 s.*\n {2}What keeps it open:\n {4}a server at 127\.0\.0\.1:\d+\n$/,
    );
    assert.equal(code, 1);
  });

  test('a file that loops is killed with the processes that it started', async () => {
    const { code, stderr } = await run(
      'loops',
      `test('loops', async () => { ${SLEEP('looping', "{ stdio: 'ignore' }")} for (;;); });`,
      SHORT_SECONDS,
    );
    assert.match(stderr, /loops\.mjs has not ended within 6 s/);
    assert.match(stderr, /It does not answer: its main thread is in state R/);
    assert.match(stderr, /process \d+: sleep 1000\n$/);
    assert.equal(code, 1);
    await gone('looping');
  });

  test('a file that does not come to its end behind its last JavaScript is killed', async () => {
    const { code, stderr } = await run(
      'leaving',
      "test('passes', () => { process.on('exit', () => { for (;;); }); });",
      SHORT_SECONDS,
    );
    assert.match(stderr, /leaving\.mjs has not ended within 6 s/);
    assert.match(stderr, /It is behind its `exit` event/);
    assert.equal(code, 1);
  });

  for (const stdio of ['ignore', 'inherit']) {
    test(`a process that outlives its file fails the run and is killed: stdio ${stdio}`, async () => {
      const { code, stderr } = await run(
        `leaves-${stdio}`,
        `test('passes', async () => { ${SLEEP(stdio, `{ detached: true, stdio: '${stdio}' }`)} child.unref(); });`,
        LONG_SECONDS,
      );
      assert.match(stderr, /leaves-\w+\.mjs left process \d+ behind; it is killed: sleep 1000\n$/);
      assert.equal(code, 1);
      await gone(stdio);
    });
  }
});
