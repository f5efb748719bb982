import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HostsFile, readHosts } from '../../../src/health/hosts-file.js';
import { scratchDirectory } from '../../support/addresses.js';

test('reads every address of a name, in any case, and neither comments nor what is no address', () => {
  const hosts = readHosts(
    [
      '# 10.9.9.9 commented',
      '127.0.0.1\tlocalhost  Box   # 10.8.8.8 box',
      '::1 localhost',
      '127.0.0.1 localhost',
      'nonsense box',
      '',
      '10.0.0.1',
    ].join('\r\n'),
  );
  assert.deepEqual(Object.fromEntries(hosts), { localhost: ['127.0.0.1', '::1'], box: ['127.0.0.1'] });
});

test('sees changes of the file, and knows nobody without it', () => {
  const path = join(scratchDirectory(), 'hosts');
  const file = new HostsFile(path);
  assert.equal(file.addresses('app'), undefined);
  writeFileSync(path, '10.0.0.1 app\n');
  assert.deepEqual(file.addresses('App.'), ['10.0.0.1']);
  writeFileSync(path, '10.0.0.20 app\n');
  assert.deepEqual(file.addresses('app'), ['10.0.0.20']);
  rmSync(path);
  assert.equal(file.addresses('app'), undefined);
});
