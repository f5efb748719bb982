// What TLS tells, in rules and in header values: each condition and each variable, with real handshakes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { echoOf, type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { loopback } from '../support/addresses.js';
import {
  authority,
  authorityFile,
  type ClientIdentity,
  type Identity,
  makeClient,
  makeIdentity,
} from '../support/identity.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const VARIABLES = [
  'scheme',
  'serverName',
  'tlsVersion',
  'tlsCipher',
  'clientCertificateSubject',
  'clientCertificateSubjectAltName',
  'clientCertificateFingerprint',
] as const;

describeProduct('facts of TLS', () => {
  let origin: JsonEcho;
  let proxy: RunningProxy;
  let server: Identity;
  let alice: ClientIdentity;
  let bob: ClientIdentity;
  let carol: ClientIdentity;

  before(async () => {
    server = makeIdentity({ names: ['first.example', '*.wild.example', loopback] });
    alice = makeClient({ subject: 'alice', names: ['alice.example', 'URI:spiffe://example/web/alice'] });
    bob = makeClient({ subject: 'bob', names: ['bob.example', '10.0.0.7'] });
    carol = makeClient({ subject: 'carol' });
    origin = await startEcho();
    const certificates = [server.files];
    const ca = authorityFile(authority());
    const rule = (name: string, path: string, match: object): object => ({
      name,
      matches: [{ path: { value: path }, ...match }],
      pool: 'main',
      filters: [
        {
          type: 'RequestHeaderModifier',
          requestHeaderModifier: { set: [{ name: 'X-Rule', value: '$' + '{rule}' }] },
        },
      ],
    });
    proxy = await startProxy({
      listeners: [
        { protocol: 'https', tls: { certificates, clientCertificates: { mode: 'optional', ca } } },
        {},
        { protocol: 'https', tls: { certificates } },
      ],
      pools: { main: { servers: [{ address: origin.address }] } },
      routes: [
        {
          rules: [
            rule('yes', '/https', { scheme: 'https' }),
            rule('yes-plain', '/http', { scheme: 'http' }),
            rule('yes-name', '/name', { serverName: 'First.Example' }),
            rule('yes-wild', '/wild', { serverName: '*.wild.example' }),
            rule('yes-12', '/version', { tlsVersion: 'TLSv1.2' }),
            rule('yes-cipher', '/cipher', { tlsCipher: 'TLS_CHACHA20_POLY1305_SHA256' }),
            rule('yes-any', '/any', { clientCertificate: {} }),
            rule('yes-subject', '/subject', { clientCertificate: { subject: { value: 'CN=alice' } } }),
            rule('yes-subject-re', '/expression', {
              clientCertificate: { subject: { type: 'RegularExpression', value: 'CN=(alice|carol)' } },
            }),
            rule('yes-none', '/none', { clientCertificate: { subject: { type: 'Present', invert: true } } }),
            rule('yes-san', '/san', {
              clientCertificate: { subjectAltName: { value: 'URI:spiffe://example/web/alice' } },
            }),
            rule('yes-ip', '/ip', { clientCertificate: { subjectAltName: { value: 'IP:10.0.0.7' } } }),
            rule('yes-prefix', '/prefix', {
              clientCertificate: { subjectAltName: { type: 'Prefix', value: 'URI:spiffe://example/' } },
            }),
            rule('yes-not', '/not', {
              clientCertificate: { subjectAltName: { type: 'Suffix', value: '.7', invert: true } },
            }),
            rule('yes-print', '/fingerprint', {
              clientCertificate: { fingerprint: bob.fingerprint.toUpperCase().replace(/..(?=.)/g, '$&:') },
            }),
            rule('yes-both', '/both', {
              clientCertificate: { subject: { value: 'CN=bob' }, subjectAltName: { value: 'DNS:bob.example' } },
            }),
            {
              matches: [{ path: { value: '/values' } }],
              pool: 'main',
              filters: [
                {
                  type: 'RequestHeaderModifier',
                  requestHeaderModifier: {
                    set: VARIABLES.map((name) => ({ name: `X-${name}`, value: `[$\{${name}}]` })),
                  },
                },
                {
                  type: 'ResponseHeaderModifier',
                  responseHeaderModifier: { set: [{ name: 'X-You-Are', value: `$\{clientCertificateSubject}` }] },
                },
              ],
            },
            { name: 'no', pool: 'main' },
          ],
        },
      ],
    });
  });
  after(async () => {
    await proxy.countersUntil('given back', (counters) => counters.secured === 0 && counters.chunksUsed === 0);
    await proxy.stop();
    await origin.close();
  });

  /** What a client at the listener that may ask for certificates comes with. */
  const as = (who: ClientIdentity | undefined, more: ConnectionOptions = {}): ConnectionOptions => ({
    ...server.client,
    ...who?.shows,
    ...more,
  });
  const old: ConnectionOptions = { maxVersion: 'TLSv1.2' };
  const loose = (servername: string): ConnectionOptions => ({ servername, checkServerIdentity: () => undefined });

  test('each condition holds for the handshakes it names, and for no others', async () => {
    const plain = undefined;
    const stranger = as(undefined);
    const cases: [
      path: string,
      rule: string,
      holds: (ConnectionOptions | undefined)[],
      not: (ConnectionOptions | undefined)[],
    ][] = [
      ['/https', 'yes', [stranger, as(alice)], [plain]],
      ['/http', 'yes-plain', [plain], [stranger]],
      [
        '/name',
        'yes-name',
        [stranger, as(undefined, loose('FIRST.example'))],
        [plain, as(undefined, loose('a.wild.example')), as(undefined, loose(''))],
      ],
      [
        '/wild',
        'yes-wild',
        [as(undefined, loose('a.wild.example')), as(undefined, loose('a.b.Wild.example'))],
        [stranger, plain, as(undefined, loose('wild.example'))],
      ],
      ['/version', 'yes-12', [as(undefined, old), as(alice, old)], [stranger, plain]],
      [
        '/cipher',
        'yes-cipher',
        [as(undefined, { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' })],
        [as(undefined, { ciphers: 'TLS_AES_128_GCM_SHA256' }), plain],
      ],
      ['/any', 'yes-any', [as(alice), as(bob), as(carol), as(alice, old)], [stranger, plain]],
      ['/subject', 'yes-subject', [as(alice), as(alice, old)], [as(bob), stranger, plain]],
      ['/expression', 'yes-subject-re', [as(alice), as(carol)], [as(bob), stranger, plain]],
      ['/none', 'yes-none', [stranger, plain], [as(alice)]],
      ['/san', 'yes-san', [as(alice)], [as(bob), as(carol), stranger, plain]],
      ['/ip', 'yes-ip', [as(bob)], [as(alice), as(carol), stranger, plain]],
      ['/prefix', 'yes-prefix', [as(alice)], [as(bob), as(carol), stranger, plain]],
      ['/not', 'yes-not', [as(alice), as(carol), stranger, plain], [as(bob)]],
      ['/fingerprint', 'yes-print', [as(bob), as(bob, old)], [as(alice), stranger, plain]],
      ['/both', 'yes-both', [as(bob)], [as(alice), as(carol), stranger, plain]],
    ];
    for (const [path, rule, holds, not] of cases) {
      for (const tls of [...holds, ...not]) {
        const place = tls === plain ? proxy.listeners[1]! : proxy.place;
        const { headers } = echoOf(await ask(place, get(path), tls));
        const expected = holds.includes(tls) ? rule : undefined;
        assert.equal(
          headers['x-rule'],
          expected,
          `${path} ${tls?.servername} ${tls?.cert === undefined ? '' : tls.cert}`,
        );
      }
    }
  });

  test('header values name what TLS told; without it they are empty', async () => {
    const valuesOf = async (listener: number, tls: ConnectionOptions | undefined): Promise<string[]> => {
      const { headers } = echoOf(await ask(proxy.listeners[listener]!, get('/values'), tls));
      return VARIABLES.map((name) => headers[`x-${name.toLowerCase()}`]!);
    };
    const cipher = 'TLS_AES_128_GCM_SHA256';
    assert.deepEqual(await valuesOf(0, as(alice, { ciphers: cipher })), [
      '[https]',
      '[first.example]',
      '[TLSv1.3]',
      `[${cipher}]`,
      '[CN=alice]',
      '[DNS:alice.example, URI:spiffe://example/web/alice]',
      `[${alice.fingerprint}]`,
    ]);
    const older = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', ...loose('') } as const;
    assert.deepEqual(await valuesOf(2, as(alice, older)), [
      '[https]',
      '[]',
      '[TLSv1.2]',
      '[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]',
      '[]',
      '[]',
      '[]',
    ]);
    assert.deepEqual(await valuesOf(1, undefined), ['[http]', '[]', '[]', '[]', '[]', '[]', '[]']);
    const answer = await ask(proxy.place, get('/values'), as(bob));
    assert.deepEqual(
      answer.fields.filter(([name]) => name === 'x-you-are'),
      [['x-you-are', 'CN=bob']],
    );
  });
});
