// `sevenfold check`: what it says and how it ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../../src/cli/check.js';
import { file, plain, SHOP } from './files.js';

test('a good configuration is summed up and ends with 0', async () => {
  const { code, out, err } = await check({ config: file('shop.yaml', SHOP) });
  assert.deepEqual([code, plain(out), err], [0, 'shop.yaml is fine: 1 listener, 4 rules, 3 pools, 4 servers.\n', '']);
});

test('every problem is printed and the end is 2', async () => {
  const text = SHOP.replace('pool: images\n', 'pool: imags\n').replace('308', '309');
  const { code, out, err } = await check({ config: file('bad.yaml', text) });
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.equal(
    plain(err),
    `bad.yaml:8:15: routes[0].rules[0].pool: There is no pool 'imags'.
  Expected api, api-next or images. Did you mean images?
bad.yaml:24:97: routes[1].rules[0].filters[0].requestRedirect.statusCode: 309 is not a redirect status.
  Expected 301, 302, 303, 307 or 308.
2 problems in bad.yaml.
`,
  );
});

test('a rule that no request reaches is a warning and the end is 0', async () => {
  const text = SHOP.replace('pools:\n', '      - pool: api\npools:\n');
  const { code, out, err } = await check({ config: file('shadow.yaml', text) });
  assert.equal(code, 0);
  assert.match(plain(out), /1 warning\.\n$/);
  assert.match(plain(err), /^warning: shadow.yaml:25:9: routes\[1\].rules\[1\]: No request reaches this rule\./);
});

test('JSON carries problems and warnings as data', async () => {
  const good = await check({ config: file('shop.yaml', SHOP), json: true });
  assert.deepEqual(JSON.parse(good.out), { problems: [], warnings: [] });
  const bad = await check({ config: file('bad.yaml', SHOP.replace('308', '309')), json: true });
  assert.equal(bad.code, 2);
  const { problems } = JSON.parse(bad.out);
  assert.equal(problems.length, 1);
  assert.deepEqual([problems[0].line, problems[0].column], [24, 97]);
});

test('a file that does not exist is a problem like any other', async () => {
  const { code, err } = await check({ config: 'nowhere.yaml' });
  assert.equal(code, 2);
  assert.match(err, /^nowhere.yaml: The file does not exist\./);
});
