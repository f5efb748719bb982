// Requests find their pool by hostname and path prefix, with real clients: undici, curl and raw sockets.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Dispatcher, request } from 'undici';
import { type Echo, echoOf, type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { type RunningProxy, startProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const execute = promisify(execFile);
/** Runs a program without the runtime that `make asan` preloads for Node: curl hangs under it. */
const run = (program: string, args: readonly string[]): Promise<{ stdout: string }> =>
  execute(program, args, { env: { ...process.env, LD_PRELOAD: '' } });
const prefix = (value: string, pool: string): object => ({ matches: [{ path: { type: 'PathPrefix', value } }], pool });

describe('routing', { concurrency: 1 }, () => {
  let proxy: RunningProxy;
  const origins: JsonEcho[] = [];

  before(async () => {
    for (const name of ['api', 'api2', 'images', 'shop', 'rest']) origins.push(await startEcho({ name }));
    const [api, api2, images, shop, rest] = origins.map((origin) => ({ address: origin.address }));
    proxy = await startProxy({
      routes: [
        { hostnames: ['shop.example'], rules: [prefix('/', 'shop'), prefix('/images', 'images')] },
        { hostnames: ['*.wild.example'], rules: [prefix('/', 'images')] },
        { hostnames: ['only.example'], rules: [prefix('/only', 'shop')] },
        { rules: [prefix('/api', 'api'), prefix('/images', 'images'), prefix('/', 'rest')] },
      ],
      pools: {
        api: { servers: [api!, api2!] },
        images: { servers: [images!] },
        shop: { servers: [shop!] },
        rest: { servers: [rest!] },
      },
    });
  });
  after(async () => {
    await proxy.stop();
    await Promise.all(origins.map((origin) => origin.close()));
  });

  const servedBy = async (host: string, path: string): Promise<string> => {
    const response = await ask(proxy.place, get(path, `Host: ${host}`));
    return fieldValue(response, 'x-served-by') ?? `status ${statusOf(response)}`;
  };

  test('the hostname decides first, then the longest prefix, in any order of the file', async () => {
    assert.equal(await servedBy('shop.example', '/'), 'shop');
    assert.equal(await servedBy('shop.example', '/images/cat.png'), 'images');
    assert.equal(await servedBy('other.example', '/images'), 'images');
    assert.equal(await servedBy('other.example', '/'), 'rest');
  });

  test('hostnames match in any case and without their port', async () => {
    assert.equal(await servedBy('SHOP.Example', '/'), 'shop');
    assert.equal(await servedBy('shop.example:8080', '/'), 'shop');
  });

  test('a wildcard matches names under it and not the name itself', async () => {
    assert.equal(await servedBy('a.wild.example', '/'), 'images');
    assert.equal(await servedBy('wild.example', '/'), 'rest');
  });

  test('a prefix matches whole path elements only', async () => {
    assert.match(await servedBy('other.example', '/api'), /^api2?$/);
    assert.match(await servedBy('other.example', '/api/'), /^api2?$/);
    assert.equal(await servedBy('other.example', '/apix'), 'rest');
  });

  test('the query takes no part in the path', async () => {
    assert.match(await servedBy('other.example', '/api?x=/images'), /^api2?$/);
    assert.equal(await servedBy('other.example', '/?/api'), 'rest');
  });

  test('a request that no rule of its own host takes goes on to the rules for every host', async () => {
    assert.equal(await servedBy('only.example', '/only/this'), 'shop');
    assert.equal(await servedBy('only.example', '/images'), 'images');
  });

  test('requests alternate between the servers of a pool', async () => {
    const names = [];
    for (let i = 0; i < 8; i++) names.push(await servedBy('other.example', '/api/orders'));
    assert.equal(names.filter((name) => name === 'api').length, 4, names.join(' '));
    assert.equal(names.filter((name) => name === 'api2').length, 4, names.join(' '));
  });

  test('the path reaches the server as it was sent', async () => {
    for (const path of ['/api/a%2Fb?c=%20&d', '/api/x?y=//../', '/api/caf%C3%A9', '/api/;v=1?a=b?c']) {
      const response = await ask(proxy.place, get(path));
      assert.equal(echoOf(response).url, path);
    }
  });

  test('serves undici with many requests at once', async () => {
    const asking: Promise<Dispatcher.ResponseData>[] = [];
    for (let i = 0; i < 100; i++)
      asking.push(
        request(`${proxy.url}/api/${i}`, { method: i % 2 ? 'POST' : 'GET', body: i % 2 ? `body ${i}` : null }),
      );
    const responses = await Promise.all(asking);
    const echoes = (await Promise.all(responses.map((response) => response.body.json()))) as Echo[];
    assert.deepEqual(
      echoes.map((echo) => echo.url),
      echoes.map((_, i) => `/api/${i}`),
    );
  });

  test('serves curl: GET, HEAD, upload and keep-alive', async () => {
    const { stdout } = await run('curl', ['-sS', '--max-time', '20', '-d', 'a=1', `${proxy.url}/api/curl`]);
    const echo = JSON.parse(stdout) as Echo;
    assert.equal(echo.method, 'POST');
    assert.equal(echo.bodyBytes, 3);
    const head = await run('curl', ['-sSI', '--max-time', '20', `${proxy.url}/images/x`]);
    assert.match(head.stdout, /^HTTP\/1\.1 200 /);
    const two = await run('curl', [
      '-sS',
      '--max-time',
      '20',
      '-w',
      '%{num_connects} ',
      '-o',
      '/dev/null',
      '-o',
      '/dev/null',
      `${proxy.url}/1`,
      `${proxy.url}/2`,
    ]);
    assert.equal(two.stdout, '1 0 ');
  });
});
