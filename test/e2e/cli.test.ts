// The command line: what it says and how it exits, in good and in bad cases.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { freePlace, scratchDirectory, written } from '../support/addresses.js';
import { Child, type Exit } from '../support/child.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { MAIN, startFromFlags, use, useProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const run = (...args: string[]): Promise<Exit> => new Child(process.execPath, [MAIN, ...args]).exited();
const file = (text: string): string => {
  const path = join(scratchDirectory(), 'shop.yaml');
  writeFileSync(path, text);
  return path;
};
const lineCount = (text: string): number => text.trimEnd().split('\n').length;

describe('command line', { concurrency: 2 }, () => {
  test('--help lists the commands and exits 0', async () => {
    const exit = await run('--help');
    assert.equal(exit.code, 0);
    for (const command of ['run', 'check', 'demo']) assert.match(exit.stdout, new RegExp(`^ +${command}\\b`, 'm'));
  });

  test('--version prints the version and exits 0', async () => {
    const exit = await run('--version');
    assert.equal(exit.code, 0);
    assert.match(exit.stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test('an unknown option ends with code 2 and names the option', async () => {
    const exit = await run('run', '--backends', '127.0.0.1:1');
    assert.equal(exit.code, 2);
    assert.match(exit.stderr, /--backends/);
    assert.doesNotMatch(exit.stderr, /^ {4}at /m);
  });

  test('an unknown command ends with code 2', async () => {
    const exit = await run('serve');
    assert.equal(exit.code, 2);
    assert.match(exit.stderr, /serve/);
  });

  test('run without a file and without flags ends with code 2 and says what is missing', async () => {
    const exit = await run('run');
    assert.equal(exit.code, 2);
    assert.match(exit.stderr, /--config|--listen/);
  });

  test('wrong values of flags end with code 2', async () => {
    for (const args of [
      ['--mode', 'l5'],
      ['--workers', 'many'],
      ['--workers', '0'],
      ['--accept', 'maybe'],
    ]) {
      const exit = await run('run', '--listen', written(freePlace()), '--backend', '127.0.0.1:1', ...args);
      assert.equal(exit.code, 2, args.join(' '));
      assert.match(exit.stderr, new RegExp(args[0]!), args.join(' '));
    }
  });

  test('a file that does not exist ends with code 2 and is named', async () => {
    const exit = await run('run', '-c', '/nowhere/shop.yaml');
    assert.equal(exit.code, 2);
    assert.match(exit.stderr, /^\/nowhere\/shop\.yaml: /);
    assert.doesNotMatch(exit.stderr, /^ {4}at /m);
  });

  test('a wrong file ends with code 2, with its place, what was found and the nearest name', async () => {
    const path = file(
      [
        'listeners:',
        `  - address: ${written(freePlace())}`,
        'routes:',
        '  - rules:',
        '      - matches: [{ path: { type: PathPerfix, value: /a } }]',
        '        pool: main',
        'pools:',
        '  main: { servers: [{ address: 127.0.0.1:1 }] }',
        '',
      ].join('\n'),
    );
    for (const command of ['run', 'check']) {
      const exit = await run(command, '-c', path);
      assert.equal(exit.code, 2, command);
      assert.match(exit.stdout + exit.stderr, /shop\.yaml:5:\d+: .*PathPerfix/, command);
      assert.match(exit.stdout + exit.stderr, /PathPrefix/, command);
    }
  });

  test('check says that a right file is right and exits 0', async () => {
    const path = file(
      `listeners: [{ address: '${written(freePlace())}' }]\nroutes: [{ rules: [{ pool: main }] }]\npools: { main: { servers: [{ address: '127.0.0.1:1' }] } }\n`,
    );
    const exit = await run('check', '-c', path);
    assert.equal(exit.code, 0, exit.stderr);
    assert.equal(exit.stderr, '');
  });

  test('a port that is in use ends with code 2 and one line that names it', async (t) => {
    const origin = await use(t, startAnswers());
    const exit = await run('run', '--listen', origin.address, '--backend', '127.0.0.1:1', '--workers', '1');
    assert.equal(exit.code, 2);
    assert.equal(lineCount(exit.stderr), 1, exit.stderr);
    assert.ok(exit.stderr.includes(origin.address), exit.stderr);
    assert.match(exit.stderr, /in use/);
  });

  test('an address of another machine ends with code 2 and one line', async () => {
    const exit = await run('run', '--listen', '203.0.113.1:8080', '--backend', '127.0.0.1:1', '--workers', '1');
    assert.equal(exit.code, 2);
    assert.equal(lineCount(exit.stderr), 1, exit.stderr);
    assert.match(exit.stderr, /203\.0\.113\.1:8080/);
  });

  test('run with flags serves one pool and says when it is ready, a line per listener and worker', async (t) => {
    const one = await use(t, startAnswers());
    const two = await use(t, startAnswers());
    const proxy = await startFromFlags((place) => [
      ...['--listen', written(place), '--backend', one.address, '--backend', two.address],
      ...['--workers', '2', '--accept', 'shared'],
    ]);
    t.after(() => proxy.stop());
    for (let i = 0; i < 4; i++) assert.equal(statusOf(await ask(proxy.place, get())), 200);
    const lines = proxy.process.stdout.trimEnd().split('\n');
    assert.equal(lines.filter((line) => line.includes(written(proxy.place))).length, 1, proxy.process.stdout);
    assert.equal(lines.filter((line) => /^worker \d+/.test(line)).length, 2, proxy.process.stdout);
    assert.equal(lines.at(-1), 'sevenfold ready');
  });

  test('one worker accepts for itself, several are handed to, unless told otherwise', async (t) => {
    const origin = await use(t, startAnswers());
    for (const [flags, accept] of [
      [['--workers', '1'], 'shared'],
      [['--workers', '2'], 'handoff'],
      [['--workers', '1', '--accept', 'handoff'], 'handoff'],
    ] as const) {
      const proxy = await startFromFlags((at) => ['--listen', written(at), '--backend', origin.address, ...flags]);
      t.after(() => proxy.stop());
      assert.equal(statusOf(await ask(proxy.place, get())), 200);
      assert.match(proxy.process.stdout, new RegExp(`^worker 0 ready \\(${accept} accept\\)$`, 'm'));
    }
  });

  test('SIGHUP says that there is nothing to reload when there is no file', async (t) => {
    const origin = await use(t, startAnswers());
    const proxy = await startFromFlags((at) => [
      '--listen',
      written(at),
      '--backend',
      origin.address,
      '--workers',
      '1',
    ]);
    t.after(() => proxy.stop());
    proxy.process.kill('SIGHUP');
    const said = await proxy.process.until('an answer', () => /^.*reload.*$/m.exec(proxy.process.stdout)?.[0]);
    assert.equal(said, 'nothing to reload: the configuration is on the command line, not in a file');
  });

  test('SIGHUP takes up a changed file without losing a connection', async (t) => {
    const { WireClient } = await import('../support/wire-client.js');
    const first = await use(t, startAnswers());
    const second = await use(t, startAnswers());
    const place = freePlace();
    const text = (address: string): string =>
      `listeners: [{ address: '${written(place)}' }]\nroutes: [{ rules: [{ pool: main }] }]\npools: { main: { servers: [{ address: '${address}' }] } }\n`;
    const path = file(text(first.address));
    const child = new Child(process.execPath, [MAIN, 'run', '-c', path, '--workers', '1']);
    t.after(async () => {
      child.kill('SIGTERM');
      assert.equal((await child.exited()).code, 0);
    });
    await child.until('ready', () => (child.stdout.includes('sevenfold ready') ? true : undefined));
    const client = await WireClient.connect(place);
    assert.equal(statusOf(await client.exchange(get('/before'))), 200);
    const shown = child.stdout.length;
    writeFileSync(path, text(second.address));
    child.kill('SIGHUP');
    await child.until('word about the reload', () => (child.stdout.length > shown ? true : undefined));
    assert.equal(statusOf(await client.exchange(get('/after'))), 200);
    client.close();
    assert.equal(second.requests.length, 1);
  });

  test('SIGHUP with a wrong file keeps what runs', async (t) => {
    const origin = await use(t, startAnswers());
    const place = freePlace();
    const path = file(
      `listeners: [{ address: '${written(place)}' }]\nroutes: [{ rules: [{ pool: main }] }]\npools: { main: { servers: [{ address: '${origin.address}' }] } }\n`,
    );
    const child = new Child(process.execPath, [MAIN, 'run', '-c', path, '--workers', '1']);
    t.after(async () => {
      child.kill('SIGTERM');
      assert.equal((await child.exited()).code, 0);
    });
    await child.until('ready', () => (child.stdout.includes('sevenfold ready') ? true : undefined));
    writeFileSync(path, 'listeners: nonsense\n');
    child.kill('SIGHUP');
    await child.until('complaint', () => (child.stderr.includes('shop.yaml') ? true : undefined));
    assert.equal(statusOf(await ask(place, get())), 200);
  });
});

test('the status line of an own answer names the reason', async (t) => {
  const proxy = await useProxy(t, { servers: [written(freePlace())] });
  const response = await ask(proxy.place, get());
  assert.equal(response.startLine, 'HTTP/1.1 502 Bad Gateway');
  assert.notEqual(fieldValue(response, 'date'), undefined);
});
