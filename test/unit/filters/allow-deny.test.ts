// AllowDeny: which rule decides, what becomes of the others, and lists in files.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAddress } from '../../../src/base/addresses.js';
import { formatProblem } from '../../../src/base/problems.js';
import { ConfigError } from '../../../src/config/config-error.js';
import { loadConfig } from '../../../src/config/load.js';
import type { Config } from '../../../src/filters/allow-deny/config.js';
import { describe } from '../../../src/filters/allow-deny/describe.js';
import { plan } from '../../../src/filters/allow-deny/plan.js';
import { gateOf } from '../../../src/filters/runs.js';
import { compile } from '../../../src/index.js';
import { scratchDirectory } from '../../support/addresses.js';

const scope = { pools: new Map<string, number>(), contents: new Map<string, Uint8Array>(), place: '' };
const planOf = (allowDeny: Partial<Config['allowDeny']>) =>
  plan({ type: 'AllowDeny', allowDeny: { status: 403, ...allowDeny } }, scope);

/** Those of the addresses that all layers let in; `-` stands for a client without one. */
function letIn(layers: Partial<Config['allowDeny']>[][], addresses: string): string {
  const gate = gateOf(layers.map((layer) => layer.map(planOf)))!;
  const passes = (text: string): boolean => {
    const address = parseAddress(text) ?? new Uint8Array(0);
    return gate(address, 0, address.length);
  };
  return addresses.split(' ').filter(passes).join(' ');
}

const ALL = '10.1.0.1 10.2.0.1 192.0.2.1 2001:db8::1 -';

test('the first rule with the address decides, and the others get the opposite of the last', () => {
  const rows: [Partial<Config['allowDeny']>, string][] = [
    [{ deny: ['10.1.0.0/16'] }, '10.2.0.1 192.0.2.1 2001:db8::1 -'],
    [{ allow: ['10.1.0.0/16'] }, '10.1.0.1'],
    [{ allow: ['10.0.0.0/8'], deny: ['10.1.0.0/16'] }, '10.2.0.1'],
    [{ rules: [{ allow: ['10.1.0.0/16'] }, { deny: ['10.0.0.0/8'] }] }, '10.1.0.1 192.0.2.1 2001:db8::1 -'],
    [{ rules: [{ deny: ['10.0.0.0/8'] }, { allow: ['10.1.0.0/16', '::/0'] }] }, '2001:db8::1'],
    [{ rules: [{ allow: ['10.1.0.0/16'] }, { deny: ['10.0.0.0/8'] }], otherwise: 'deny' }, '10.1.0.1'],
    [{ allow: ['10.1.0.0/16'], otherwise: 'allow' }, ALL],
  ];
  for (const [options, expected] of rows) assert.equal(letIn([[options]], ALL), expected, JSON.stringify(options));
});

test('every filter around a request has to let it pass, whatever the layer', () => {
  const office = { allow: ['10.0.0.0/8'] };
  assert.equal(letIn([[office], [{ allow: ['10.1.0.0/16', '192.0.2.0/24'] }]], ALL), '10.1.0.1');
  assert.equal(letIn([[], [office, { deny: ['10.2.0.0/16'] }]], ALL), '10.1.0.1');
});

test('it is described by its ranges, of many by their number', () => {
  const some = describe(planOf({ deny: ['192.0.2.0/24'], status: 404 }));
  assert.equal(some, 'AllowDeny: denies 192.0.2.0/24, allows the others; refuses with 404');
  const many = describe(planOf({ allow: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'] }));
  assert.equal(many, 'AllowDeny: allows 5 ranges, denies the others; refuses with 403');
});

test('files hold a range in a line, are found beside the configuration, and a bad line is named', async () => {
  const directory = scratchDirectory();
  const file = join(directory, 'shop.json');
  const filter = { type: 'AllowDeny', allowDeny: { denyFiles: ['blocked.txt'] } };
  const pools = { api: { servers: [] } };
  writeFileSync(
    file,
    JSON.stringify({
      listeners: [{ address: ':8080' }],
      filters: [filter],
      routes: [{ rules: [{ pool: 'api' }] }],
      pools,
    }),
  );
  writeFileSync(join(directory, 'blocked.txt'), '# scanners\n\n192.0.2.0/24  # all of them\r\n2001:db8::/32\n');
  const loaded = await loadConfig(file);
  assert.ok(loaded.files.includes(join(directory, 'blocked.txt')), '--watch follows it');
  const router = compile(loaded);
  const status = (clientAddress: string) => router.match({ url: 'http://shop.example/', clientAddress }).status;
  assert.equal(status('192.0.2.9'), 403);
  assert.equal(status('2001:db8::1'), 403);
  assert.equal(status('192.0.3.1'), undefined);
  writeFileSync(join(directory, 'blocked.txt'), '192.0.2.0/24\nscanner.example\n');
  await assert.rejects(loadConfig(file), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(
      error.problems.map(formatProblem).join('\n'),
      /denyFiles\[0\]: Line 2: 'scanner\.example' is not a CIDR range\./,
    );
    return true;
  });
});
