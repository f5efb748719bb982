// The log of the process as JSON: every line an object that says when, how much it matters, and what happened.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePlace, scratchDirectory } from '../support/addresses.js';
import { Child } from '../support/child.js';
import { describeProduct, documentOf, MAIN } from '../support/proxy.js';

interface Line {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

describeProduct('log of the process', () => {
  test('with --log json each event is one object, mistakes in the file too', async () => {
    const file = join(scratchDirectory(), 'proxy.yaml');
    // A server that is drained: a warning.
    const pools = { main: { servers: [{ address: '127.0.0.1:9', weight: 0 }] } };
    const place = freePlace();
    writeFileSync(file, JSON.stringify(documentOf({ pools }, [place])));
    const child = new Child(process.execPath, [MAIN, 'run', '-c', file, '--workers', '1', '--log', 'json']);
    await child.until('readiness', () => /"event":"service\.ready"/.test(child.stdout) || undefined);
    writeFileSync(file, 'listeners: [{ adress: ":1" }]\n');
    child.kill('SIGHUP');
    await child.until('the refusal', () => /reload\.refused/.test(child.stderr) || undefined);
    child.kill('SIGTERM');
    const { stdout, stderr, code } = await child.exited();
    assert.equal(code, 0);
    const status = linesOf(stdout);
    assert.deepEqual(
      status.map(({ level, event }) => [level, event]),
      [
        ['info', 'listener.opened'],
        ['info', 'worker.ready'],
        ['info', 'service.ready'],
        ['info', 'drain.began'],
        ['info', 'drain.ended'],
      ],
    );
    assert.equal(status[0]!.protocol, 'http');
    assert.match(status[0]!.message, /^listening on /);
    for (const { time } of status) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const [warning, ...errors] = linesOf(stderr);
    assert.deepEqual(
      [warning!.level, warning!.event, warning!.path],
      ['warning', 'config.warning', 'pools.main.servers'],
    );
    const problem = errors.find(({ event }) => event === 'config.problem')!;
    assert.deepEqual([problem.level, problem.line, problem.column], ['error', 1, 15]);
    assert.deepEqual([errors.at(-1)!.level, errors.at(-1)!.event], ['error', 'reload.refused']);
  });

  test('--log-level leaves out what matters less', async (t) => {
    const file = join(scratchDirectory(), 'proxy.yaml');
    const pools = { main: { servers: [{ address: '127.0.0.1:9', weight: 0 }] } };
    const busy = freePlace();
    const taken = createServer().listen(busy.port, busy.host);
    t.after(() => taken.close());
    await once(taken, 'listening');
    writeFileSync(file, JSON.stringify(documentOf({ pools }, [busy])));
    const child = new Child(process.execPath, [MAIN, 'run', '-c', file, '--workers', '1', '--log-level', 'error']);
    const { stdout, stderr, code } = await child.exited();
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^(?:\S+Z )?sevenfold: cannot listen on .*\n$/, 'the warning is left out, the error is not');
  });
});
