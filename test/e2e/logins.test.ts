// Logins on one proxy: who is let in, what a server learns of whom, and what clients say that is taken away.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { scratchDirectory } from '../support/addresses.js';
import { fieldValue, fieldValues, type Message, statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';
import { askThrough, get, type Passed } from '../support/wire-client.js';

const basic = (pair: string): string => `Authorization: Basic ${Buffer.from(pair).toString('base64')}`;

describeProduct('logins', () => {
  let origin: RawOrigin;
  /** Serves the keys that tokens are signed with. */
  let issuer: RawOrigin;
  let token: (claims: object) => Promise<string>;
  let proxy: RunningProxy;

  before(async () => {
    const directory = scratchDirectory();
    const file = join(directory, 'users');
    writeFileSync(
      file,
      `# users\nanna:${hashSync('secret', 4).replace('$2b$', '$2y$')}\njörg:${hashSync('pä:ss', 4)}\n`,
    );
    const rule = (value: string, ...filters: object[]): object => ({
      matches: [{ path: { value } }],
      filters,
      pool: 'main',
    });
    const basicAuth = (more: object = {}): object => ({ type: 'BasicAuth', basicAuth: { file, ...more } });
    origin = await startAnswers((_, visit) => void visit.socket.write(ok('fine')));
    const keys = await generateKeyPair('ES256');
    const served = JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: '1' }] });
    issuer = await startAnswers((_, visit) => void visit.socket.write(ok(served)));
    token = (claims) =>
      new SignJWT({ iss: 'login', aud: 'shop', exp: Math.floor(Date.now() / 1000) + 600, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: '1' })
        .sign(keys.privateKey);
    const jwt = {
      issuer: 'login',
      audience: ['shop'],
      jwks: `http://${issuer.address}/keys`,
      realm: 'api',
      from: ['bearer', 'cookie:token'],
      required: [{ claim: 'role', values: ['clerk'] }],
      claimHeaders: [{ claim: 'sub', header: 'X-Remote-User' }],
    };
    proxy = await startProxy({
      routes: [
        {
          rules: [
            rule('/basic', basicAuth({ realm: 'Back office', userHeader: 'X-Remote-User' })),
            rule('/token', { type: 'JWT', jwt }),
            rule('/passed', basicAuth({ forwardAuthorization: true })),
          ],
        },
      ],
      pools: { main: { servers: [{ address: origin.address }] } },
    });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
    await issuer.close();
  });

  const through = (request: string): Promise<Passed> => askThrough(origin, proxy.place, request);
  const statusFor = async (...lines: string[]): Promise<number> =>
    statusOf((await through(get('/basic', ...lines))).response);

  test('BasicAuth asks for a password', async () => {
    const { request, response } = await through(get('/basic'));
    assert.equal(request, undefined);
    assert.equal(statusOf(response), 401);
    assert.equal(fieldValue(response, 'www-authenticate'), 'Basic realm="Back office", charset="UTF-8"');
    assert.match(response.body, /UNAUTHENTICATED/);
  });

  test('BasicAuth lets in who knows it, names the user to the server, and keeps the password', async () => {
    for (let round = 0; round < 2; round++) {
      const { request, response } = await through(
        get('/basic', basic('anna:secret'), 'X-Remote-User: root', 'x_remote_user: root'),
      );
      assert.equal(statusOf(response), 200);
      assert.deepEqual(identities(request!), ['x-remote-user: anna']);
    }
    const { request } = await through(get('/basic', basic('jörg:pä:ss')));
    assert.equal(Buffer.from(fieldValue(request!, 'x-remote-user')!, 'latin1').toString(), 'jörg');
    assert.deepEqual(fieldValues((await through(get('/passed', basic('anna:secret')))).request!, 'authorization'), [
      basic('anna:secret').slice('Authorization: '.length),
    ]);
  });

  test('BasicAuth refuses all others', async () => {
    const others = ['anna:Secret', 'anna:', 'anna', ':secret', 'root:secret', 'anna:secret\0', 'Anna:secret'];
    for (const pair of others) assert.equal(await statusFor(basic(pair)), 401, pair);
    assert.equal(await statusFor('Authorization: Bearer abc'), 401);
    assert.equal(await statusFor('Authorization: Basic !!!'), 401);
    assert.equal(
      await statusFor(`Authorization: Basic ${Buffer.from('j\xf6rg:p\xe4:ss', 'latin1').toString('base64')}`),
      401,
    );
    assert.equal(await statusFor(basic('anna:secret'), basic('anna:secret')), 401, 'doubled');
    assert.equal(await statusFor(basic('anna:secret')), 200);
    assert.equal(await statusFor(basic('anna:secret').replace('Basic', 'bAsIc')), 200);
  });

  test('many requests with one pair wait for one comparison, and one with a body is held meanwhile', async () => {
    const pair = basic('jörg:pä:ss').replace('Basic', 'BASIC');
    const post = `POST /basic HTTP/1.1\r\nHost: a.example\r\n${pair}\r\nContent-Length: 4\r\n\r\nbody`;
    const all = await Promise.all(Array.from({ length: 10 }, () => askThrough(origin, proxy.place, post)));
    assert.ok(all.every(({ response }) => statusOf(response) === 200));
  });

  test('JWT asks for a token, and says what is wrong with one', async () => {
    const none = await through(get('/token'));
    assert.deepEqual([none.request, statusOf(none.response)], [undefined, 401]);
    assert.equal(fieldValue(none.response, 'www-authenticate'), 'Bearer realm="api"');
    const bad = await through(get('/token', 'Authorization: Bearer a.b.c'));
    assert.equal(statusOf(bad.response), 401);
    assert.equal(fieldValue(bad.response, 'www-authenticate'), 'Bearer realm="api", error="invalid_token"');
    const poor = await through(get('/token', `Authorization: Bearer ${await token({ role: 'guest' })}`));
    assert.equal(statusOf(poor.response), 403);
    assert.match(poor.response.body, /CLAIM_MISSING/);
    assert.match(fieldValue(poor.response, 'www-authenticate')!, /error="insufficient_scope"$/);
  });

  test('JWT passes claims on, takes the token and what clients say away, and remembers', async () => {
    const good = await token({ sub: 'jörg\r\nX-Evil: 1', role: 'clerk' });
    for (let round = 0; round < 2; round++) {
      const lies = ['X-Remote-User: root', 'x_remote_user: root'];
      const { request, response } = await through(get('/token', `Authorization: bearer ${good}`, ...lies));
      assert.equal(statusOf(response), 200);
      assert.deepEqual(identities(request!), [`x-remote-user: ${Buffer.from('jörg X-Evil: 1').toString('latin1')}`]);
      assert.equal(fieldValue(request!, 'x-evil'), undefined);
    }
    const { request } = await through(get('/token', `Cookie: a=b; token=${good}`));
    assert.equal(identities(request!).length, 1);
    assert.equal(issuer.requests.length, 1, 'the keys were fetched once');
  });
});

/** The fields of a request that say who its client is. */
function identities(request: Message): string[] {
  return request.fields
    .filter(([name]) => /^(authorization|x.remote.user)$/i.test(name))
    .map(([name, value]) => `${name}: ${value}`);
}
