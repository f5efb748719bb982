// What a resumed session may stand for: the name and the certificate of the handshake it began with, and nothing else.
// A server must not resume a session under another server name (RFC 6066, 3): it would be routed as the old one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { issueCertificate } from '../../src/cli/issue-certificate.js';
import { type Echo, type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import type { RawOrigin } from '../origins/raw.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import type { Place } from '../support/addresses.js';
import { authority, authorityFile, type Identity, makeClient, makeIdentity } from '../support/identity.js';
import { type RunningProxy, standIn, startProxy } from '../support/proxy.js';
import { secure } from '../support/secure.js';
import { get, WireClient } from '../support/wire-client.js';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
type Version = (typeof VERSIONS)[number];

describe('resumed sessions', { concurrency: 1, skip: standIn && 'only the product' }, () => {
  let site: Identity;
  let other: Identity;
  let echo: JsonEcho;
  let a: RawOrigin;
  let b: RawOrigin;
  let proxy: RunningProxy;
  /** By the listener's protocol: who answers a client there. */
  let ask: Readonly<Record<'https' | 'tls', (options: ConnectionOptions) => Promise<Answer>>>;

  interface Answer {
    readonly by: string;
    readonly resumed: boolean;
    readonly session: Buffer;
  }

  const rule = (name: string, match: object): object => ({
    name,
    matches: [match],
    pool: 'echo',
    filters: [
      {
        type: 'RequestHeaderModifier',
        requestHeaderModifier: {
          set: [
            { name: 'X-Rule', value: '$' + '{rule}' },
            { name: 'X-Client', value: '$' + '{clientCertificateSubject}' },
          ],
        },
      },
    ],
  });

  before(async () => {
    // One certificate for both names, and another one for a third: only what the client asks for tells them apart.
    site = makeIdentity({ names: ['a.example', 'b.example'] });
    other = makeIdentity({ names: ['c.example'] });
    echo = await startEcho();
    a = await startTcpEcho({ greeting: 'a' });
    b = await startTcpEcho({ greeting: 'b' });
    const tls = { certificates: [site.files, other.files] };
    proxy = await startProxy({
      listeners: [
        {
          protocol: 'https',
          tls: { ...tls, clientCertificates: { mode: 'optional', ca: authorityFile(authority()) } },
        },
        {
          protocol: 'tls',
          tls,
          tlsRoutes: [
            { hostnames: ['a.example'], pool: 'a' },
            { hostnames: ['b.example', 'c.example'], pool: 'b' },
          ],
          pool: 'b',
        },
      ],
      pools: {
        echo: { servers: [{ address: echo.address }] },
        a: { servers: [{ address: a.address }] },
        b: { servers: [{ address: b.address }] },
      },
      routes: [{ rules: [rule('a', { serverName: 'a.example' }), rule('b', {})] }],
    });
    ask = {
      https: (options) => askHttps(proxy.listeners[0]!, options),
      tls: (options) => askTls(proxy.listeners[1]!, options),
    };
  });
  after(async () => {
    await proxy.stop();
    await Promise.all([echo, a, b].map((origin) => origin.close()));
  });

  async function askHttps(place: Place, options: ConnectionOptions): Promise<Answer> {
    const client = await WireClient.connect(place, { tls: options });
    const socket = client.socket as TLSSocket;
    const session = sessionOf(socket);
    const { headers } = JSON.parse((await client.exchange(get('/'))).body) as Echo;
    const by = [headers['x-rule'], headers['x-client']].filter(Boolean).join(' ');
    const answer = { by, resumed: socket.isSessionReused(), session: await session };
    client.close();
    return answer;
  }

  async function askTls(place: Place, options: ConnectionOptions): Promise<Answer> {
    const socket = await secure(place, options);
    const session = sessionOf(socket);
    const [by] = (await once(socket, 'data')) as [Buffer];
    const answer = { by: by.toString(), resumed: socket.isSessionReused(), session: await session };
    socket.destroy();
    return answer;
  }

  /** TLS 1.3 gives a session once something is read; TLS 1.2 has it when the handshake is done. */
  async function sessionOf(socket: TLSSocket): Promise<Buffer> {
    if (socket.getProtocol() === 'TLSv1.2') return socket.getSession()!;
    const [session] = (await once(socket, 'session')) as [Buffer];
    return session;
  }

  const as = (servername: string, version: Version, more: ConnectionOptions = {}): ConnectionOptions => ({
    ca: authority().cert,
    servername,
    minVersion: version,
    maxVersion: version,
    ...(servername === '' ? { checkServerIdentity: () => undefined } : {}),
    ...more,
  });

  for (const protocol of ['https', 'tls'] as const) {
    for (const version of VERSIONS) {
      const where = `${protocol} listener, ${version}`;

      test(`a session goes on under its own name, however it is written (${where})`, async () => {
        const began = await ask[protocol](as('a.example', version));
        assert.deepEqual([began.by, began.resumed], ['a', false]);
        for (const name of ['a.example', 'A.Example', 'a.example.']) {
          const options = as(name, version, { session: began.session, checkServerIdentity: () => undefined });
          const again = await ask[protocol](options);
          assert.deepEqual([again.by, again.resumed], ['a', true], name);
        }
      });

      test(`a session under another name, or none, is a full handshake and led by the new name (${where})`, async () => {
        for (const [from, to] of [
          ['a.example', 'b.example'],
          ['b.example', 'a.example'],
          ['a.example', 'c.example'],
          ['a.example', ''],
          ['', 'a.example'],
        ] as const) {
          const began = await ask[protocol](as(from, version));
          const then = await ask[protocol](as(to, version, { session: began.session }));
          const led = to === 'a.example' ? 'a' : 'b';
          assert.deepEqual([then.by, then.resumed], [led, false], `${from || 'no name'}, then ${to || 'no name'}`);
        }
      });
    }
  }

  for (const version of VERSIONS) {
    test(`under another name a client is who its own certificate says (${version})`, async () => {
      const alice = makeClient({ subject: 'alice' });
      const bob = makeClient({ subject: 'bob' });
      const began = await ask.https(as('a.example', version, alice.shows));
      assert.equal(began.by, 'a CN=alice');
      const { session } = began;
      assert.equal((await ask.https(as('a.example', version, { session }))).by, 'a CN=alice');
      assert.equal((await ask.https(as('b.example', version, { session }))).by, 'b');
      assert.equal((await ask.https(as('b.example', version, { session, ...bob.shows }))).by, 'b CN=bob');
    });
  }

  for (const version of VERSIONS) {
    test(`a session ends with the authority that vouched for its client (${version})`, async () => {
      const until = new Date(Date.now() + 3500);
      const brief = issueCertificate({ subject: 'brief', issuer: authority(), authority: true, until });
      const alice = makeClient({ subject: 'alice', issuer: brief, chain: [brief] });
      // Each with the session of the one before: the next ticket must not outlive the authority either.
      let { session } = await ask.https(as('a.example', version, alice.shows));
      let resumptions = 0;
      for (;;) {
        const again = await ask.https(as('a.example', version, { session }));
        assert.equal(again.by, again.resumed ? 'a CN=alice' : 'a');
        if (!again.resumed) break;
        resumptions++;
        session = again.session;
        // Certificates end with a whole second.
        assert.ok(Date.now() < until.getTime() + 5000, 'resumed after its end');
      }
      assert.ok(resumptions > 0);
    });
  }
});
