// JWT: keys that rotate, tokens that are no good, and what is remembered, with a clock and an issuer of the test.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { KeySet, KeysUnavailable } from '../../../src/filters/jwt/key-set.js';
import type { Plan } from '../../../src/filters/jwt/plan.js';
import { Tokens } from '../../../src/filters/jwt/tokens.js';

const ISSUER = 'https://login.example';
const NOW = Date.UTC(2026, 0, 1);
const SECONDS = NOW / 1000;

const pairs = {
  a: await generateKeyPair('ES256'),
  b: await generateKeyPair('ES256'),
  rsa: await generateKeyPair('RS256', { modulusLength: 2048 }),
};
type Kid = keyof typeof pairs;
const setOf = async (...kids: Kid[]): Promise<string> =>
  JSON.stringify({
    keys: await Promise.all(kids.map(async (kid) => ({ ...(await exportJWK(pairs[kid].publicKey)), kid, use: 'sig' }))),
  });

/** Claims of the test; undefined takes one away. */
type Claims = { [Name in keyof JWTPayload]?: JWTPayload[Name] | undefined };

const sign = (
  claims: Claims,
  kid: Kid = 'a',
  alg = kid === 'rsa' ? 'RS256' : 'ES256',
  header: object = {},
): Promise<string> =>
  new SignJWT({ iss: ISSUER, aud: 'shop', exp: SECONDS + 300, ...claims } as JWTPayload)
    .setProtectedHeader({ alg, kid, ...header })
    .sign(pairs[kid].privateKey);

const plan = (changes: Partial<Plan> = {}): Plan => ({
  type: 'JWT',
  issuer: ISSUER,
  audience: ['shop', 'depot'],
  jwksUrl: '',
  keys: '',
  algorithms: ['ES256', 'RS256'],
  from: [],
  clockSkewSeconds: 60,
  required: [],
  claimHeaders: [],
  forwardToken: false,
  realm: 'r',
  ...changes,
});

/** Tokens whose issuer and clock are the test's. */
async function bench(changes: Partial<Plan> = {}, served: string | null = null) {
  const state = { now: NOW, mono: 0, fetches: 0, served: served ?? (await setOf('a', 'rsa')), fails: false };
  const keys = new KeySet(
    'https://login.example/keys',
    '',
    async () => {
      state.fetches++;
      if (state.fails) throw new Error('down');
      return state.served;
    },
    () => state.mono,
  );
  return { state, tokens: new Tokens(plan(changes), keys, () => state.now) };
}

test('a token is good by its key, issuer, audience and times, with some skew', async () => {
  const { tokens } = await bench();
  const good: [string, JWTPayload][] = [
    ['plain', {}],
    ['several audiences', { aud: ['x', 'depot'] }],
    ['a minute over', { exp: SECONDS - 59 }],
    ['a minute early', { nbf: SECONDS + 59 }],
  ];
  for (const [name, claims] of good) await assert.doesNotReject(tokens.verify(await sign(claims)), name);
  await assert.doesNotReject(tokens.verify(await sign({}, 'rsa')));
  const bad: [string, Claims][] = [
    ['over', { exp: SECONDS - 61 }],
    ['early', { nbf: SECONDS + 61 }],
    ['never over', { exp: undefined }],
    ['another issuer', { iss: `${ISSUER}/` }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'shops' }],
    ['no audience', { aud: undefined }],
  ];
  for (const [name, claims] of bad) await assert.rejects(tokens.verify(await sign(claims)), name);
});

test('a good token is remembered until it is over', async () => {
  const { state, tokens } = await bench();
  const token = await sign({ exp: SECONDS + 10 });
  assert.equal(tokens.known(token), undefined);
  await tokens.verify(token);
  assert.ok(tokens.known(token));
  assert.equal(tokens.known(`${token}x`), undefined);
  state.now = NOW + 69_000;
  assert.ok(tokens.known(token));
  state.now = NOW + 70_000;
  assert.equal(tokens.known(token), undefined);
  await assert.rejects(tokens.verify(token));
});

test('claims that are required are looked at one by one, and go on where they are plain', async () => {
  const { tokens } = await bench({
    required: [
      { claim: 'role', values: ['admin', 'clerk'] },
      { claim: 'scope', values: ['write'] },
    ],
    claimHeaders: [
      { claim: 'sub', header: 'X-User' },
      { claim: 'role', header: 'X-Roles' },
      { claim: 'address', header: 'X-Address' },
    ],
  });
  const meaning = async (claims: JWTPayload) => tokens.verify(await sign(claims));
  const good = await meaning({ sub: 'anna', role: ['clerk', 'x'], scope: 'read write', address: { city: 'x' } });
  assert.equal(good.suffices, true);
  assert.deepEqual(good.fields, [
    ['X-User', 'anna'],
    ['X-Roles', 'clerk,x'],
  ]);
  for (const claims of [
    { role: 'admin' },
    { role: 'admins', scope: 'write' },
    { scope: 'write', role: [] },
    { role: 'clerk', scope: 'writer' },
  ])
    assert.equal((await meaning(claims)).suffices, false, JSON.stringify(claims));
});

test('a new key is fetched when a token names it, at most every 30 seconds; made-up ones reach no issuer', async () => {
  const { state, tokens } = await bench();
  await tokens.verify(await sign({ jti: '1' }));
  assert.equal(state.fetches, 1);
  for (let i = 0; i < 20; i++)
    await assert.rejects(tokens.verify(await sign({}, 'a', 'ES256', { kid: `made-up-${i}` })));
  assert.equal(state.fetches, 1, 'the keys were fetched just now');
  state.served = await setOf('b');
  state.mono += 30_001;
  await Promise.all([sign({}, 'b'), sign({ jti: '2' }, 'b')].map(async (token) => tokens.verify(await token)));
  assert.equal(state.fetches, 2, 'for both at once');
  await assert.rejects(tokens.verify(await sign({ jti: '3' })), 'the old key is gone');
});

test('keys are fetched anew when they are old, beside requests, and stay when that fails', async () => {
  const { state, tokens } = await bench();
  await tokens.verify(await sign({ jti: '1' }));
  state.mono += 600_001;
  state.fails = true;
  await tokens.verify(await sign({ jti: '2' }));
  await tokens.verify(await sign({ jti: '3' }));
  assert.equal(state.fetches, 2, 'tried once');
  state.mono += 30_001;
  state.fails = false;
  await tokens.verify(await sign({ jti: '4' }));
  assert.equal(state.fetches, 3);
});

test('without any keys requests are refused, and the issuer is asked once a second', async () => {
  const { state, tokens } = await bench();
  state.fails = true;
  const token = await sign({});
  await assert.rejects(tokens.verify(token), KeysUnavailable);
  await assert.rejects(tokens.verify(token), KeysUnavailable);
  assert.equal(state.fetches, 1);
  state.mono += 1_001;
  state.fails = false;
  await tokens.verify(token);
  state.served = 'nonsense';
  state.mono += 700_000;
  await tokens.verify(await sign({ jti: '2' }));
});
