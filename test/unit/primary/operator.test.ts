// What an operator changes lies over the configuration, and over what names lead to.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OperatorLayer } from '../../../src/primary/operator.js';
import { endpointOf } from '../../support/endpoints.js';

const listed = (address: string, weight = 1) => {
  return { name: address, address, endpoint: endpointOf(address), weight, backup: false };
};
const A = listed('10.0.0.1:80', 5);
const B = listed('10.0.0.2:80');
const added = { address: '10.0.0.3:80', endpoint: endpointOf('10.0.0.3:80'), weight: 2, backup: false };

test('servers are weighed, drained, kept from all requests, taken out and added', () => {
  const layer = new OperatorLayer()
    .with('api', A.name, { weight: 9, keep: 'reload' })
    .with('api', B.name, { removed: true, keep: 'reload' })
    .with('api', 'c', { added, keep: 'reload' });
  assert.deepEqual(layer.over('api', [A, B]), [
    { ...A, weight: 9 },
    { name: 'c', ...added },
  ]);
  assert.deepEqual(layer.over('other', [A, B]), [A, B]);
  const drained = layer.with('api', A.name, { weight: 9, state: 'drain', keep: 'reload' });
  assert.deepEqual(drained.over('api', [A])[0], { ...A, weight: 0 });
  const kept = layer.with('api', A.name, { state: 'maintenance', keep: 'reload' });
  assert.deepEqual(kept.over('api', [A])[0], { ...A, weight: 0, maintenance: true });
  assert.deepEqual(layer.with('api', A.name, undefined).over('api', [A])[0], A);
});

test('a server that was added and is listed since is there once', () => {
  const layer = new OperatorLayer().with('api', 'c', { added, keep: 'saved' });
  assert.deepEqual(layer.over('api', [listed(added.address)]).length, 1);
});

test('a reload leaves what is saved, and its file brings it back', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sevenfold-operator-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'state.json');
  const layer = new OperatorLayer()
    .with('api', A.name, { weight: 9, keep: 'reload' })
    .with('api', 'c', { added, state: 'drain', keep: 'saved' });
  layer.write(file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const back = OperatorLayer.read(file);
  assert.deepEqual(back.over('api', [A]), layer.saved().over('api', [A]));
  assert.deepEqual(back.get('api', 'c'), { added, state: 'drain', keep: 'saved' });
  assert.equal(OperatorLayer.read(join(directory, 'none.json')).pools.size, 0);
  writeFileSync(file, '{"api":{"c":{"weight":-1}}}');
  assert.throws(() => OperatorLayer.read(file), /state\.json does not hold what an operator saved/);
});
