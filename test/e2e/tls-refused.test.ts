// How a connection ends that does not come to TLS: the client learns why. One that speaks in the clear gets an answer in
// the clear; one of TLS gets the alert, also when it had sent more than was read.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { TLS_VERSIONS } from '../../src/base/tls-versions.js';
import { type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import type { Place } from '../support/addresses.js';
import { authority, authorityFile, type Identity, makeIdentity } from '../support/identity.js';
import { statusOf } from '../support/messages.js';
import { run } from '../support/programs.js';
import { describeProduct, type RunningProxy, startProxy, useProxy } from '../support/proxy.js';
import { line } from '../support/proxy-header.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const FROM_TESTS = { from: ['127.0.0.1', '::1/128'] };
const ENDS = { from: '203.0.113.7', fromPort: 40_001, to: '198.51.100.1', toPort: 8443 };

describeProduct('connections that do not come to TLS', () => {
  let identity: Identity;
  let origin: JsonEcho;
  let proxy: RunningProxy;
  let place: Place;
  let required: Place;
  let behindProxy: Place;
  let raw: Place;

  before(async () => {
    identity = makeIdentity({ names: ['first.example'] });
    origin = await startEcho();
    const tls = { certificates: [identity.files] };
    proxy = await startProxy({
      listeners: [
        { protocol: 'https', tls, strictTransportSecurity: 'max-age=60' },
        { protocol: 'https', tls: { ...tls, clientCertificates: { ca: authorityFile(authority()) } } },
        { protocol: 'https', tls, proxyProtocol: FROM_TESTS },
        { protocol: 'tls', tls, pool: 'main' },
      ],
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: { servers: [{ address: origin.address }] } },
    });
    [place, required, behindProxy, raw] = proxy.listeners as [Place, Place, Place, Place];
  });
  after(async () => {
    await proxy.countersUntil(
      'given back',
      ({ secured, handshaking, chunksUsed, clientConnections, parsersUsed }) =>
        secured === 0 && handshaking === 0 && chunksUsed === 0 && clientConnections === 0 && parsersUsed === 0,
    );
    await proxy.stop();
    await origin.close();
  });

  test('plain HTTP gets a 400 in the clear that says so, and reaches no server', async () => {
    const [before] = await proxy.counters();
    const client = await WireClient.connect(place);
    const answer = await client.exchange(get('/'));
    assert.equal(statusOf(answer), 400);
    assert.match(answer.body, /plain HTTP was sent to a port that expects TLS: use https \(TLS_EXPECTED, request /);
    assert.match(client.received, /^Connection: close\r$/m);
    assert.doesNotMatch(client.received, /Strict-Transport-Security/i);
    await client.closed();
    assert.equal(client.ending, 'end');
    const [after] = await proxy.counters();
    assert.equal(after!.handshakesFailed! - before!.handshakesFailed!, 1);
    assert.equal(after!.requests, before!.requests);
    assert.equal(await proxy.reasonCount('TLS_EXPECTED'), 1);
    assert.equal(origin.requestCount(), 0);
  });

  test('so does a request that comes byte by byte, one with a body that is never read, and one that is none', async () => {
    for (const pieces of [
      [...get('/')],
      ['DELETE /a HTTP/1.1\r\nHost: a\r\n', 'Content-Length: 100000\r\n\r\n', 'x'.repeat(100_000)],
      ['GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n'],
      ['EHLO mail.example\r\n'],
    ]) {
      const client = await WireClient.connect(place);
      for (const piece of pieces) await client.send(piece);
      await client.closed();
      assert.match(client.received, /^HTTP\/1\.1 400 /, pieces[0]);
      assert.match(client.received, /\(TLS_EXPECTED,/, pieces[0]);
      assert.equal(client.received.split('HTTP/1.1 ').length, 2, 'one answer');
      assert.equal(client.ending, 'end', pieces[0]);
    }
  });

  test('HEAD gets no body, and who prefers JSON gets it', async () => {
    const head = await WireClient.connect(place);
    await head.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    await head.closed();
    assert.match(head.received, /^HTTP\/1\.1 400 [\s\S]*\r\n\r\n$/);
    const answer = await ask(place, get('/', 'Accept: application/json'));
    assert.equal((JSON.parse(answer.body) as { reason: string }).reason, 'TLS_EXPECTED');
  });

  test('a head that does not come to its end in the clear is timed out there', async (t) => {
    const brief = await useProxy(t, {
      listeners: [{ protocol: 'https', tls: { certificates: [identity.files] } }],
      servers: [origin.address],
      timeouts: { requestHead: '200ms' },
    });
    const client = await WireClient.connect(brief.place);
    await client.send('GET / HTTP/1.1\r\n');
    await client.closed();
    assert.match(client.received, /^HTTP\/1\.1 408 /);
  });

  test('it is heard behind a PROXY header too, in one piece with it or after it', async () => {
    for (const pieces of [[line(ENDS) + get('/')], [line(ENDS), get('/')]]) {
      const client = await WireClient.connect(behindProxy);
      for (const piece of pieces) await client.send(piece);
      await client.closed();
      assert.match(client.received, /^HTTP\/1\.1 400 [\s\S]*\(TLS_EXPECTED,/, `${pieces.length} pieces`);
    }
  });

  test('where no requests are read, plain text is closed without a word, and counted', async () => {
    const before = await proxy.reasonCount('TLS_EXPECTED');
    const client = await WireClient.connect(raw);
    await client.send(get('/'));
    await client.closed();
    assert.equal(client.received, '');
    assert.equal(client.ending, 'end');
    assert.equal(await proxy.reasonCount('TLS_EXPECTED'), before + 1);
  });

  test('curl shows the answer', async () => {
    const { host, port } = place;
    assert.match(await run('curl', ['-sSi', `http://${host}:${port}/`]), /^HTTP\/1\.1 400 [\s\S]*use https/);
  });

  test('a client without the certificate it needs hears the alert, however much it has sent meanwhile', async () => {
    const upload = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(200_000)}`;
    for (const version of TLS_VERSIONS) {
      const heard = new Map<string, number>();
      for (let i = 0; i < 20; i++) {
        const options = { ...identity.client, minVersion: version, maxVersion: version };
        const socket = connect({ ...options, host: required.host, port: required.port });
        // With TLS 1.3 the handshake is over for the client, and it goes on at once.
        socket.once('secureConnect', () => socket.write(upload));
        const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
        const code = String(error.code);
        heard.set(code, (heard.get(code) ?? 0) + 1);
        socket.destroy();
      }
      const alert = version === 'TLSv1.3' ? /ALERT_CERTIFICATE_REQUIRED$/ : /ALERT_HANDSHAKE_FAILURE$/;
      assert.equal(heard.size, 1, `${version}: ${JSON.stringify([...heard])}`);
      assert.match([...heard.keys()][0]!, alert);
    }
  });

  test('a handshake that is refused ends with its alert and no reset, though more had been sent than was read', async () => {
    // Stopped meanwhile, so that all of it is there when the proxy looks.
    proxy.process.kill('SIGSTOP');
    const client = await WireClient.connect(place, { halfOpen: true });
    await client.send(Buffer.concat([Buffer.from('160301000501000001ff', 'hex'), Buffer.alloc(300_000, 'x')]));
    proxy.process.kill('SIGCONT');
    await client.closed();
    // Data and a reset that come together look like data and an end: only writing tells.
    const failed = await new Promise((resolve) => client.socket.write('x', resolve));
    assert.equal(failed ?? null, null);
    client.close();
    // A fatal alert: decode_error.
    assert.equal(Buffer.from(client.received, 'latin1').toString('hex'), '15030300020232');
    assert.equal(client.ending, 'end');
  });

  test('a client that reads the alert and stays is closed in time', async () => {
    const client = await WireClient.connect(place, { halfOpen: true });
    await client.send(Buffer.from('160301000501000001ff', 'hex'));
    await client.until('the alert', () => (client.receivedCount > 0 ? true : undefined));
    await client.until('the end', () => (client.ending === 'end' ? true : undefined));
    await proxy.countersUntil('closed', ({ clientConnections }) => clientConnections === 0);
    client.close();
  });
});
