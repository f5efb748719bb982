// h2spec, the conformance tests for servers of HTTP/2, over cleartext and TLS. Needs the program: `go install
// github.com/summerwind/h2spec/cmd/h2spec@latest`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { start as startEcho } from '../origins/json-echo.js';
import { makeIdentity } from '../support/identity.js';
import { standIn, use, useProxy } from '../support/proxy.js';

const execute = promisify(execFile);

/** Where h2spec is: in PATH, or where `go install` puts it. */
async function findProgram(): Promise<string | undefined> {
  for (const directory of (process.env.PATH ?? '').split(':')) {
    if (directory !== '' && existsSync(join(directory, 'h2spec'))) return join(directory, 'h2spec');
  }
  try {
    const { stdout } = await execute('go', ['env', 'GOPATH']);
    const installed = join(stdout.trim(), 'bin', 'h2spec');
    return existsSync(installed) ? installed : undefined;
  } catch {
    return undefined;
  }
}

test('h2spec finds nothing, over cleartext and over TLS', { skip: standIn && 'only the product' }, async (t) => {
  const program = await findProgram();
  if (program === undefined) return t.skip('no h2spec in PATH or $(go env GOPATH)/bin');
  const origin = await use(t, startEcho());
  const { files } = makeIdentity({ names: ['localhost'] });
  const proxy = await useProxy(t, {
    listeners: [{ http2: true }, { protocol: 'https', http2: true, tls: { certificates: [files] } }],
    servers: [origin.address],
  });
  for (const [index, tls] of [[], ['-t', '-k']].entries()) {
    const { host, port } = proxy.listeners[index]!;
    const args = ['-h', host, '-p', String(port), '-S', '-o', '2', ...tls];
    const output = await execute(program, args).then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout,
    );
    assert.match(output, /\b14\d tests, 14\d passed, 0 skipped, 0 failed/, output.slice(output.indexOf('Failures')));
    await proxy.checkInvariants();
  }
});
