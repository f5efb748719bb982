// Tokens that no issuer has signed: algorithms swapped, keys brought along, keys made up.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { exportJWK, exportSPKI, type GenerateKeyPairResult, generateKeyPair, SignJWT } from 'jose';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const ISSUER = 'https://login.example';
const claims = { iss: ISSUER, aud: 'shop', sub: 'root', exp: Math.floor(Date.now() / 1000) + 3600 };
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describeProduct('forged tokens', () => {
  let origin: RawOrigin;
  let issuer: RawOrigin;
  let proxy: RunningProxy;
  let own: GenerateKeyPairResult;
  let stranger: GenerateKeyPairResult;

  before(async () => {
    own = await generateKeyPair('RS256', { extractable: true });
    stranger = await generateKeyPair('RS256', { extractable: true });
    const keys = JSON.stringify({ keys: [{ ...(await exportJWK(own.publicKey)), kid: 'main' }] });
    origin = await startAnswers((_, visit) => void visit.socket.write(ok('fine')));
    issuer = await startAnswers((_, visit) => void visit.socket.write(ok(keys, 'Content-Type: application/json')));
    proxy = await startProxy({
      servers: [origin.address],
      filters: [{ type: 'JWT', jwt: { issuer: ISSUER, audience: ['shop'], jwks: `http://${issuer.address}/keys` } }],
    });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
    await issuer.close();
  });

  const status = async (token: string): Promise<number> =>
    statusOf(await ask(proxy.place, get('/', `Authorization: Bearer ${token}`)));
  const sign = (header: object, key: GenerateKeyPairResult['privateKey'] = own.privateKey): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'main', ...header }).sign(key);

  test('a token that is signed by the issuer passes', async () => {
    assert.equal(await status(await sign({})), 200);
  });

  test('none of the others does', async () => {
    const good = await sign({});
    const [, body, signature] = good.split('.') as [string, string, string];
    const publicKey = await exportSPKI(own.publicKey);
    const hmac = (header: object, secret: string): string => {
      const text = `${part(header)}.${part(claims)}`;
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    };
    const forged: [name: string, token: string][] = [
      ['no algorithm', `${part({ alg: 'none' })}.${part(claims)}.`],
      ['no algorithm, in other letters', `${part({ alg: 'NoNe', kid: 'main' })}.${part(claims)}.`],
      ['no algorithm, with the signature of another', `${part({ alg: 'none', kid: 'main' })}.${body}.${signature}`],
      ['the public key as a shared secret', hmac({ alg: 'HS256', kid: 'main' }, publicKey)],
      ['the public key as a shared secret, trimmed', hmac({ alg: 'HS256', kid: 'main' }, publicKey.trim())],
      [
        'an algorithm that is not listed',
        await new SignJWT(claims)
          .setProtectedHeader({ alg: 'RS512', kid: 'main' })
          .sign(
            await crypto.subtle.importKey(
              'pkcs8',
              await crypto.subtle.exportKey('pkcs8', own.privateKey),
              { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' },
              false,
              ['sign'],
            ),
          ),
      ],
      ['a stranger', await sign({}, stranger.privateKey)],
      [
        'a stranger with its key brought along',
        await sign({ jwk: await exportJWK(stranger.publicKey) }, stranger.privateKey),
      ],
      [
        'a stranger with the place of its keys',
        await sign({ jku: `http://${issuer.address}/evil` }, stranger.privateKey),
      ],
      ['a key by a path', await sign({ kid: '../../../../dev/null' }, stranger.privateKey)],
      ['other claims under the signature', `${good.split('.')[0]}.${part({ ...claims, sub: 'other' })}.${signature}`],
      ['no signature', `${good.split('.')[0]}.${body}.`],
      ['a critical extension that means nothing', await sign({ crit: ['b64'], b64: true }, stranger.privateKey)],
      ['two parts', `${good.split('.')[0]}.${body}`],
      ['an encrypted one', `${good}.${signature}.${signature}`],
    ];
    for (const [name, token] of forged) assert.equal(await status(token), 401, name);
    assert.ok(!JSON.stringify(issuer.requests).includes('evil'));
  });

  test('a flood of made-up keys reaches the issuer no more than once', async () => {
    const before = issuer.requests.length;
    const tokens = await Promise.all(
      Array.from({ length: 200 }, (_, i) => sign({ kid: `made-up-${i}` }, stranger.privateKey)),
    );
    const statuses = await Promise.all(tokens.map(status));
    assert.ok(statuses.every((each) => each === 401));
    assert.ok(issuer.requests.length - before <= 1, `${issuer.requests.length - before} fetches`);
    assert.equal(await status(await sign({ typ: 'JWT' })), 200);
  });
});
