// What becomes of a line that was written in part when its reader left: the next one does not continue it.

import assert from 'node:assert/strict';
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { scratchDirectory } from '../../support/addresses.js';

const CHILD = fileURLToPath(new URL('./output.child.ts', import.meta.url));
/** More than a pipe holds, and less than may wait. */
const LONG = `${'x'.repeat(150_000)}\n`;

test('a line that was cut is ended before the next, which says what was lost', async (t) => {
  const fifo = join(scratchDirectory(), 'output');
  execFileSync('mkfifo', [fifo]);
  const reader = (): number => openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const first = reader();
  const writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  const child = fork(CHILD, { stdio: ['ignore', writer, 'inherit', 'ipc'], execArgv: ['--import', 'tsx'] });
  closeSync(writer);
  t.after(() => child.kill('SIGKILL'));
  const next = async (): Promise<unknown> => (await once(child, 'message'))[0];
  assert.equal(await next(), 'ready');

  child.send(LONG);
  assert.equal(await next(), 'taken');
  const failed = next();
  closeSync(first);
  assert.equal(await failed, 'failed: EPIPE');
  const second = reader();
  t.after(() => closeSync(second));
  child.send('next\n');
  assert.equal(await next(), 'taken');

  const buffer = Buffer.alloc(65_536);
  let text = '';
  for (const until = Date.now() + 10_000; !text.endsWith('next\n') && Date.now() < until; ) {
    try {
      text += buffer.toString('latin1', 0, readSync(second, buffer));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  const written = /^x+/.exec(text)![0].length;
  assert.ok(written > 0 && written < LONG.length, `${written} bytes of the line were written`);
  assert.equal(text.slice(written), '\n1 lost: EPIPE\nnext\n');
});
