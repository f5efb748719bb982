// A first configuration: what is asked, what is written, and what is not.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { init } from '../../../src/cli/init.js';
import { issueCertificate } from '../../../src/cli/issue-certificate.js';
import { ConfigError } from '../../../src/config/config-error.js';
import { loadRoutes } from '../../../src/config/routes.js';
import { scratchDirectory } from '../../support/addresses.js';

function answering(...answers: readonly string[]) {
  const left = [...answers];
  const questions: string[] = [];
  const ask = async (question: string): Promise<string> => {
    questions.push(question);
    return left.shift()!;
  };
  return { ask, questions };
}

test('flags make a file that check accepts, and the next commands', async () => {
  const file = join(scratchDirectory(), 'shop.yaml');
  const { code, out, err } = await init(file, { backend: ['127.0.0.1:3000', 'unix:/run/app.sock'] });
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /sevenfold run -c .*shop\.yaml\n$/);
  const { config, warnings } = await loadRoutes(file);
  assert.deepEqual(warnings, []);
  assert.deepEqual(
    [config.listeners[0]!.address, config.pools.app!.servers.map(({ address }) => address)],
    [':8080', ['127.0.0.1:3000', 'unix:/run/app.sock']],
  );
});

test('with a certificate it listens on :443, leads port 80 there, and names files from where it lies', async () => {
  const folder = scratchDirectory();
  const { cert, key } = issueCertificate({ subject: 'shop.example.com', names: ['shop.example.com'] });
  const names = ['shop.pem', 'shop.key'].map((name) => join(folder, name));
  writeFileSync(names[0]!, cert);
  writeFileSync(names[1]!, key);
  const file = join(folder, 'shop.yaml');
  const { code } = await init(file, { backend: ['127.0.0.1:3000'], cert: names[0]!, key: names[1]! });
  assert.equal(code, 0);
  const { config } = await loadRoutes(file);
  assert.deepEqual(
    config.listeners.map(({ address, protocol, redirectToHttps }) => [address, protocol, redirectToHttps]),
    [
      [':443', 'https', undefined],
      [':80', 'http', 443],
    ],
  );
});

test('three questions: servers until there is one, TLS or not, where to listen', async () => {
  const file = join(scratchDirectory(), 'shop.yaml');
  const { ask, questions } = answering('', '10.0.0.1:80, 10.0.0.2:80', '', '');
  assert.equal((await init(file, { backend: [] }, ask)).code, 0);
  assert.equal(questions.length, 4);
  assert.equal(questions[3], 'Where to listen? [:8080] ');
  assert.match(readFileSync(file, 'utf8'), /- address: "10\.0\.0\.1:80"\n {6}- address: "10\.0\.0\.2:80"\n/);
});

test('what check refuses is not written, and no file is replaced unless asked', async () => {
  const file = join(scratchDirectory(), 'shop.yaml');
  await assert.rejects(init(file, { backend: ['nowhere'] }), ConfigError);
  assert.ok(!existsSync(file));
  writeFileSync(file, 'mine');
  const { code, err } = await init(file, { backend: ['127.0.0.1:80'] });
  assert.equal(code, 1);
  assert.match(err, /exists.*--force/);
  assert.equal(readFileSync(file, 'utf8'), 'mine');
  assert.equal((await init(file, { backend: ['127.0.0.1:80'], force: true })).code, 0);
});
