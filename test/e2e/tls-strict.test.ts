// What a TLS listener holds to, and what it tells: ciphers, names, chains, scopes of sessions, ends, and its counters.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { TLS_VERSIONS } from '../../src/base/tls-versions.js';
import { issueCertificate } from '../../src/cli/issue-certificate.js';
import { type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { type Place, written } from '../support/addresses.js';
import { authority, makeIdentity } from '../support/identity.js';
import { type Message, statusOf } from '../support/messages.js';
import { describeProduct, useProxy } from '../support/proxy.js';
import { secure } from '../support/secure.js';
import { get, WireClient } from '../support/wire-client.js';

const ec = makeIdentity({ names: ['first.example'] });
const rsa = makeIdentity({ names: ['first.example'], keyType: 'rsa' });
const other = makeIdentity({ names: ['other.example'] });
const client: ConnectionOptions = ec.client;
const https = (tls: object): object => ({ protocol: 'https', tls });

/** The certificate's subject and the cipher that a client of TLS 1.2 gets. */
async function agreed(place: Place, options: ConnectionOptions): Promise<{ cipher: string; subject: string }> {
  const socket = await secure(place, { ...client, maxVersion: 'TLSv1.2', rejectUnauthorized: false, ...options });
  const result = { cipher: socket.getCipher().name, subject: String(socket.getPeerCertificate().subject.CN) };
  socket.destroy();
  return result;
}

/** Handshakes that begin at once. */
const FLOOD = 200;

/** The first bytes of a client that asks for TLS. */
async function clientHello(): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const caller = connect({ port: (server.address() as AddressInfo).port, servername: 'first.example' });
  caller.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  caller.destroy();
  socket.destroy();
  server.close();
  return hello;
}

/** Runs openssl s_client until the server ends the connection. */
function untilEnd(place: Place, input: string): Promise<string> {
  const { LD_PRELOAD: _, ...env } = process.env;
  const args = ['s_client', '-connect', written(place), '-servername', 'first.example', '-ign_eof'];
  return new Promise((resolve) => {
    const child = execFile('openssl', args, { timeout: 20_000, env }, (_error, stdout, stderr) =>
      resolve(`${stdout}\n${stderr}`),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.write(input);
  });
}

describeProduct('strict TLS', () => {
  let origin: JsonEcho;
  before(async () => {
    origin = await startEcho();
  });
  after(() => origin.close());

  test('speaks ciphers with forward secrecy and authenticated encryption alone, unless told otherwise', async (t) => {
    const listener = https({ certificates: [ec.files, rsa.files] });
    const proxy = await useProxy(t, { servers: [origin.address], listeners: [listener] });
    for (const cipher of [
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-RSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
    ])
      assert.equal((await agreed(proxy.place, { ciphers: cipher })).cipher, cipher);
    for (const cipher of [
      'ECDHE-ECDSA-AES128-SHA',
      'ECDHE-RSA-AES256-SHA384',
      'AES128-GCM-SHA256',
      'AES128-SHA',
      'DHE-RSA-AES128-GCM-SHA256',
      'NULL-SHA256',
      'AECDH-AES128-SHA',
    ])
      await assert.rejects(agreed(proxy.place, { ciphers: `${cipher}@SECLEVEL=0` }), /handshake failure/i, cipher);
  });

  test('speaks the ciphers that are configured and no others', async (t) => {
    const listener = https({ certificates: [ec.files], ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' });
    const proxy = await useProxy(t, { servers: [origin.address], listeners: [listener] });
    assert.equal((await agreed(proxy.place, {})).cipher, 'ECDHE-ECDSA-AES256-GCM-SHA384');
    await assert.rejects(agreed(proxy.place, { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), /handshake failure/i);
  });

  test('a dot at the end of the name that is asked for makes no difference', async (t) => {
    const listener = https({ certificates: [ec.files, other.files] });
    const proxy = await useProxy(t, { servers: [origin.address], listeners: [listener] });
    for (const servername of ['other.example', 'other.example.'])
      assert.equal((await agreed(proxy.place, { servername })).subject, 'other.example');
  });

  test('shows the whole chain of its file to clients that know the root alone', async (t) => {
    const middle = issueCertificate({ subject: 'middle', authority: true, issuer: authority() });
    const chained = makeIdentity({ names: ['chained.example'], issuer: middle, chain: [middle] });
    const proxy = await useProxy(t, {
      servers: [origin.address],
      listeners: [https({ certificates: [chained.files] })],
    });
    const socket = await secure(proxy.place, chained.client);
    assert.equal(socket.authorized, true);
    socket.destroy();
  });

  test('a session of one listener is not resumed at another', async (t) => {
    const listeners = [https({ certificates: [ec.files] }), https({ certificates: [ec.files] })];
    const proxy = await useProxy(t, { servers: [origin.address], listeners });
    for (const version of TLS_VERSIONS) {
      const options: ConnectionOptions = { ...client, minVersion: version, maxVersion: version };
      const opener = connect({ ...options, ...proxy.place });
      const given = once(opener, 'session');
      opener.write(get('/'));
      const [session] = (await given) as [Buffer];
      opener.destroy();
      const resumed = async (place: Place): Promise<boolean> => {
        const socket: TLSSocket = await secure(place, { ...options, session });
        const is = socket.isSessionReused();
        socket.destroy();
        return is;
      };
      assert.equal(await resumed(proxy.listeners[1]!), false, version);
      assert.equal(await resumed(proxy.place), true, version);
    }
  });

  test('every end is said with close_notify: after an answer, and of a connection that was idle too long', async (t) => {
    const proxy = await useProxy(t, {
      servers: [origin.address],
      listeners: [https({ certificates: [ec.files] })],
      timeouts: { idle: '300ms', requestHead: '400ms' },
    });
    for (const input of [get('/', 'Connection: close'), get('/'), '']) {
      const said = await untilEnd(proxy.place, input);
      assert.doesNotMatch(said, /unexpected eof|errno/i);
      assert.match(said, /^closed$/m);
      if (input !== '') assert.match(said, /HTTP\/1\.1 200/);
    }
  });

  test('a client that says nothing after its handshake is closed after timeouts.requestHead', async (t) => {
    const proxy = await useProxy(t, {
      servers: [origin.address],
      listeners: [https({ certificates: [ec.files] })],
      timeouts: { requestHead: '300ms', tlsHandshake: '60s', idle: '60s' },
    });
    const silent = await WireClient.connect(proxy.place, { tls: client });
    await silent.closed(5000);
    silent.close();
  });

  test('handshakesMax holds to the number: that many wait, the next is closed at once and counted', async (t) => {
    const proxy = await useProxy(t, {
      servers: [origin.address],
      listeners: [https({ certificates: [ec.files] })],
      limits: { handshakesMax: 2 },
      timeouts: { tlsHandshake: '60s' },
    });
    const waiting = [await WireClient.connect(proxy.place), await WireClient.connect(proxy.place)];
    await proxy.countersUntil('two under way', ({ handshaking }) => handshaking === 2);
    const refused = await WireClient.connect(proxy.place);
    await refused.closed(5000);
    const [counters] = await proxy.counters();
    const { handshaking, handshakesRefused, handshakesFailed, handshakes, resumptions } = counters!;
    assert.deepEqual(
      { handshaking, handshakesRefused, handshakesFailed, handshakes, resumptions },
      { handshaking: 2, handshakesRefused: 1, handshakesFailed: 0, handshakes: 0, resumptions: 0 },
    );
    for (const each of [refused, ...waiting]) each.close();
    await proxy.countersUntil('both given up', (now) => now.handshaking === 0 && now.handshakesFailed === 2);
    const served = await WireClient.connect(proxy.place, { tls: client });
    assert.equal(statusOf(await served.exchange(get('/'))), 200);
    served.close();
    assert.equal((await proxy.counters())[0]!.handshakes, 1);
  });

  test('a plain connection that outlives its listener is not told to come by https', async (t) => {
    const plain = { servers: [origin.address], listeners: [{}] };
    const proxy = await useProxy(t, plain);
    const old = await WireClient.connect(proxy.place);
    assert.equal(statusOf(await old.exchange(get('/'))), 200);
    const strict = { ...https({ certificates: [ec.files] }), strictTransportSecurity: 'max-age=1' };
    await proxy.reload({ ...plain, listeners: [strict] });
    const told = ({ fields }: Message): boolean => fields.some(([name]) => name === 'strict-transport-security');
    // A server's answer, and one of our own.
    for (const path of ['/', '/%']) assert.equal(told(await old.exchange(get(path))), false, path);
    old.close();
    const secured = await WireClient.connect(proxy.place, { tls: client });
    for (const path of ['/', '/%']) assert.equal(told(await secured.exchange(get(path))), true, path);
    secured.close();
  });

  test('requests of open connections do not wait for a flood of handshakes to end', async (t) => {
    const proxy = await useProxy(t, {
      routes: [{ rules: [{ filters: [{ type: 'DirectResponse', directResponse: { status: 200, body: 'here' } }] }] }],
      pools: {},
      listeners: [https({ certificates: [rsa.files] })],
      timeouts: { tlsHandshake: '60s' },
    });
    const served = await WireClient.connect(proxy.place, { tls: client });
    await served.exchange(get('/'));
    const hello = await clientHello();
    const flood = await Promise.all(Array.from({ length: FLOOD }, () => WireClient.connect(proxy.place)));
    await proxy.countersUntil('all accepted', ({ handshaking }) => handshaking === FLOOD);
    // All of it is there before the request, when the proxy wakes up.
    proxy.process.kill('SIGSTOP');
    await Promise.all(flood.map((each) => each.send(hello)));
    served.forget();
    await served.send(get('/'));
    proxy.process.kill('SIGCONT');
    assert.equal((await served.response()).body, 'here');
    const answered = flood.filter((each) => each.received.length > 0).length;
    assert.ok(answered < FLOOD / 2, `${answered} of ${FLOOD} handshakes went first`);
    for (const each of [served, ...flood]) each.close();
  });
});
