// Stickiness and hashing as clients see them: where their requests go, and what they are told.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { type RunningProxy, standIn, use, useProxy } from '../support/proxy.js';

const skip = standIn ? 'nginx stands in, and its stickiness is not ours' : false;
const NAMES = ['a', 'b', 'c'];

async function threeServers(t: TestContext, pool: object): Promise<{ proxy: RunningProxy; origins: JsonEcho[] }> {
  const origins = await Promise.all(NAMES.map((name) => use(t, startEcho({ name }))));
  const servers = origins.map(({ address }) => ({ address }));
  const proxy = await useProxy(t, { pools: { main: { servers, ...pool } } });
  return { proxy, origins };
}

async function ask(proxy: RunningProxy, headers: Record<string, string> = {}, path = '/') {
  const response = await fetch(proxy.url + path, { headers });
  const { server } = (await response.json()) as { server: string };
  return { server, headers: response.headers };
}

/** `name=value` of the cookie that an answer sets. */
const cookieOf = (headers: Headers): string => headers.getSetCookie()[0]?.split(';')[0] ?? '';

test('a client that returns its cookie stays with its server, and is told nothing more', { skip }, async (t) => {
  const { proxy } = await threeServers(t, { sessionPersistence: { cookieName: 'at', lifetime: '1h' } });
  for (let client = 0; client < 6; client++) {
    const first = await ask(proxy);
    assert.match(
      first.headers.getSetCookie()[0]!,
      /^at=[\w-]{16}; Path=\/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax$/,
    );
    for (let i = 0; i < 5; i++) {
      const next = await ask(proxy, { cookie: `theme=dark; ${cookieOf(first.headers)}` });
      assert.equal(next.server, first.server);
      assert.deepEqual(next.headers.getSetCookie(), []);
    }
  }
});

test('a cookie of ours does not hide those of the server, and a made-up one is replaced', { skip }, async (t) => {
  const { proxy } = await threeServers(t, { sessionPersistence: {} });
  const answer = await ask(proxy, { cookie: 'sevenfold=AAAAAAAAAAAAAAAA' });
  assert.match(cookieOf(answer.headers), /^sevenfold=(?!A{16})/);
});

test('a client whose server is gone moves to another and stays there', { skip }, async (t) => {
  const { proxy, origins } = await threeServers(t, { sessionPersistence: {} });
  const first = await ask(proxy);
  await origins[NAMES.indexOf(first.server)]!.close();
  const moved = await ask(proxy, { cookie: cookieOf(first.headers) });
  assert.notEqual(moved.server, first.server);
  for (let i = 0; i < 5; i++) {
    const next = await ask(proxy, { cookie: cookieOf(moved.headers) });
    assert.equal(next.server, moved.server);
  }
});

test('a session can be a header', { skip }, async (t) => {
  const { proxy } = await threeServers(t, { sessionPersistence: { type: 'Header', headerName: 'X-Session' } });
  const first = await ask(proxy);
  const name = first.headers.get('x-session')!;
  assert.match(name, /^[\w-]{16}$/);
  for (let i = 0; i < 5; i++) assert.equal((await ask(proxy, { 'x-session': name })).server, first.server);
});

for (const [hashKey, request] of [
  [{ type: 'Header', name: 'X-User' }, (user: string) => ({ headers: { 'x-user': user }, path: '/' })],
  [{ type: 'Cookie', name: 'user' }, (user: string) => ({ headers: { cookie: `a=b; user=${user}` }, path: '/' })],
  [{ type: 'QueryParam', name: 'user' }, (user: string) => ({ headers: {}, path: `/?a=b&user=${user}` })],
  [{ type: 'Path' }, (user: string) => ({ headers: {}, path: `/${user}?any=thing` })],
] as const) {
  test(`consistent-hash by ${hashKey.type} sends equal keys to one server and different ones to all`, {
    skip,
  }, async (t) => {
    const { proxy } = await threeServers(t, { balance: 'consistent-hash', hashKey });
    const homes = new Map<string, string>();
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 30; i++) {
        const user = `user-${i}`;
        const { headers, path } = request(user);
        const { server } = await ask(proxy, headers, path);
        assert.equal(server, homes.get(user) ?? server);
        homes.set(user, server);
      }
    assert.deepEqual([...new Set(homes.values())].sort(), NAMES);
  });
}

test('consistent-hash spreads requests without a key over all servers', { skip }, async (t) => {
  const { proxy } = await threeServers(t, { balance: 'consistent-hash', hashKey: { type: 'Header', name: 'X-User' } });
  const seen = new Set<string>();
  for (let i = 0; i < 60; i++) seen.add((await ask(proxy)).server);
  assert.deepEqual([...seen].sort(), NAMES);
});

test('ip-hash keeps a client address at one server', { skip }, async (t) => {
  const { proxy } = await threeServers(t, { balance: 'ip-hash' });
  const seen = new Set<string>();
  for (let i = 0; i < 20; i++) seen.add((await ask(proxy)).server);
  assert.equal(seen.size, 1);
});
