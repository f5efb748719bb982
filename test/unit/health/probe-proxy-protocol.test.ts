// Health checks of servers that want a PROXY header: it comes first, over every kind of connection, and names nobody.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { HEALTH_CHECK_DEFAULTS, type HealthCheckOptions } from '../../../src/health/options.js';
import { probe } from '../../../src/health/probe.js';
import { scratchDirectory } from '../../support/addresses.js';
import { endpointOf } from '../../support/endpoints.js';
import { authority, authorityFile, makeIdentity } from '../../support/identity.js';
import { LOCAL, readHeader } from '../../support/proxy-header.js';

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

interface Origin {
  readonly address: string;
  readonly server: Server;
  /** What stood in front of each connection, as it came. */
  readonly headers: string[];
  /** The connections whose end has been seen. */
  readonly ends: Promise<unknown>[];
}

/** A server that takes a header off each connection and hands the rest to `serve`. */
async function origin(t: TestContext, serve: (socket: Socket) => void, path?: string): Promise<Origin> {
  const headers: string[] = [];
  const ends: Promise<unknown>[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => {}));
    ends.push(once(socket, 'end'));
    let bytes = '';
    const onData = (piece: Buffer): void => {
      bytes += piece.toString('latin1');
      const said = readHeader(bytes);
      if (said === undefined) return;
      headers.push(bytes.slice(0, said.end));
      socket.off('data', onData);
      socket.pause();
      if (bytes.length > said.end) socket.unshift(Buffer.from(bytes.slice(said.end), 'latin1'));
      serve(socket);
    };
    socket.on('data', onData);
  });
  server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path });
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = path === undefined ? `127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${path}`;
  return { address, server, headers, ends };
}

const check = (address: string, options: Partial<HealthCheckOptions>, signal = new AbortController().signal) =>
  probe({ endpoint: endpointOf(address) }, { ...HEALTH_CHECK_DEFAULTS, ...options }, signal);

const WRITTEN = { v1: 'PROXY UNKNOWN\r\n', v2: LOCAL } as const;

for (const version of ['v1', 'v2'] as const) {
  const proxyProtocol = version;

  test(`${version}: a request follows the header, over TCP and unix sockets`, async (t) => {
    const serve = (socket: Socket): void => {
      socket.once('data', () => socket.end(ANSWER)).resume();
    };
    for (const path of [undefined, join(scratchDirectory(), 'server.sock')]) {
      const { address, headers } = await origin(t, serve, path);
      assert.deepEqual(await check(address, { proxyProtocol }), { passed: true, says: 'status 200' });
      assert.deepEqual(headers, [WRITTEN[version]]);
    }
  });

  test(`${version}: a handshake follows the header, and the server is verified as without`, async (t) => {
    const identity = makeIdentity({ names: ['backend.example'] });
    const ca = authorityFile(authority());
    const { address, headers } = await origin(t, (socket) => {
      const over = new TLSSocket(socket, { isServer: true, cert: identity.issued.cert, key: identity.issued.key });
      over.on('error', () => {});
      over.once('data', () => over.end(ANSWER));
    });
    const tls = { serverName: 'backend.example', ca, minVersion: 'TLSv1.2', verify: true } as const;
    assert.deepEqual(await check(address, { proxyProtocol, tls }), { passed: true, says: 'status 200' });
    const other = await check(address, { proxyProtocol, tls: { ...tls, serverName: 'other.example' } });
    assert.match(other.says, /ERR_TLS_CERT_ALTNAME_INVALID/);
    assert.deepEqual(headers, [WRITTEN[version], WRITTEN[version]]);
  });

  test(`${version}: a check that only connects says the header too, and ends in order`, async (t) => {
    const { address, headers, ends } = await origin(t, (socket) => socket.resume());
    const result = await check(address, { proxyProtocol, type: 'tcp' });
    assert.deepEqual(result, { passed: true, says: 'the connection was accepted' });
    await ends[0];
    assert.deepEqual(headers, [WRITTEN[version]]);
  });
}

test('a check that is called off leaves no connection behind', async (t) => {
  const { address, server } = await origin(t, (socket) => socket.resume());
  const aborter = new AbortController();
  const accepted = once(server, 'connection');
  const result = check(address, { proxyProtocol: 'v2' }, aborter.signal);
  const [socket] = (await accepted) as [Socket];
  const closed = once(socket, 'close');
  socket.on('end', () => socket.end());
  aborter.abort('no answer within 5 ms');
  assert.deepEqual(await result, { passed: false, says: 'no answer within 5 ms' });
  await closed;
});

test('a server that refuses fails the check, and says why', async (t) => {
  const { address, server } = await origin(t, () => {});
  await new Promise((resolve) => server.close(resolve));
  for (const type of ['http', 'tcp'] as const)
    assert.match((await check(address, { proxyProtocol: 'v1', type })).says, /ECONNREFUSED/);
});
