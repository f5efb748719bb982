// TLS contexts over reloads: what nothing has changed of stays under its number, everything else is made anew.

import assert from 'node:assert/strict';
import { copyFileSync, rmSync, utimesSync } from 'node:fs';
import { test } from 'node:test';
import { checkValue } from '../../../src/config/load.js';
import { tlsContextCount } from '../../../src/engine/tls.js';
import { closeTlsContexts, openTlsContexts } from '../../../src/primary/tls-contexts.js';
import { authority, authorityFile, makeIdentity } from '../../support/identity.js';

const { files } = makeIdentity({ names: ['a.example'] });
const ca = authorityFile(authority());

/** A configuration with TLS at two listeners and one pool; `second`, `pool`: what is set for them besides. */
const configOf = (second: object = {}, pool: object = {}) =>
  checkValue({
    listeners: [
      { address: '127.0.0.1:1', protocol: 'https', tls: { certificates: [files] } },
      { address: '127.0.0.1:2', protocol: 'https', tls: { certificates: [files], ...second } },
    ],
    routes: [{ rules: [{ matches: [{ path: { value: '/' } }], pool: 'main' }] }],
    pools: { main: { servers: [{ address: '127.0.0.1:3' }], tls: { ca, serverName: 'a.example', ...pool } } },
  }).config;

const numbersOf = ({ listeners, pools }: ReturnType<typeof openTlsContexts>): number[] => [
  ...[...listeners.values()].map(({ context }) => context),
  ...pools.values(),
];

test('a reload makes anew only the contexts whose settings or files have changed', () => {
  const none = tlsContextCount();
  const first = openTlsContexts(configOf());
  const [a, b, pool] = numbersOf(first);
  const steps: [what: string, config: ReturnType<typeof configOf>, kept: (number | undefined)[]][] = [
    ['nothing', configOf(), [a, b, pool]],
    ['a setting of a listener', configOf({ minVersion: 'TLSv1.3' }), [a, undefined, pool]],
    ['a setting of the pool', configOf({}, { serverName: 'b.example' }), [a, b, undefined]],
  ];
  for (const [what, config, kept] of steps) {
    const next = openTlsContexts(config, first);
    for (const [i, number] of numbersOf(next).entries()) {
      if (kept[i] === undefined) assert.ok(![a, b, pool].includes(number), what);
      else assert.equal(number, kept[i], what);
    }
    closeTlsContexts(next, first);
    assert.equal(tlsContextCount(), none + 3, what);
  }
  utimesSync(files.cert, 1, 1);
  const renewed = openTlsContexts(configOf(), first);
  assert.deepEqual(
    numbersOf(renewed).map((number, i) => number === [a, b, pool][i]),
    [false, false, true],
  );
  closeTlsContexts(first, renewed);
  assert.equal(tlsContextCount(), none + 3, 'those of before that were not kept are closed');
  closeTlsContexts(renewed);
  assert.equal(tlsContextCount(), none);
});

test('a configuration that is refused leaves the contexts of the one before open, and none of its own', () => {
  const none = tlsContextCount();
  const first = openTlsContexts(configOf());
  copyFileSync(ca, `${ca}.gone`);
  const broken = configOf({ minVersion: 'TLSv1.3' }, { ca: `${ca}.gone` });
  rmSync(`${ca}.gone`);
  assert.throws(() => openTlsContexts(broken, first));
  assert.equal(tlsContextCount(), none + 3);
  closeTlsContexts(first);
  assert.equal(tlsContextCount(), none);
});
