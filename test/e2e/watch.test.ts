// What a reload reads again, and what --watch notices: modules and what they read, links that are turned, files in place.

import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePlace, type Place, scratchDirectory, written } from '../support/addresses.js';
import { Child } from '../support/child.js';
import { describeProduct, MAIN } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const answering = (place: Place, body: string): object => ({
  listeners: [{ address: written(place) }],
  routes: [{ rules: [{ filters: [{ type: 'DirectResponse', directResponse: { status: 200, body } }] }] }],
  pools: {},
});

/** Turns a link by renaming another one over it, as Kubernetes does. */
function turn(link: string, target: string): void {
  symlinkSync(target, `${link}.next`);
  renameSync(`${link}.next`, link);
}

/** Starts the product; `next` waits until a reload has been made and says what is answered then. */
async function startIn(t: TestContext, place: Place, file: string, ...args: string[]) {
  const child = new Child(process.execPath, [MAIN, 'run', '-c', file, '--workers', '1', ...args]);
  t.after(async () => {
    child.kill('SIGTERM');
    assert.equal((await child.exited()).code, 0);
  });
  await child.until('sevenfold ready', () => (/^sevenfold ready$/m.test(child.stdout) ? true : undefined));
  let seen = child.stdout.length;
  return {
    child,
    body: async (): Promise<string> => (await ask(place, get())).body,
    async next(): Promise<string> {
      await child.until('a reload', () => (/^reloaded /m.test(child.stdout.slice(seen)) ? true : undefined));
      seen = child.stdout.length;
      return (await ask(place, get())).body;
    },
  };
}

describeProduct('files of a configuration', () => {
  for (const watch of [false, true]) {
    test(`a module, what it imports, and what it reads (${watch ? '--watch' : 'SIGHUP'})`, async (t) => {
      const place = freePlace();
      const directory = scratchDirectory();
      const at = (name: string): string => join(directory, name);
      writeFileSync(at('package.json'), '{ "type": "module" }');
      writeFileSync(at('inner.js'), `export const inner = 'i1';`);
      writeFileSync(at('part.js'), `export { inner } from './inner.js'; export const part = 'p1';`);
      writeFileSync(at('data.txt'), 'd1');
      writeFileSync(
        at('config.mjs'),
        `import { readFileSync } from 'node:fs';
        import { part, inner } from './part.js';
        export const watchFiles = ['data.txt'];
        const config = ${JSON.stringify(answering(place, 'BODY'))};
        config.routes[0].rules[0].filters[0].directResponse.body =
          part + inner + readFileSync(new URL('./data.txt', import.meta.url), 'utf8');
        export default config;`,
      );
      const proxy = await startIn(t, place, at('config.mjs'), ...(watch ? ['--watch'] : []));
      assert.equal(await proxy.body(), 'p1i1d1');
      const changed = async (name: string, text: string): Promise<string> => {
        writeFileSync(at(name), text);
        if (!watch) proxy.child.kill('SIGHUP');
        return proxy.next();
      };
      assert.equal(await changed('data.txt', 'd2'), 'p1i1d2');
      assert.equal(await changed('inner.js', `export const inner = 'i2';`), 'p1i2d2');
      assert.equal(await changed('part.js', `export { inner } from './inner.js'; export const part = 'p2';`), 'p2i2d2');
    });
  }

  test('--watch follows a ..data swap, a turned link to a directory, and a rewrite in place', async (t) => {
    const place = freePlace();
    const directory = scratchDirectory();
    const version = (name: string, body: string): void => {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, 'proxy.yaml'), JSON.stringify(answering(place, body)));
    };
    version('..1', 'one');
    version('..2', 'two');
    symlinkSync('..1', join(directory, '..data'));
    symlinkSync('..data/proxy.yaml', join(directory, 'proxy.yaml'));
    const proxy = await startIn(t, place, join(directory, 'proxy.yaml'), '--watch');
    assert.equal(await proxy.body(), 'one');
    turn(join(directory, '..data'), '..2');
    assert.equal(await proxy.next(), 'two');
    version('..3', 'three');
    turn(join(directory, '..data'), '..3');
    assert.equal(await proxy.next(), 'three');
    // As through a mount of the one file: nothing happens in the directory of its name.
    writeFileSync(join(directory, '..3', 'proxy.yaml'), JSON.stringify(answering(place, 'in place')));
    assert.equal(await proxy.next(), 'in place');
  });

  test('--watch follows pages, and a page that is missing until it comes', async (t) => {
    const place = freePlace();
    const directory = scratchDirectory();
    const at = (name: string): string => join(directory, name);
    const file = at('proxy.yaml');
    const config = (own: string): string =>
      JSON.stringify({
        listeners: [{ address: written(place) }],
        routes: [
          {
            rules: [
              { pool: 'down', errorPages: [{ statuses: [502], file: own }] },
              {
                matches: [{ path: { value: '/direct' } }],
                filters: [{ type: 'DirectResponse', directResponse: { status: 200, file: 'direct.txt' } }],
              },
            ],
          },
        ],
        errorPages: [{ statuses: [400], file: 'all.html' }],
        pools: { down: { servers: [{ address: written(freePlace()) }] } },
      });
    const bad = async (): Promise<string> => (await ask(place, 'GET / HTTP/1.1\r\n\r\n')).body;
    const direct = async (): Promise<string> => (await ask(place, get('/direct'))).body;
    for (const name of ['own.html', 'all.html', 'direct.txt']) writeFileSync(at(name), 'one');
    writeFileSync(file, config('own.html'));
    const proxy = await startIn(t, place, file, '--watch');
    assert.deepEqual([await proxy.body(), await bad(), await direct()], ['one', 'one', 'one']);
    writeFileSync(at('own.html'), 'two');
    assert.equal(await proxy.next(), 'two');
    assert.match(proxy.child.stdout, /^reloaded .*: the text of .*own\.html$/m);
    writeFileSync(at('all.html'), 'two');
    await proxy.next();
    assert.equal(await bad(), 'two');
    writeFileSync(at('direct.txt'), 'two');
    await proxy.next();
    assert.equal(await direct(), 'two');
    writeFileSync(file, config('later.html'));
    await proxy.child.until('the refusal', () => (/was not reloaded/.test(proxy.child.stderr) ? true : undefined));
    assert.match(proxy.child.stderr, /The file 'later\.html' does not exist\./);
    writeFileSync(at('later.html'), 'later');
    assert.equal(await proxy.next(), 'later');
  });

  test('a reload says which limits wait for a restart', async (t) => {
    const place = freePlace();
    const file = join(scratchDirectory(), 'proxy.yaml');
    writeFileSync(file, JSON.stringify(answering(place, 'x')));
    const proxy = await startIn(t, place, file);
    writeFileSync(file, JSON.stringify({ ...answering(place, 'y'), limits: { connectionsMax: 1234, fieldsMax: 50 } }));
    proxy.child.kill('SIGHUP');
    assert.equal(await proxy.next(), 'y');
    assert.match(proxy.child.stdout, /^reloaded .*: 1 rule changed; limits\.fieldsMax$/m);
    await proxy.child.until('the limit', () => (/connectionsMax/.test(proxy.child.stderr) ? true : undefined));
    assert.match(proxy.child.stderr, /^sevenfold: limits\.connectionsMax stays \d+: .* Restart to make it 1234\.$/m);
  });
});
