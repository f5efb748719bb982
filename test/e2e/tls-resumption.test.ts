// What a resumed session may stand for: the name and the certificate of the handshake it began with, and nothing else.
// A server must not resume a session under another server name (RFC 6066, 3): it would be routed as the old one. The client is
// openssl s_client: that of newer Nodes offers no session under another name.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TLS_VERSIONS } from '../../src/base/tls-versions.js';
import { issueCertificate } from '../../src/cli/issue-certificate.js';
import { type Echo, type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import type { RawOrigin } from '../origins/raw.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import { scratchDirectory, written } from '../support/addresses.js';
import {
  authority,
  authorityFile,
  type ClientIdentity,
  type Identity,
  makeClient,
  makeIdentity,
} from '../support/identity.js';
import { run } from '../support/programs.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';
import { get } from '../support/wire-client.js';

type Version = (typeof TLS_VERSIONS)[number];

describeProduct('resumed sessions', () => {
  let site: Identity;
  let other: Identity;
  let echo: JsonEcho;
  let a: RawOrigin;
  let b: RawOrigin;
  let proxy: RunningProxy;
  let ca: string;

  interface Visit {
    readonly version: Version;
    /** Empty: the client asks for no name. */
    readonly name: string;
    readonly session?: string;
    readonly who?: ClientIdentity;
  }

  interface Answer {
    readonly by: string;
    readonly resumed: boolean;
    /** The file of the session to go on with. */
    readonly session: string;
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
    a = await startTcpEcho({ greeting: 'led to a', endsFirst: true });
    b = await startTcpEcho({ greeting: 'led to b', endsFirst: true });
    ca = authorityFile(authority());
    const tls = { certificates: [site.files, other.files] };
    proxy = await startProxy({
      listeners: [
        {
          protocol: 'https',
          tls: { ...tls, clientCertificates: { mode: 'optional', ca } },
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
  });
  after(async () => {
    await proxy.stop();
    await Promise.all([echo, a, b].map((origin) => origin.close()));
  });

  /** Who answers a client at the listener of this protocol. */
  async function ask(protocol: 'https' | 'tls', { version, name, session, who }: Visit): Promise<Answer> {
    const given = join(scratchDirectory(), 'session.pem');
    const said = await run(
      'openssl',
      [
        ...['s_client', '-connect', written(proxy.listeners[protocol === 'https' ? 0 : 1]!), '-CAfile', ca, '-ign_eof'],
        ...[version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3', '-sess_out', given],
        ...(name === '' ? ['-noservername'] : ['-servername', name]),
        ...(session === undefined ? [] : ['-sess_in', session]),
        ...(who === undefined ? [] : ['-cert', who.files.cert, '-cert_chain', who.files.cert, '-key', who.files.key]),
      ],
      protocol === 'https' ? get('/', 'Connection: close') : '',
    );
    const how = /^(Reused|New), TLS/m.exec(said);
    assert.ok(how, said);
    // A resumption over TLS 1.2 gives no new one.
    const kept = existsSync(given) ? given : (session ?? given);
    if (protocol === 'tls')
      return { by: /led to (\w)/.exec(said)?.[1] ?? said, resumed: how[1] === 'Reused', session: kept };
    const { headers } = JSON.parse(/^\{.*\}/m.exec(said)?.[0] ?? '{"headers":{}}') as Echo;
    const by = [headers['x-rule'], headers['x-client']].filter(Boolean).join(' ');
    return { by, resumed: how[1] === 'Reused', session: kept };
  }

  for (const protocol of ['https', 'tls'] as const) {
    for (const version of TLS_VERSIONS) {
      const where = `${protocol} listener, ${version}`;

      test(`a session goes on under its own name, however it is written (${where})`, async () => {
        const { by, resumed, session } = await ask(protocol, { version, name: 'a.example' });
        assert.deepEqual([by, resumed], ['a', false]);
        for (const name of ['a.example', 'A.Example', 'a.example.']) {
          const again = await ask(protocol, { version, name, session });
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
          const { session } = await ask(protocol, { version, name: from });
          const then = await ask(protocol, { version, name: to, session });
          const led = to === 'a.example' ? 'a' : 'b';
          assert.deepEqual([then.by, then.resumed], [led, false], `${from || 'no name'}, then ${to || 'no name'}`);
        }
      });
    }
  }

  for (const version of TLS_VERSIONS) {
    test(`under another name a client is who its own certificate says (${version})`, async () => {
      const alice = makeClient({ subject: 'alice' });
      const bob = makeClient({ subject: 'bob' });
      const { by, session } = await ask('https', { version, name: 'a.example', who: alice });
      assert.equal(by, 'a CN=alice');
      assert.equal((await ask('https', { version, name: 'a.example', session })).by, 'a CN=alice');
      assert.equal((await ask('https', { version, name: 'b.example', session })).by, 'b');
      assert.equal((await ask('https', { version, name: 'b.example', session, who: bob })).by, 'b CN=bob');
    });

    test(`a session ends with the authority that vouched for its client (${version})`, async () => {
      const until = new Date(Date.now() + 3500);
      const brief = issueCertificate({ subject: 'brief', issuer: authority(), authority: true, until });
      const alice = makeClient({ subject: 'alice', issuer: brief, chain: [brief] });
      // Each with the session of the one before: the next ticket must not outlive the authority either.
      let { session } = await ask('https', { version, name: 'a.example', who: alice });
      let resumptions = 0;
      for (;;) {
        const again = await ask('https', { version, name: 'a.example', session });
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
