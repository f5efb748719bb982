// What of a configuration is not shown.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hidingSecretsOf, redacted } from '../../../src/admin/redact.js';

const HIDDEN = '(secret)';

test('tokens, secrets, passwords and what stands below them are hidden, whatever holds them', () => {
  assert.deepEqual(
    redacted({
      admin: { token: 'a-token', address: ':1', metrics: true },
      sticky: { secret: 'x', name: 'route' },
      basicAuth: { users: [{ name: 'alice', password: 'p', hash: '$2b$' }], realm: 'shop' },
      jwt: { keys: [{ key: 'hmac' }, { kid: 'x' }] },
      page: new Uint8Array(3),
      none: null,
    }),
    {
      admin: { token: HIDDEN, address: ':1', metrics: true },
      sticky: { secret: HIDDEN, name: 'route' },
      basicAuth: { users: [{ name: HIDDEN, password: HIDDEN, hash: HIDDEN }], realm: 'shop' },
      jwt: { keys: [{ key: HIDDEN }, { kid: HIDDEN }] },
      page: '3 bytes',
      none: null,
    },
  );
});

test('values of headers that carry credentials are hidden, others are not', () => {
  const header = (name: string, value: string) => ({ name, value });
  assert.deepEqual(
    redacted([
      header('Authorization', 'Bearer x'),
      header('X-Api-Key', 'x'),
      header('X-Auth', 'x'),
      header('X-Key', 'x'),
      header('Set-Cookie', 'a=b'),
      header('X-Tier', 'gold'),
    ]),
    [
      header('Authorization', HIDDEN),
      header('X-Api-Key', HIDDEN),
      header('X-Auth', HIDDEN),
      header('X-Key', HIDDEN),
      header('Set-Cookie', HIDDEN),
      header('X-Tier', 'gold'),
    ],
  );
});

test('what only sounds like a secret stays: the file of a key, conditions on cookies, a key that is hashed or counted by', () => {
  const open = {
    certificates: [{ cert: '/etc/a.pem', key: '/etc/a.key' }],
    cookies: [{ name: 'tier', value: 'gold' }],
    clientCertificates: { mode: 'required', ca: '/etc/ca.pem' },
    hashKey: { type: 'Header', name: 'X-User' },
    rateLimit: { key: [{ by: 'clientAddress', name: '', index: 0 }] },
    balance: { key: { type: 'ClientAddress' } },
  };
  assert.deepEqual(redacted({ ...open, balance: undefined }), { ...open, balance: undefined });
});

test('words made of a configuration tell no secret of it, whole or between quotes', () => {
  const set = [
    { name: 'Authorization', value: 'Bearer "abc"' },
    { name: 'X-Api-Key', value: 'no' },
    { name: 'X-Tier', value: 'gold' },
  ];
  const hide = hidingSecretsOf({ requestHeaderModifier: { set } });
  assert.deepEqual(
    hide({
      actions: ['set Authorization: Bearer "abc"', 'set X-Tier: gold'],
      text: 'is "Bearer \\"abc\\"", now',
      status: 200,
    }),
    { actions: [`set Authorization: ${HIDDEN}`, 'set X-Tier: gold'], text: `is "${HIDDEN}", now`, status: 200 },
  );
});
