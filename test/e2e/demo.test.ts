// What a new user sees first: the demo, and one clear line when something is missing.

import assert from 'node:assert/strict';
import { cpSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { freePlace, scratchDirectory, written } from '../support/addresses.js';
import { Child } from '../support/child.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { MAIN, use } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

test('the demo prints its address, its routes and three curl lines, serves, and stops cleanly on Ctrl-C', async (t) => {
  const place = freePlace();
  const child = new Child(process.execPath, [MAIN, 'demo', '--listen', written(place)]);
  t.after(() => child.kill('SIGKILL'));
  await child.until('three curl lines', () => ((child.stdout.match(/curl /g) ?? []).length >= 3 ? true : undefined));
  assert.ok(child.stdout.includes(`http://${written(place)}`), child.stdout);
  for (const word of ['/api', '/images', 'api', 'images']) assert.ok(child.stdout.includes(word), word);

  const answers = new Set<string>();
  for (let i = 0; i < 4; i++) {
    const response = await ask(place, get('/api/orders'));
    assert.equal(statusOf(response), 200);
    answers.add(String((JSON.parse(response.body) as { server: unknown }).server));
  }
  assert.equal(answers.size, 2, 'the two API servers take turns');
  const picture = await ask(place, get('/images/cat.png'));
  assert.equal(fieldValue(picture, 'content-type'), 'image/png');
  assert.equal(picture.body.slice(0, 8), '\x89PNG\r\n\x1a\n');
  assert.equal(statusOf(await ask(place, get('/nowhere'))), 404);

  child.kill('SIGINT');
  const exit = await child.exited();
  assert.deepEqual([exit.code, exit.stderr], [0, '']);
});

test('the demo on a port in use ends with code 2 and one line', async (t) => {
  const origin = await use(t, startAnswers());
  const exit = await new Child(process.execPath, [MAIN, 'demo', '--listen', origin.address]).exited();
  assert.equal(exit.code, 2);
  assert.match(exit.stderr, /^[^\n]*in use[^\n]*\n$/);
});

test('a missing engine is said in one line, with the command that builds it, and ends with code 2', async () => {
  const root = join(dirname(MAIN), '..', '..');
  const copy = scratchDirectory();
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  cpSync(join(root, 'Makefile'), join(copy, 'Makefile'));
  for (const engine of ['engine.node', 'prebuilt'])
    rmSync(join(copy, 'dist/engine', engine), { recursive: true, force: true });
  const args = ['run', '--listen', written(freePlace()), '--backend', '127.0.0.1:1', '--workers', '1'];
  const exit = await new Child(process.execPath, [join(copy, 'dist/cli/main.js'), ...args]).exited();
  assert.equal(exit.code, 2);
  assert.match(exit.stderr, /^[^\n]*engine[^\n]*make build[^\n]*\n$/);
});
