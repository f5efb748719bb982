// How often the kernel is asked for the bytes of a handshake: OpenSSL reads the header of each record and its body by
// themselves, and since 3.2 its own read-ahead begins only behind the handshake.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TLS_VERSIONS } from '../../src/base/tls-versions.js';
import { start as startAnswers } from '../origins/answers.js';
import { scratchDirectory } from '../support/addresses.js';
import { makeIdentity } from '../support/identity.js';
import { standIn, use, useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

const SOURCE = fileURLToPath(new URL('../support/count-receives.c', import.meta.url));
const CONNECTIONS = 20;
const RECEIVES_MAX = 9;

test('a handshake and a request take a handful of receives, whatever OpenSSL it is', { skip: standIn }, async (t) => {
  const directory = scratchDirectory();
  const library = join(directory, 'count-receives.so');
  const file = join(directory, 'receives');
  const { LD_PRELOAD: preloaded, ...env } = process.env;
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl'], { env });
  writeFileSync(file, Buffer.alloc(8));
  const receives = (): number => Number(readFileSync(file).readBigUInt64LE());
  const identity = makeIdentity({ names: ['first.example'] });
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, {
    servers: [origin.address],
    listeners: [{ protocol: 'https', tls: { certificates: [identity.files] } }],
    environment: {
      LD_PRELOAD: preloaded === undefined ? library : `${preloaded} ${library}`,
      RECEIVES_FILE: file,
    },
  });
  for (const version of TLS_VERSIONS) {
    const before = receives();
    for (let i = 0; i < CONNECTIONS; i++) {
      const tls = { ...identity.client, minVersion: version, maxVersion: version };
      const client = await WireClient.connect(proxy.place, { tls });
      await client.exchange(get('/'));
      client.close();
    }
    await proxy.countersUntil('all closed', ({ secured }) => secured === 0);
    const each = (receives() - before) / CONNECTIONS;
    t.diagnostic(`${version}: ${each} receives for each connection, its request and its answer`);
    assert.ok(each <= RECEIVES_MAX, `${version}: ${each} receives`);
  }
});
