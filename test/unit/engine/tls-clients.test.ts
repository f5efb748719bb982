// TLS contexts that verify clients: made whole or not at all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { issueCertificate } from '../../../src/cli/issue-certificate.js';
import { addon } from '../../../src/engine/addon.js';
import { closeTlsContext, openTlsContext, type TlsContextOptions, tlsContextCount } from '../../../src/engine/tls.js';

const { cert, key } = issueCertificate({ subject: 'server', names: ['a.example'] });
const options = (authorities: string): TlsContextOptions => ({
  identities: [{ certificates: [{ chain: Buffer.from(cert), key: Buffer.from(key) }], names: ['a.example'] }],
  versionMin: 'TLSv1.2',
  ciphers: '',
  protocols: ['http/1.1'],
  scope: 'here',
  clients: { required: true, authorities: Buffer.from(authorities) },
});

/** More contexts than there is room for at once. */
const MANY = 5000;

test('authorities for clients that cannot be read make no context, and keep none', () => {
  const before = tlsContextCount();
  const damaged = cert.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
  for (const authorities of ['', 'nothing of the kind', key, damaged]) {
    assert.throws(() => openTlsContext(options(authorities)), /no certificate of an authority for clients/);
  }
  assert.equal(tlsContextCount(), before);
});

test('contexts that verify clients are given back when they are closed', () => {
  // What V8 has for its heap and for buffers comes and goes as it collects garbage.
  const nativeKiB = (): number => {
    const { rss, heapTotal, external } = process.memoryUsage();
    return (rss - heapTotal - external) / 1024;
  };
  const before = tlsContextCount();
  const many = (count: number): void => {
    for (let i = 0; i < count; i++) closeTlsContext(openTlsContext(options(cert.repeat(3))));
  };
  many(MANY / 10);
  const used = nativeKiB();
  many(MANY);
  assert.equal(tlsContextCount(), before);
  // One store or one list of names of each lost would be 20 MB and more.
  const grown = nativeKiB() - used;
  if (process.env.SEVENFOLD_SANITIZED !== '1') assert.ok(grown < 12_000, `native memory grew by ${grown} KiB`);
});

test('clients are verified from the first identity on, and in one way', () => {
  const native = addon();
  const tls = native.tlsOpen(0x0303, '', Buffer.alloc(0), 'here');
  try {
    native.tlsVerifyClients(tls, false, Buffer.from(cert));
    const again = /from the first identity on/;
    assert.throws(() => native.tlsVerifyClients(tls, true, Buffer.from(cert)), again);
    native.tlsCertificate(tls, 0, Buffer.from(cert), Buffer.from(key));
    assert.throws(() => native.tlsVerifyClients(tls, true, Buffer.from(cert)), again);
  } finally {
    native.tlsClose(tls);
  }
  assert.throws(() => native.tlsVerifyClients(tls, true, Buffer.from(cert)), /from the first identity on/);
});
