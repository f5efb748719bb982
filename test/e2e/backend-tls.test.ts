// TLS to the servers of a pool: who is believed, what is shown, and what is told when it fails.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createPlainServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSecureContext, TLSSocket, type TlsOptions } from 'node:tls';
import { TLS_VERSIONS } from '../../src/base/tls-versions.js';
import { issueCertificate } from '../../src/cli/issue-certificate.js';
import { start as startEcho } from '../origins/json-echo.js';
import { scratchDirectory } from '../support/addresses.js';
import { closing } from '../support/closing.js';
import { authority, authorityFile, type Identity, makeIdentity } from '../support/identity.js';
import { statusOf } from '../support/messages.js';
import {
  describeProduct,
  type ProxySpec,
  type RunningProxy,
  standIn,
  startProxy,
  use,
  useProxy,
} from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const BIG = 2_000_000;
const identity: Identity = makeIdentity({ names: ['backend.example'] });
const ca = authorityFile(authority());

interface Origin {
  readonly address: string;
  /** What each connection agreed on, in order. */
  readonly seen: { name: unknown; resumed: boolean; version: string | null; protocol: unknown; client: string }[];
  /** Changes the certificate that new connections see. */
  shows(options: TlsOptions): void;
  close(): Promise<unknown>;
}

/** A server that answers `/big` with a large body, and all else with the length of what it got. */
async function startOrigin(options: TlsOptions = {}): Promise<Origin> {
  const seen: Origin['seen'] = [];
  const server: Server = createServer(
    { key: identity.issued.key, cert: identity.issued.cert, ALPNProtocols: ['http/1.1'], ...options },
    (request, response) => {
      let bytes = 0;
      request.on('data', (piece: Buffer) => {
        bytes += piece.length;
      });
      request.on('end', () => response.end(request.url === '/big' ? 'y'.repeat(BIG) : String(bytes)));
    },
  );
  const close = closing(server);
  server.on('secureConnection', (socket: TLSSocket & { servername?: unknown }) => {
    seen.push({
      name: socket.servername,
      resumed: socket.isSessionReused(),
      version: socket.getProtocol(),
      protocol: socket.alpnProtocol,
      client: String(socket.getPeerCertificate()?.subject?.CN),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    shows: (options) => server.setSecureContext(options),
    close,
  };
}

const poolOf = (address: string, tls: object, more: object = {}): object => ({
  pools: { main: { servers: [{ address }], tls, ...more } },
});
const verified = { serverName: 'backend.example', ca };

/** Status and reason of the answer to a request. */
async function outcome(proxy: RunningProxy): Promise<string> {
  const answer = await ask(proxy.place, get('/'));
  return `${statusOf(answer)} ${/\(([A-Z_]+),/.exec(answer.body)?.[1] ?? answer.body}`;
}

describeProduct('TLS to servers', () => {
  for (const version of TLS_VERSIONS) {
    test(`asks by name over ${version}, verifies, reuses connections, and goes on with sessions`, async (t) => {
      const origin = await use(t, startOrigin({ maxVersion: version }));
      const proxy = await useProxy(t, poolOf(origin.address, verified));
      const client = await WireClient.connect(proxy.place);
      const body = 'z'.repeat(BIG);
      const upload = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BIG}\r\n\r\n${body}`;
      assert.equal((await client.exchange(upload)).body, String(BIG));
      assert.equal((await client.exchange(get('/big'))).body.length, BIG);
      assert.equal(origin.seen.length, 1, 'one connection for both');
      // Two at once: the second needs a connection of its own.
      const others = await Promise.all(Array.from({ length: 4 }, () => WireClient.connect(proxy.place)));
      await Promise.all(others.map((other) => other.exchange(get('/big'))));
      assert.ok(origin.seen.length > 1);
      for (const [index, { name, resumed, version: spoken, protocol }] of origin.seen.entries()) {
        assert.deepEqual({ spoken, protocol }, { spoken: version, protocol: 'http/1.1' });
        // Of a session of TLS 1.2 that goes on, node:tls tells no name.
        if (!resumed) assert.equal(name, 'backend.example');
        assert.equal(resumed, index > 0);
      }
      for (const each of [client, ...others]) each.close();
    });
  }

  for (const version of TLS_VERSIONS) {
    test(`a session with a server ends with its certificate (${version})`, async (t) => {
      const origin = await use(t, startOrigin({ maxVersion: version }));
      const proxy = await useProxy(t, { ...poolOf(origin.address, verified), limits: { idleConnectionsMax: 0 } });
      // Issued when all is ready: on a busy machine a proxy may take as long to start.
      const until = new Date(Date.now() + 3500);
      const brief = issueCertificate({ subject: 'brief', names: ['backend.example'], issuer: authority(), until });
      origin.shows({ key: brief.key, cert: brief.cert, maxVersion: version });
      let said = await outcome(proxy);
      while (said === '200 0') {
        assert.ok(Date.now() < until.getTime() + 5000, 'taken after its end');
        said = await outcome(proxy);
      }
      assert.equal(said, '502 TLS_FAILED');
      assert.ok(origin.seen.some(({ resumed }) => resumed));
    });
  }

  test('a certificate for another name, or of another authority, is answered 502 TLS_FAILED', async (t) => {
    const stranger = issueCertificate({ subject: 'stranger', names: ['backend.example'] });
    const origin = await use(t, startOrigin());
    const strange = await use(t, startOrigin({ key: stranger.key, cert: stranger.cert }));
    const old = issueCertificate({
      subject: 'old',
      names: ['backend.example'],
      issuer: authority(),
      from: new Date(Date.now() - 9e8),
      until: new Date(Date.now() - 1e8),
    });
    const expired = await use(t, startOrigin({ key: old.key, cert: old.cert }));
    const plain = await use(t, startEcho());
    for (const [address, tls] of [
      [origin.address, { serverName: 'other.example', ca }],
      [origin.address, { ca }],
      [origin.address, { serverName: 'backend.example' }],
      [strange.address, verified],
      [expired.address, verified],
      [plain.address, verified],
    ] as const) {
      const proxy = await startProxy(poolOf(address, tls));
      assert.equal(await outcome(proxy), '502 TLS_FAILED', JSON.stringify(tls));
      await proxy.countersUntil('given back', (counters) => counters.secured === 0);
      await proxy.stop();
    }
  });

  test('an address in the certificate is verified as one', async (t) => {
    const numbered = makeIdentity({ names: ['127.0.0.1'] });
    const origin = await use(t, startOrigin({ key: numbered.issued.key, cert: numbered.issued.cert }));
    const proxy = await useProxy(t, poolOf(origin.address, { ca }));
    assert.equal(await outcome(proxy), '200 0');
  });

  test('insecureSkipVerify believes anyone, and is warned about', async (t) => {
    const stranger = issueCertificate({ subject: 'stranger', names: ['stranger.example'] });
    const origin = await use(t, startOrigin({ key: stranger.key, cert: stranger.cert }));
    const proxy = await startProxy(poolOf(origin.address, { insecureSkipVerify: true }));
    assert.equal(await outcome(proxy), '200 0');
    proxy.process.kill('SIGTERM');
    assert.match((await proxy.process.exited()).stderr, /insecureSkipVerify: Servers are not verified/);
  });

  test('shows its certificate to a server that asks for one, and fails without', async (t) => {
    const shown = makeIdentity({ names: ['proxy.example'] });
    const origin = await use(t, startOrigin({ requestCert: true, rejectUnauthorized: true, ca: authority().cert }));
    const proxy = await useProxy(t, poolOf(origin.address, { ...verified, ...shown.files }));
    assert.equal(await outcome(proxy), '200 0');
    assert.equal(origin.seen[0]!.client, 'proxy.example');
    const bare = await useProxy(t, poolOf(origin.address, verified));
    assert.match(await outcome(bare), /^502 /);
  });

  test('minVersion refuses servers that speak only older versions', async (t) => {
    const origin = await use(t, startOrigin({ maxVersion: 'TLSv1.2' }));
    const proxy = await useProxy(t, poolOf(origin.address, { ...verified, minVersion: 'TLSv1.3' }));
    assert.equal(await outcome(proxy), '502 TLS_FAILED');
  });

  test('an answer that ends without close_notify is cut, not complete', async (t) => {
    // Without a length the end of the connection is the end of the body: whoever can cut the one could cut the other.
    const context = createSecureContext({ key: identity.issued.key, cert: identity.issued.cert });
    const server = createPlainServer((raw) => {
      const socket = new TLSSocket(raw, { isServer: true, secureContext: context });
      socket.on('error', () => {});
      socket.once('data', (head: Buffer) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\nhalf of it', () => {
          if (head.toString('latin1').startsWith('GET /whole')) socket.end();
          else raw.end();
        });
      });
    });
    t.after(closing(server));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = await useProxy(t, poolOf(`127.0.0.1:${(server.address() as AddressInfo).port}`, verified));
    assert.equal((await ask(proxy.place, get('/whole'))).body, 'half of it');
    const client = await WireClient.connect(proxy.place);
    await client.send(get('/cut'));
    await client.closed();
    assert.ok(client.received.includes('half of it'));
    assert.ok(!client.received.endsWith('0\r\n\r\n'), 'no last chunk');
    assert.equal(await proxy.reasonCount('RESPONSE_CUT'), 1);
    client.close();
  });

  test('health checks speak TLS as requests do', async (t) => {
    const origin = await use(t, startOrigin());
    const check = { healthCheck: { path: '/', interval: '100ms', timeout: '2s' } };
    const proxy = await useProxy(t, poolOf(origin.address, verified, check));
    assert.equal(await outcome(proxy), '200 0');
    const wrong = await startProxy(poolOf(origin.address, { serverName: 'other.example', ca }, check));
    assert.equal(await outcome(wrong), '503 NO_SERVER');
    wrong.process.kill('SIGTERM');
    assert.match((await wrong.process.exited()).stderr, /is down .*other\.example/);
  });
});

test('a connection made before two reloads is not used under the trust of now', {
  skip: standIn && 'only the product',
}, async (t) => {
  const { files } = makeIdentity({ names: ['a.example'] });
  const held: ServerResponse[] = [];
  const origin = createServer({ cert: readFileSync(files.cert), key: readFileSync(files.key) }, (_, response) => {
    if (held.push(response) > 1) response.end('after');
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  t.after(() => {
    origin.close();
    origin.closeAllConnections();
  });
  const spec = (tls: object): ProxySpec => ({
    pools: { main: { servers: [{ address: `127.0.0.1:${(origin.address() as AddressInfo).port}` }], tls } },
    routes: [{ rules: [{ pool: 'main' }] }],
  });
  const proxy = await startProxy(spec({ insecureSkipVerify: true, serverName: 'a.example' }));
  t.after(async () => {
    proxy.process.kill('SIGTERM');
    await proxy.process.exited();
  });
  const client = await WireClient.connect(proxy.place);
  const arrived = once(origin, 'request');
  await client.send(get());
  await arrived;
  const ca = join(scratchDirectory(), 'two-reloads.pem');
  writeFileSync(ca, authority().cert);
  // The second one has the place of the first again, among contexts.
  for (let i = 0; i < 2; i++) await proxy.reload(spec({ ca, serverName: 'other.example' }));
  held[0]!.end('before');
  assert.equal((await client.response()).body, 'before');
  assert.equal(statusOf(await client.exchange(get())), 502);
  client.close();
});
