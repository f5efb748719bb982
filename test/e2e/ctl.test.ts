// `sevenfold ctl` against a running process: tables for people, JSON for programs, exit codes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { start as startAnswers } from '../origins/answers.js';
import { scratchDirectory } from '../support/addresses.js';
import { describeProduct, use, useProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs commands one after the other, as the command line does, in one process: starting one takes longer than all of them. */
const PROGRAM = `
import { writeSync } from 'node:fs';
import { Command } from 'commander';
import { register } from ${JSON.stringify(new URL('../../dist/cli/ctl.js', import.meta.url).href)};
import { register as top } from ${JSON.stringify(new URL('../../dist/cli/top.js', import.meta.url).href)};
for (const words of JSON.parse(process.env.COMMANDS)) {
  process.exitCode = 0;
  const program = new Command('sevenfold');
  register(program);
  top(program);
  await program.parseAsync(words[0] === 'top' ? words : ['ctl', ...words], { from: 'user' });
  for (const fd of [1, 2]) writeSync(fd, '\\0' + process.exitCode + '\\0');
}
process.exitCode = 0;
`;

async function runAll(commands: readonly (readonly string[])[], address: string, input = ''): Promise<Ended[]> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    env: { ...process.env, COMMANDS: JSON.stringify(commands), SEVENFOLD_ADMIN: address },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (piece) => {
    out += piece;
  });
  child.stderr.on('data', (piece) => {
    err += piece;
  });
  child.stdin.end(input);
  await once(child, 'close');
  const [outs, errs] = [out.split('\0'), err.split('\0')];
  assert.equal(outs.length, 2 * commands.length + 1, err);
  return commands.map((_, index) => ({
    code: Number(outs[2 * index + 1]),
    out: outs[2 * index]!,
    err: errs[2 * index]!,
  }));
}

describeProduct('ctl', () => {
  test('looks at what runs and changes servers', async (t) => {
    const origin = await use(t, startAnswers());
    const socket = join(scratchDirectory(), 'admin.sock');
    const proxy = await useProxy(t, {
      listeners: [{ name: 'web' }],
      routes: [{ name: 'shop', rules: [{ pool: 'api', name: 'everything' }] }],
      pools: {
        api: {
          servers: [
            { address: origin.address, name: 'one' },
            { address: origin.address.replace(/\d+$/, '9'), name: 'two', weight: 0 },
          ],
        },
      },
      admin: { address: `unix:${socket}` },
    });
    await ask(proxy.place, get('/'));
    const address = `unix:${socket}`;
    const good = async (...commands: string[][]): Promise<string[]> => {
      const ended = await runAll(commands, address);
      for (const [index, { code, err }] of ended.entries())
        assert.deepEqual([code, err], [0, ''], commands[index]!.join(' '));
      return ended.map(({ out }) => out);
    };
    const [
      status,
      pools,
      servers,
      routes,
      exchanges,
      certificates,
      explained,
      events,
      metrics,
      drained,
      ready,
      weighed,
      json,
      added,
      removed,
      reloaded,
    ] = (await good(
      ['status'],
      ['pools'],
      ['servers', 'api'],
      ['routes'],
      ['exchanges'],
      ['certificates'],
      ['explain', 'GET http://shop.example/x'],
      ['events'],
      ['metrics'],
      ['drain', 'api/one'],
      ['ready', 'api/one'],
      ['weight', 'api/one', '7'],
      ['--json', 'servers', 'api'],
      ['add', 'api/three', origin.address.replace(/\d+$/, '8'), '--weight', '2'],
      ['remove', 'api/three'],
      ['reload'],
    )) as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    assert.match(status, /^state +ready$/m);
    assert.match(pools, /^POOL +UP +REQUESTS +IN FLIGHT +WAITING +EJECTED\napi +1\/2 +1 +0 +0 +0\n$/);
    assert.match(servers, /^one +\S+ +UP +1 +0 +\d+ +0 +file +-$/m);
    assert.match(routes, /^1 +\* +prefix \/ +any +- +everything +api$/m);
    assert.match(exchanges, /^AGE +STAGE +CLIENT/);
    assert.match(certificates, /^DAYS LEFT/);
    assert.match(explained, /everything/);
    assert.match(events, /^\d{4}-\S+Z sevenfold ready$/m);
    assert.match(metrics, /^sevenfold_requests_total\{listener="web",route="shop",pool="api",code="2xx"\} 1$/m);

    assert.match(drained, /^one .* DRAINING .* drain, until reload$/m);
    assert.match(ready, /^one .* UP +1 .* -$/m);
    assert.match(weighed, /^one .* UP +7 .* ready, until reload$/m);
    const shown = JSON.parse(json) as { servers: { weight: number }[] };
    assert.deepEqual(
      shown.servers.map(({ weight }) => weight),
      [7, 0],
    );
    assert.match(added, /^three .* 2 .* operator/m);
    assert.equal(removed, 'api/three is taken out\n');
    assert.match(reloaded, /^reloaded .*: \S/m);

    const bad = [
      ['explain', '-'],
      ['drain', 'api/on'],
      ['drain', 'api'],
      ['servers', 'apo'],
      ['weight', 'api/one', '5', '--keep', 'saved'],
      ['-a', 'unix:/nowhere/at/all.sock', 'status'],
      ['top', '--once', '--interval', '0.1'],
    ];
    const request = 'GET /raw HTTP/1.1\r\nHost: shop.example\r\n\r\n';
    const [raw, missing, wrong, noPool, saved, unreachable, top] = (await runAll(bad, address, request)) as [
      Ended,
      Ended,
      Ended,
      Ended,
      Ended,
      Ended,
      Ended,
    ];
    assert.match(top.out, /^api +one +UP +1 /m);
    assert.match(raw.out, /everything/);
    assert.deepEqual([missing.code, missing.out], [1, '']);
    assert.match(missing.err, /Pool 'api' has no server 'on'.*\n {2}Expected: one or two\./);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /Expected POOL\/SERVER/);
    assert.match(noPool.err, /There is no pool 'apo'/);
    assert.match(saved.err, /admin\.stateFile/);
    assert.equal(unreachable.code, 2);
    assert.match(unreachable.err, /cannot be reached: there is no such socket/);
  });
});
