// Clients that stay with the pool that a weighted split led them to: by cookie, by header, by hash; over reloads.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok } from '../origins/raw.js';
import { fieldValue, fieldValues, type Message, statusOf } from '../support/messages.js';
import { type ProxySpec, type RunningProxy, standIn, use, useProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const skip = standIn ? 'nginx stands in, and splits otherwise' : false;

interface Weights {
  readonly [pool: string]: number;
}

/** Three pools, each of one server that answers with the name of its pool. */
async function usePools(t: TestContext): Promise<(weights: Weights, rule: object) => ProxySpec> {
  const pools: Record<string, object> = {};
  for (const name of ['a', 'b', 'c']) {
    const { address } = await use(t, startAnswers(ok(name)));
    pools[name] = { servers: [{ address }] };
  }
  return (weights, rule) => {
    const backendRefs = Object.entries(weights).map(([pool, weight]) => ({ pool, weight }));
    const all = { matches: [{ path: { value: '/all' } }], backendRefs: ['a', 'b', 'c'].map((pool) => ({ pool })) };
    return { routes: [{ rules: [{ backendRefs, ...rule }, all] }], pools };
  };
}

/** The name and value of the cookie that an answer sets, as a request repeats it; undefined when it sets none. */
const cookieOf = (message: Message): string | undefined => fieldValue(message, 'set-cookie')?.split(';')[0];

const COOKIE = { sessionPersistence: { secure: false } };

/** Asks until a new client was led to `pool`; what it got to keep. */
async function ledTo(proxy: RunningProxy, pool: string): Promise<string> {
  for (let i = 0; i < 50; i++) {
    const answer = await ask(proxy.place, get());
    if (answer.body === pool) return cookieOf(answer)!;
  }
  throw new Error(`no client was led to ${pool}`);
}

const poolOf = async (proxy: RunningProxy, ...lines: string[]): Promise<string> =>
  (await ask(proxy.place, get('/', ...lines))).body;

test('new clients are led exactly by weight, and each stays where it was led', { skip }, async (t) => {
  const spec = await usePools(t);
  const proxy = await useProxy(t, spec({ a: 9, b: 1 }, COOKIE));
  const clients: { pool: string; cookie: string }[] = [];
  for (let i = 0; i < 20; i++) {
    const answer = await ask(proxy.place, get());
    clients.push({ pool: answer.body, cookie: cookieOf(answer)! });
  }
  assert.equal(clients.filter(({ pool }) => pool === 'b').length, 2);
  for (const { pool, cookie } of clients) {
    const again = await ask(proxy.place, get('/', `Cookie: x=1; ${cookie}; y=2`));
    assert.equal(again.body, pool);
    assert.deepEqual(fieldValues(again, 'set-cookie'), [], 'what the client has already is not set again');
  }
});

test('pools of a split in any order, one of them without weight, have their names', { skip }, async (t) => {
  const spec = await usePools(t);
  const proxy = await useProxy(t, spec({ a: 0, c: 1, b: 1 }, COOKIE));
  const cookies = new Map<string, string | undefined>();
  for (let i = 0; i < 4; i++) {
    const answer = await ask(proxy.place, get());
    cookies.set(answer.body, cookieOf(answer));
  }
  assert.deepEqual([...cookies.keys()].sort(), ['b', 'c']);
  for (const [pool, cookie] of cookies) {
    for (let i = 0; i < 3; i++) assert.equal(await poolOf(proxy, `Cookie: ${cookie}`), pool);
  }
});

test('a client stays over a reload, and when the weights change, until its pool has none', { skip }, async (t) => {
  const spec = await usePools(t);
  const proxy = await useProxy(t, spec({ a: 9, b: 1 }, COOKIE));
  const cookie = `Cookie: ${await ledTo(proxy, 'b')}`;
  await proxy.reload(spec({ c: 50, a: 99, b: 1 }, COOKIE));
  for (let i = 0; i < 5; i++) assert.equal(await poolOf(proxy, cookie), 'b');
  await proxy.reload(spec({ a: 1, b: 0 }, COOKIE));
  const moved = await ask(proxy.place, get('/', cookie));
  assert.equal(moved.body, 'a');
  assert.ok(cookieOf(moved) !== undefined, 'it is named its new pool');
  await proxy.reload(spec({ a: 1, c: 1 }, COOKIE));
  assert.notEqual(await poolOf(proxy, cookie), 'b');
});

test('the cookie has the attributes of the rule, and its value tells nothing', { skip }, async (t) => {
  const spec = await usePools(t);
  const session = { cookieName: 'bucket', lifetime: '1h', path: '/shop', sameSite: 'Strict', secret: 'pepper' };
  const proxy = await useProxy(t, spec({ a: 1, b: 1 }, { sessionPersistence: session }));
  const line = fieldValue(await ask(proxy.place, get()), 'set-cookie')!;
  assert.match(line, /^bucket=[\w-]{16}; Path=\/shop; Max-Age=3600; Secure; HttpOnly; SameSite=Strict$/);
  const other = await useProxy(t, spec({ a: 1, b: 1 }, { sessionPersistence: { ...session, secret: 'salt' } }));
  const value = (text: string): string => /=([\w-]+)/.exec(text)![1]!;
  const names = new Set<string>();
  for (let i = 0; i < 4; i++) {
    names.add(value(fieldValue(await ask(proxy.place, get()), 'set-cookie')!));
    names.add(value(fieldValue(await ask(other.place, get()), 'set-cookie')!));
  }
  assert.equal(names.size, 4, 'two pools under two secrets');
});

test('a value that names no pool is no session, and one among several of the name is enough', { skip }, async (t) => {
  const spec = await usePools(t);
  const proxy = await useProxy(t, spec({ a: 9, b: 1 }, COOKIE));
  const cookie = await ledTo(proxy, 'b');
  const name = cookie.slice(0, cookie.indexOf('='));
  assert.ok(cookieOf(await ask(proxy.place, get('/', `Cookie: ${name}=AAAAAAAAAAAAAAAA`))) !== undefined);
  assert.equal(await poolOf(proxy, `Cookie: ${name}=old; ${cookie}`), 'b');
  assert.equal(await poolOf(proxy, `Cookie: ${name}=old`, `Cookie: ${cookie}`), 'b');
});

test('a header can name the pool in place of a cookie', { skip }, async (t) => {
  const spec = await usePools(t);
  const session = { sessionPersistence: { type: 'Header', headerName: 'X-Bucket' } };
  const proxy = await useProxy(t, spec({ a: 1, b: 1 }, session));
  for (let i = 0; i < 4; i++) {
    const answer = await ask(proxy.place, get());
    const header = fieldValue(answer, 'x-bucket')!;
    assert.equal(await poolOf(proxy, `x-bucket: ${header}`), answer.body);
  }
});

test('a hash leads the same key to the same pool, as often as the weights say, with nothing stored', {
  skip,
}, async (t) => {
  const spec = await usePools(t);
  const rule = { hashKey: { type: 'Header', name: 'X-User' } };
  const proxy = await useProxy(t, spec({ a: 3, b: 1 }, rule));
  const pools: string[] = [];
  for (let i = 0; i < 60; i++) pools.push(await poolOf(proxy, `X-User: ${i}`));
  const share = pools.filter((pool) => pool === 'b').length / pools.length;
  assert.ok(share > 0.08 && share < 0.45, `${share}`);
  // Another order and other workers change nothing; a weight that grows takes clients and gives none away.
  await proxy.reload(spec({ b: 1, a: 3 }, rule));
  for (let i = 0; i < 60; i++) assert.equal(await poolOf(proxy, `x-user: ${i}`), pools[i]);
  await proxy.reload(spec({ b: 3, a: 3 }, rule));
  for (let i = 0; i < 60; i++) {
    const now = await poolOf(proxy, `X-User: ${i}`);
    if (pools[i] === 'b') assert.equal(now, 'b');
  }
  assert.deepEqual(fieldValues(await ask(proxy.place, get('/', 'X-User: 1')), 'set-cookie'), []);
});

test('a client is led where it was by each of several workers', { skip }, async (t) => {
  const spec = await usePools(t);
  const proxy = await useProxy(t, { ...spec({ a: 9, b: 1 }, COOKIE), args: ['--workers', '3'] });
  const cookie = `Cookie: ${await ledTo(proxy, 'b')}`;
  for (let i = 0; i < 9; i++) assert.equal(await poolOf(proxy, cookie), 'b');
});

test('a client whose pool cannot answer gets the fallback, and is not led elsewhere for good', { skip }, async (t) => {
  const spec = await usePools(t);
  const { routes, pools } = spec({ a: 9, b: 1 }, { ...COOKIE, fallback: 'c' });
  const proxy = await useProxy(t, { routes: routes!, pools: pools! });
  const cookie = `Cookie: ${await ledTo(proxy, 'b')}`;
  const gone = { ...pools!, b: { servers: [{ address: '127.0.0.1:1' }] } };
  await proxy.reload({ routes: routes!, pools: gone });
  const instead = await ask(proxy.place, get('/', cookie));
  assert.equal(statusOf(instead), 200);
  assert.equal(instead.body, 'c');
  assert.deepEqual(fieldValues(instead, 'set-cookie'), []);
  await proxy.reload({ routes: routes!, pools: pools! });
  assert.equal(await poolOf(proxy, cookie), 'b');
});
