// The commands as commander runs them: options, output and exit code.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { file, plain, SHOP } from './files.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const PROGRAM = `
import { Command } from 'commander';
const program = new Command('sevenfold');
for (const name of ['check', 'explain', 'routes', 'test', 'diff']) {
  const { register } = await import('./src/cli/' + name + '.ts');
  register(program);
}
await program.parseAsync(process.argv.slice(1), { from: 'user' });
`;

function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM, '--', ...words];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, command, { cwd: root }, (_error, out, err) => {
      resolve({ code: child.exitCode ?? -1, out: plain(out), err: plain(err) });
    });
  });
}

test('explain reads headers, cookies and the client from the command line', async () => {
  const config = file('shop.yaml', SHOP);
  const request = 'POST http://shop.example.com/api';
  const { code, out } = await run('explain', '-c', config, request, '-H', 'Accept: text/json', '-b', 'beta=true; a=b');
  assert.match(out, /^goes to canary, match 1 \(shop.yaml:11:13\)$/m);
  assert.equal(code, 0);
});

test('a wrong configuration ends every command with 2 and its problems on standard error', async () => {
  const config = file('bad.yaml', SHOP.replace('308', '309'));
  const outcomes = await Promise.all([
    run('check', '-c', config),
    run('explain', '-c', config, 'GET /'),
    run('routes', '-c', config),
    run('test', '-c', config),
    run('diff', config, config),
  ]);
  for (const { code, out, err } of outcomes) {
    assert.equal(code, 2);
    assert.equal(out, '');
    assert.match(err, /^1 problem in bad\.yaml\.\n$/m);
    assert.match(err, /^bad.yaml:24:97: routes\[1\].rules\[0\].filters\[0\].requestRedirect.statusCode: 309 is not/);
  }
});
