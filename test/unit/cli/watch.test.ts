// Files that a configuration names are followed as they were when they were read, however soon after that they change.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { WatchedConfig } from '../../../src/cli/watch.js';
import { loadRoutes } from '../../../src/config/routes.js';
import { scratchDirectory } from '../../support/addresses.js';

/** A configuration with a page in `page`; `during` runs once, right after the page was read. */
function watched(t: TestContext, directory: string, during: () => void) {
  const file = join(directory, 'proxy.yaml');
  const page = join(directory, 'page.html');
  writeFileSync(file, JSON.stringify({ listeners: [], pools: {} }));
  const texts: string[] = [];
  const config = new WatchedConfig(file, async () => {
    texts.push(readFileSync(page, 'utf8'));
    if (texts.length === 1) during();
    return { ...(await loadRoutes(sample(directory))), files: [file, page] };
  });
  let changes = 0;
  const waiting: (() => void)[] = [];
  return {
    texts,
    config,
    get changes() {
      return changes;
    },
    /** Follows the files, and loads again as often as they change, until `good`. */
    async until(good: () => boolean): Promise<void> {
      const stop = config.start(async () => {
        changes++;
        await config.load();
        for (const wake of waiting.splice(0)) wake();
      });
      t.after(stop);
      while (!good()) {
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`no change was noticed: ${texts}`)), 10_000);
          waiting.push(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      }
    },
  };
}

/** Any configuration that can be loaded. */
function sample(directory: string): string {
  const file = join(directory, 'sample.yaml');
  writeFileSync(
    file,
    JSON.stringify({
      listeners: [{ address: ':8080' }],
      routes: [{ rules: [{ pool: 'a' }] }],
      pools: { a: { servers: [{ address: '10.0.0.1:80' }] } },
    }),
  );
  return file;
}

test('a page that changes between its first reading and the first look is noticed', async (t) => {
  const directory = scratchDirectory();
  writeFileSync(join(directory, 'page.html'), 'old');
  const watch = watched(t, directory, () => writeFileSync(join(directory, 'page.html'), 'new'));
  await watch.config.load();
  await watch.until(() => watch.texts.at(-1) === 'new');
  assert.deepEqual(watch.texts, ['old', 'new']);
});

test('so is one behind a link that is turned then, to a file that is older', async (t) => {
  const directory = scratchDirectory();
  for (const version of ['v1', 'v2']) {
    mkdirSync(join(directory, version));
    writeFileSync(join(directory, version, 'page.html'), version);
  }
  symlinkSync('v1', join(directory, '..data'));
  symlinkSync('..data/page.html', join(directory, 'page.html'));
  await new Promise((resolve) => setTimeout(resolve, 50)); // what was made before the load is older than its clock can be off
  const watch = watched(t, directory, () => {
    symlinkSync('v2', join(directory, '..next'));
    renameSync(join(directory, '..next'), join(directory, '..data'));
  });
  await watch.config.load();
  await watch.until(() => watch.texts.at(-1) === 'v2');
  assert.deepEqual(watch.texts, ['v1', 'v2']);
});

test('one that was at rest is not loaded twice, and a later change is', async (t) => {
  const directory = scratchDirectory();
  writeFileSync(join(directory, 'page.html'), 'old');
  await new Promise((resolve) => setTimeout(resolve, 50)); // what was made before the load is older than its clock can be off
  const watch = watched(t, directory, () => {});
  await watch.config.load();
  writeFileSync(join(directory, 'page.html'), 'new');
  await watch.until(() => watch.texts.at(-1) === 'new');
  assert.equal(watch.changes, 1);
  assert.deepEqual(watch.texts, ['old', 'new']);
});
