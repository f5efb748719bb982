// TLS contexts in the registry of the process: exchanged in place, counted, and freed with all they hold.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { issueCertificate } from '../../../src/cli/issue-certificate.js';
import { addon } from '../../../src/engine/addon.js';
import {
  closeTlsContext,
  openTlsBackendContext,
  openTlsContext,
  replaceTlsContext,
  tlsContextCount,
} from '../../../src/engine/tls.js';
import { errorOf, useLab, useOrigin } from './lab.js';

const issued = issueCertificate({ subject: 'first', names: ['first.example'] });
const STAPLE_BYTES = 50_000;
const certificate = {
  chain: Buffer.from(issued.cert),
  key: Buffer.from(issued.key),
  staple: { response: Buffer.alloc(STAPLE_BYTES, 1), until: Number.POSITIVE_INFINITY },
};

const openServer = (): number =>
  openTlsContext({
    identities: [{ certificates: [certificate], names: ['first.example'] }],
    versionMin: 'TLSv1.2',
    ciphers: '',
    protocols: ['http/1.1'],
    scope: 'test',
    clients: null,
  });
const openBackend = (): number =>
  openTlsBackendContext({
    serverName: 'first.example',
    verify: true,
    authorities: Buffer.from(issued.cert),
    certificate,
    versionMin: 'TLSv1.2',
    protocols: ['http/1.1'],
  });

test('a context takes the place of another under its index, and that other is gone', () => {
  const before = tlsContextCount();
  const [first, second] = [openServer(), openServer()];
  assert.equal(tlsContextCount(), before + 2);
  replaceTlsContext(first, second);
  assert.equal(tlsContextCount(), before + 1);
  closeTlsContext(second);
  assert.equal(tlsContextCount(), before + 1, 'its own number means nothing any more');
  closeTlsContext(first);
  assert.equal(tlsContextCount(), before);
});

test('a context that is not open neither takes a place nor gives one up', () => {
  const before = tlsContextCount();
  const open = openServer();
  const closed = openServer();
  closeTlsContext(closed);
  for (const [at, by] of [
    [open, closed],
    [closed, open],
    [open, open],
    [open, -1],
    [1_000_000, open],
  ] as const)
    assert.throws(() => replaceTlsContext(at, by), /not open/, `${at} by ${by}`);
  assert.equal(tlsContextCount(), before + 1);
  closeTlsContext(open);
});

test('the number of a closed context never means another one', () => {
  const before = tlsContextCount();
  const numbers = new Set<number>();
  for (let i = 0; i < 50; i++) {
    const [first, second] = [openServer(), openBackend()];
    numbers.add(first).add(second);
    closeTlsContext(first);
    replaceTlsContext(second, openServer());
    closeTlsContext(second);
  }
  assert.equal(numbers.size, 100);
  const open = openServer();
  for (const number of numbers) closeTlsContext(number);
  assert.equal(tlsContextCount(), before + 1);
  closeTlsContext(open);
});

test('a connection under the number of a closed context fails, whatever took its place', async (t) => {
  const lab = useLab(t);
  const origin = await useOrigin(t);
  const closed = openBackend();
  closeTlsContext(closed);
  const later = openBackend();
  t.after(() => closeTlsContext(later));
  const conn = lab.act((engine) => {
    const opened = engine.connect(engine.addressAdd('127.0.0.1', origin.port));
    engine.tls(opened, closed, 0, 0);
    return opened;
  });
  assert.equal(errorOf(await lab.next(conn, 'error')), 'noSuchContext');
  lab.act((engine) => engine.closeConn(conn));
});

test('a response is stapled to an identity that is there, and to no other', () => {
  const open = openServer();
  const staple = (tls: number, identity: number): void => addon().tlsStaple(tls, identity, Buffer.from('again'), 1);
  staple(open, 0);
  for (const [tls, identity] of [
    [open, 1],
    [open, -1],
    [-1, 0],
    [1_000_000, 0],
  ] as const)
    assert.throws(() => staple(tls, identity), /cannot be stapled/);
  closeTlsContext(open);
});

test('a context of backend connections has one identity, no names, and verifies no clients', () => {
  const open = openBackend();
  const { chain, key } = certificate;
  addon().tlsCertificate(open, 0, chain, key);
  for (const identity of [1, 2, -1]) {
    assert.throws(() => addon().tlsCertificate(open, identity, chain, key), /no such context or identity/);
  }
  assert.throws(() => addon().tlsName(open, 'first.example', 0), /no such identity/);
  assert.throws(() => addon().tlsVerifyClients(open, true, chain), { code: 'ERR_TLS' });
  closeTlsContext(open);
});

test('arguments of another number or type are refused', () => {
  const native = addon() as unknown as Record<string, (...values: unknown[]) => unknown>;
  const text = 'x'.repeat(4096);
  const bytes = new Uint8Array(1);
  const calls: readonly [string, ...unknown[]][] = [
    ['tlsClose'],
    ['tlsClose', 0, 0],
    ['tlsClose', '0'],
    ['tlsOpen', 0x0303, '', bytes],
    ['tlsOpen', 0x0303, text, bytes, ''],
    ['tlsOpen', 0x0303, '', new Int32Array(1), ''],
    ['tlsOpen', 0x0303, '', 'h2', ''],
    ['tlsOpenBackend', 0x0303, '', bytes, '', 1, bytes],
    ['tlsName', 0, 0, 0],
    ['tlsStaple', 0, 0, bytes, '0'],
    ['listenerOpen', text, 0, 1, false],
    ['pinThread', -1],
  ];
  for (const [name, ...values] of calls) {
    assert.throws(() => native[name]!(...values), { code: 'ERR_ARGUMENT' }, `${name}(${values.length})`);
  }
});

test('contexts that are closed leave no memory behind', () => {
  const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))![1]);
  const many = (count: number): void => {
    for (let i = 0; i < count; i++) for (const tls of [openServer(), openBackend()]) closeTlsContext(tls);
  };
  many(200);
  const before = resident();
  many(2000);
  const grown = resident() - before;
  // One staple or one SSL_CTX of each lost would be 20 MB and more.
  if (process.env.SEVENFOLD_SANITIZED !== '1') assert.ok(grown < 12_000, `resident memory grew by ${grown} KiB`);
});
