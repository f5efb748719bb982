// The PROXY protocol with those who speak it too: curl and HAProxy in front, nginx and HAProxy behind.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { type Echo, echoOf, type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { freePlace, type Place, written } from '../support/addresses.js';
import { haproxyMissing, startHaproxy } from '../support/haproxy.js';
import { authority, authorityFile, makeIdentity } from '../support/identity.js';
import { nginxMissing, startNginxServers } from '../support/nginx.js';
import { describeProduct, type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

const FROM_TESTS = { from: ['127.0.0.1'] };
const { LD_PRELOAD: _, ...ENVIRONMENT } = process.env;

/** Runs curl to its end; what it said on standard output. */
function curl(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('curl', ['-sS', ...args], { timeout: 20_000, env: ENVIRONMENT }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${error.message}\n${stderr}`));
    });
  });
}

describeProduct('in front of us', () => {
  let echo: JsonEcho;
  let proxy: RunningProxy;
  let secure: Place;

  before(async () => {
    echo = await startEcho();
    const { files } = makeIdentity({ names: ['shop.example'] });
    proxy = await startProxy({
      servers: [echo.address],
      listeners: [
        { proxyProtocol: FROM_TESTS },
        { protocol: 'https', tls: { certificates: [files] }, proxyProtocol: FROM_TESTS },
      ],
    });
    secure = proxy.listeners[1]!;
  });
  after(async () => {
    await proxy.heldNothing();
    await proxy.stop();
    await echo.close();
  });

  test('curl --haproxy-protocol names itself, over http and https', async () => {
    const ca = authorityFile(authority());
    const plain = await curl('--haproxy-protocol', `http://${written(proxy.place)}/`);
    const resolved = `shop.example:${secure.port}:${secure.host}`;
    const url = `https://shop.example:${secure.port}/`;
    const overTls = await curl('--haproxy-protocol', '--cacert', ca, '--resolve', resolved, url);
    for (const [answer, port] of [
      [plain, proxy.place.port],
      [overTls, secure.port],
    ] as const) {
      const { headers } = JSON.parse(answer) as Echo;
      assert.equal(headers['x-forwarded-for'], '127.0.0.1');
      assert.equal(headers['x-forwarded-port'], String(port));
    }
  });

  for (const word of ['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id']) {
    test(`HAProxy with ${word} is believed`, { skip: haproxyMissing }, async (t) => {
      const front = freePlace();
      await use(
        t,
        startHaproxy(
          front,
          `frontend front
  bind ${written(front)}
  unique-id-format %[uuid()]
  default_backend back
backend back
  server us ${written(proxy.place)} ${word}`,
        ),
      );
      const client = await WireClient.connect(front);
      const { headers } = echoOf(await client.exchange(get('/')));
      assert.equal(headers['x-forwarded-for'], '127.0.0.1');
      assert.equal(headers['x-forwarded-port'], String(front.port));
      client.close();
    });
  }
});

describeProduct('behind us', () => {
  /** Asks a server at `place` through a proxy who the client is, three times on one connection. */
  async function asked(t: Parameters<typeof useProxy>[0], place: Place, proxyProtocol: string): Promise<void> {
    const proxy = await useProxy(t, {
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: { servers: [{ address: written(place) }], proxyProtocol, healthCheck: { interval: '100ms' } } },
    });
    const client = await WireClient.connect(proxy.place);
    const { localAddress, localPort, remoteAddress, remotePort } = client.socket;
    for (let round = 0; round < 3; round++) {
      const { body } = await client.exchange(get('/'));
      assert.equal(body, `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`);
    }
    client.close();
  }

  for (const version of ['v1', 'v2']) {
    test(`nginx sees the client in ${version}`, { skip: nginxMissing }, async (t) => {
      const place = freePlace();
      const says = ['addr', 'port', 'server_addr', 'server_port'].map((word) => `$proxy_protocol_${word}`).join(' ');
      const server = `server { listen ${written(place)} proxy_protocol; return 200 "${says}"; }`;
      await use(t, startNginxServers(place, server));
      await asked(t, place, version);
    });

    test(`HAProxy sees the client in ${version}`, { skip: haproxyMissing }, async (t) => {
      const place = freePlace();
      await use(
        t,
        startHaproxy(
          place,
          `frontend us
  mode http
  bind ${written(place)} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"`,
        ),
      );
      await asked(t, place, version);
    });
  }
});
