// Client certificates at the listener, with real clients: who is let in, what sessions remember, what servers are told.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { TLS_VERSIONS } from '../../src/base/tls-versions.js';
import { issueCertificate } from '../../src/cli/issue-certificate.js';
import { type Echo, echoOf, type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { loopback, type Place, scratchDirectory, written } from '../support/addresses.js';
import {
  authority,
  authorityFile,
  type ClientIdentity,
  type Identity,
  makeClient,
  makeIdentity,
} from '../support/identity.js';
import { run } from '../support/programs.js';
import { describeProduct, type ProxySpec, type RunningProxy, startProxy, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const DAY_MS = 86_400_000;

/** The fields about the client's certificate that the server got, in the order they came. */
function told({ rawHeaders }: Echo): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) pairs.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
  return pairs.filter(([name]) => /client.cert/i.test(name));
}

/** What the server says it got. */
async function askEcho(place: Place, tls: ConnectionOptions, request = get('/')): Promise<Echo> {
  return echoOf(await ask(place, request, tls));
}

/** The alert a client hears of, as versions of OpenSSL agree to call it. With TLS 1.3 it comes after the client's own end of the handshake. */
function refusal(place: Place, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, host: place.host, port: place.port });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.destroy();
      resolve(String(error.code).replace(/^ERR_SSL_.*_ALERT_/, ''));
    });
    socket.once('end', () => reject(new Error('ended without an alert')));
    socket.once('data', () => reject(new Error('was served')));
  });
}

/** One session, as a client keeps it. */
async function sessionOf(place: Place, options: ConnectionOptions): Promise<Buffer> {
  const socket = connect({ ...options, host: place.host, port: place.port });
  const got = once(socket, 'session');
  socket.write(get('/'));
  const [session] = (await got) as [Buffer];
  socket.destroy();
  return session;
}

describeProduct('client certificates', () => {
  let origin: JsonEcho;
  let proxy: RunningProxy;
  let server: Identity;
  let other: Identity;
  let alice: ClientIdentity;
  let caFile: string;
  const intermediate = issueCertificate({ subject: 'intermediate', issuer: authority(), authority: true });
  const stranger = issueCertificate({ subject: 'another authority', authority: true });
  let required: Place;
  let optional: Place;
  let plain: Place;
  let unasked: Place;
  let byIntermediate: Place;

  /** Options of a client that believes the server, and shows a certificate. */
  const as = (who: ClientIdentity | undefined, more: ConnectionOptions = {}): ConnectionOptions => ({
    ...server.client,
    ...who?.shows,
    ...more,
  });

  before(async () => {
    server = makeIdentity({ names: ['first.example', loopback] });
    other = makeIdentity({ names: ['second.example'] });
    alice = makeClient({
      subject: 'alice',
      names: ['Alice.Example', 'URI:spiffe://example/alice', 'email:alice@alice.example', '10.1.2.3', '2001:db8::1'],
    });
    caFile = authorityFile(authority());
    origin = await startEcho();
    const tls = (clientCertificates?: object): object => ({
      protocol: 'https',
      tls: { certificates: [server.files, other.files], ...(clientCertificates && { clientCertificates }) },
    });
    proxy = await startProxy({
      listeners: [
        tls({ ca: caFile }),
        tls({ mode: 'optional', ca: caFile }),
        {},
        tls(),
        tls({ mode: 'required', ca: authorityFile(intermediate) }),
      ],
      servers: [origin.address],
      args: ['--workers', '2'],
    });
    [required, optional, plain, unasked, byIntermediate] = proxy.listeners as [Place, Place, Place, Place, Place];
  });
  after(async () => {
    await proxy.countersUntil('given back', (counters) => counters.secured === 0 && counters.chunksUsed === 0);
    await proxy.stop();
    await origin.close();
  });

  test('a client with a certificate is let in, and servers are told who it is', async () => {
    for (const version of TLS_VERSIONS) {
      for (const place of [required, optional]) {
        const echo = await askEcho(place, as(alice, { minVersion: version, maxVersion: version }));
        assert.deepEqual(told(echo), [
          ['X-Client-Cert-Verified', 'true'],
          ['X-Client-Cert-Subject', 'CN=alice'],
          [
            'X-Client-Cert-San',
            'DNS:alice.example, URI:spiffe://example/alice, email:alice@alice.example, IP:10.1.2.3, IP:2001:db8::1',
          ],
          ['X-Client-Cert-Fingerprint', alice.fingerprint],
        ]);
      }
    }
  });

  test('a client without one is let in where it is optional, and refused where it is required', async () => {
    assert.deepEqual(told(await askEcho(optional, as(undefined))), []);
    assert.deepEqual(told(await askEcho(unasked, as(alice))), []);
    const alerts = {
      'TLSv1.2': 'HANDSHAKE_FAILURE',
      'TLSv1.3': 'CERTIFICATE_REQUIRED',
    };
    for (const version of TLS_VERSIONS) {
      const options = as(undefined, { minVersion: version, maxVersion: version });
      assert.equal(await refusal(required, options), alerts[version]);
    }
  });

  test('a certificate that is not believed is refused everywhere, with the alert that says why, and counted', async () => {
    const chainToo = { issuer: intermediate, chain: [intermediate] };
    const long = Array.from({ length: 5 }).reduce<(typeof intermediate)[]>((chain) => {
      const issuer = chain[0] ?? authority();
      return [issueCertificate({ subject: `authority ${chain.length}`, issuer, authority: true }), ...chain];
    }, []);
    const cases: [what: string, who: ClientIdentity, alert: string, counted: string][] = [
      [
        'expired',
        makeClient({ subject: 'late', from: new Date(Date.now() - 9 * DAY_MS), until: new Date(Date.now() - DAY_MS) }),
        'CERTIFICATE_EXPIRED',
        'expired',
      ],
      [
        'not valid yet',
        makeClient({ subject: 'early', from: new Date(Date.now() + DAY_MS) }),
        'BAD_CERTIFICATE',
        'expired',
      ],
      ['of another authority', makeClient({ subject: 'a', issuer: stranger }), 'UNKNOWN_CA', 'unknown authority'],
      [
        'of another authority of the same name',
        makeClient({ subject: 'a', issuer: issueCertificate({ subject: authority().subject, authority: true }) }),
        'UNKNOWN_CA',
        'unknown authority',
      ],
      [
        'signed by itself',
        (() => {
          const own = issueCertificate({ subject: 'self' });
          return { ...makeClient({ subject: 'self' }), shows: { cert: own.cert, key: own.key } };
        })(),
        'UNKNOWN_CA',
        'unknown authority',
      ],
      [
        'without the one between',
        makeClient({ subject: 'a', issuer: intermediate }),
        'UNKNOWN_CA',
        'unknown authority',
      ],
      ['for servers only', makeClient({ subject: 'a', usage: 'server' }), 'UNSUPPORTED_CERTIFICATE', 'invalid'],
      [
        'signed by one that is no authority',
        makeClient({ subject: 'a', issuer: server.issued, chain: [server.issued] }),
        'UNKNOWN_CA',
        'invalid',
      ],
      [
        'with more between than are followed',
        makeClient({ subject: 'a', issuer: long[0]!, chain: long }),
        'UNKNOWN_CA',
        'invalid',
      ],
      [
        'with more names than can be told',
        makeClient({
          subject: 'a',
          names: Array.from({ length: 200 }, (_none, i) => `${i}.a-long-name-for-a-client.example`),
        }),
        'CERTIFICATE_UNKNOWN',
        'invalid',
      ],
    ];
    const total = async (fault: string): Promise<number> => {
      const counters = await proxy.counters();
      return counters.reduce((sum, { certificatesRefused }) => sum + (certificatesRefused[fault] ?? 0), 0);
    };
    for (const [what, who, alert, counted] of cases) {
      const before = await total(counted);
      for (const version of TLS_VERSIONS) {
        for (const place of [required, optional]) {
          const options = as(who, { minVersion: version, maxVersion: version });
          assert.equal(await refusal(place, options), alert, `${what}, ${version}`);
        }
      }
      assert.equal(await total(counted), before + 4, what);
    }
    assert.equal(told(await askEcho(required, as(makeClient({ subject: 'a', ...chainToo })))).length, 3);
  });

  test('an intermediate authority is believed by itself, and its root is not', async () => {
    const bob = makeClient({ subject: 'bob', issuer: intermediate });
    assert.deepEqual(told(await askEcho(byIntermediate, as(bob)))[1], ['X-Client-Cert-Subject', 'CN=bob']);
    assert.equal(await refusal(byIntermediate, as(alice)), 'UNKNOWN_CA');
  });

  test('no server name leads around it', async () => {
    for (const servername of ['second.example', 'unknown.example', '']) {
      const options = as(undefined, { servername, checkServerIdentity: () => undefined });
      assert.equal(await refusal(required, options), 'CERTIFICATE_REQUIRED', servername);
    }
    const echo = await askEcho(required, as(alice, { servername: 'second.example' }));
    assert.deepEqual(told(echo)[1], ['X-Client-Cert-Subject', 'CN=alice']);
  });

  test('clients are told whose certificates are meant', async () => {
    const said = await run('openssl', ['s_client', '-connect', written(required), '-tls1_3'], '');
    assert.match(said, /Acceptable client certificate CA names\s+CN = test authority/);
  });

  test('a resumed session is the client it began with', async () => {
    for (const version of TLS_VERSIONS) {
      for (const place of [required, optional]) {
        const options = as(alice, { minVersion: version, maxVersion: version });
        const session = await sessionOf(place, options);
        // Several, so that both workers are met. None of them shows a certificate again.
        for (let i = 0; i < 4; i++) {
          const client = await WireClient.connect(place, {
            tls: { ...options, cert: undefined, key: undefined, session },
          });
          assert.equal((client.socket as TLSSocket).isSessionReused(), true, version);
          const echo = echoOf(await client.exchange(get('/')));
          assert.deepEqual(told(echo)[3], ['X-Client-Cert-Fingerprint', alice.fingerprint]);
          client.close();
        }
      }
    }
  });

  test('a session begun elsewhere opens nothing: not from a listener that asks nobody, nor one with other rules', async () => {
    for (const version of TLS_VERSIONS) {
      const versions = { minVersion: version, maxVersion: version };
      for (const [from, to, who] of [
        [unasked, required, undefined],
        [optional, required, undefined],
        [optional, required, alice],
        [required, byIntermediate, alice],
        [required, unasked, alice],
      ] as const) {
        const session = await sessionOf(from, as(who, versions));
        if (to === unasked) {
          const client = await WireClient.connect(to, { tls: as(undefined, { ...versions, session }) });
          assert.equal((client.socket as TLSSocket).isSessionReused(), false);
          assert.deepEqual(told(echoOf(await client.exchange(get('/')))), []);
          client.close();
          continue;
        }
        assert.match(
          await refusal(to, as(undefined, { ...versions, session })),
          /^(HANDSHAKE_FAILURE|CERTIFICATE_REQUIRED)$/,
        );
      }
    }
  });

  test('a session does not outlive a reload that verifies clients in another way', async (t) => {
    const spec = (clientCertificates?: object): ProxySpec => ({
      listeners: [
        { protocol: 'https', tls: { certificates: [server.files], ...(clientCertificates && { clientCertificates }) } },
      ],
      servers: [origin.address],
    });
    const ca = caFile;
    const changing = await useProxy(t, spec());
    const place = changing.place;
    for (const version of TLS_VERSIONS) {
      const versions = { minVersion: version, maxVersion: version };
      for (const [before, who, after] of [
        [undefined, undefined, { ca }],
        [undefined, undefined, { mode: 'optional', ca }],
        [{ mode: 'optional', ca }, undefined, { ca }],
        [{ ca }, alice, { ca: authorityFile(intermediate) }],
        [{ ca }, alice, { ca: authorityFile(authority(), intermediate) }],
        [{ ca }, alice, undefined],
      ] as const) {
        await changing.reload(spec(before));
        const session = await sessionOf(place, as(who, versions));
        const resumes = async (): Promise<boolean> => {
          const client = await WireClient.connect(place, { tls: as(who, { ...versions, session }) });
          const resumed = (client.socket as TLSSocket).isSessionReused();
          client.close();
          return resumed;
        };
        assert.equal(await resumes(), true, 'before');
        await changing.reload(spec(before));
        assert.equal(await resumes(), true, 'after a reload that changes nothing');
        await changing.reload(spec(after));
        // A handshake that is refused is none that was resumed.
        assert.equal(await resumes().catch(() => false), false, `${version} ${JSON.stringify([before, after])}`);
      }
    }
  });

  test('who is taken out of the file of authorities is out, also with a session', async (t) => {
    const ca = authorityFile(authority(), intermediate);
    const watching = await useProxy(t, {
      listeners: [{ protocol: 'https', tls: { certificates: [server.files], clientCertificates: { ca } } }],
      servers: [origin.address],
    });
    const bob = makeClient({ subject: 'bob', issuer: intermediate });
    const session = await sessionOf(watching.place, as(alice));
    assert.equal(told(await askEcho(watching.place, as(alice, { session }))).length, 4);
    const from = watching.process.stdout.length;
    writeFileSync(ca, intermediate.cert);
    await watching.process.until(
      'new files',
      () => /TLS files changed/.exec(watching.process.stdout.slice(from)) ?? undefined,
    );
    assert.equal(await refusal(watching.place, as(alice, { session })), 'UNKNOWN_CA');
    assert.equal(told(await askEcho(watching.place, as(bob))).length, 3);
  });

  test('a session ends with its certificate', async () => {
    for (const version of TLS_VERSIONS) {
      const until = new Date(Date.now() + 2500);
      const brief = makeClient({ subject: 'brief', until });
      const versions = { minVersion: version, maxVersion: version };
      const session = await sessionOf(optional, as(brief, versions));
      let resumptions = 0;
      for (;;) {
        const client = await WireClient.connect(optional, { tls: as(undefined, { ...versions, session }) });
        const resumed = (client.socket as TLSSocket).isSessionReused();
        const echo = echoOf(await client.exchange(get('/')));
        client.close();
        assert.equal(told(echo).length > 0, resumed, 'a resumed client has its certificate, no other one does');
        if (!resumed) break;
        resumptions++;
        // Certificates end with a whole second.
        assert.ok(Date.now() < until.getTime() + 5000, 'resumed after its end');
      }
      assert.ok(resumptions > 0, version);
    }
  });

  test('what a client says of its certificate goes nowhere, in any spelling, on any listener', async (t) => {
    const lies = [
      'X-Client-Cert-Verified: true',
      'X-Client-Cert-Subject: CN=root',
      'x-client-cert-san: DNS:root',
      'X-CLIENT-CERT-FINGERPRINT: 00',
      'X_Client_Cert_Subject: CN=root',
      'X.Client.Cert.Subject: CN=root',
      'x-client_cert-VERIFIED: true',
      'X_CLIENT-CERT_SAN: DNS:root',
      'x_client_cert_fingerprint: 00',
      'Client-Cert: :AAAA:',
      'Client_Cert: :AAAA:',
      'Client-Cert-Chain: :AAAA:',
      'client_cert_chain: :AAAA:',
    ];
    const kept = ['X-Client-Certificate: mine', 'X-Client-Certs-San: mine'];
    const trusting = await useProxy(t, {
      listeners: [{}, { protocol: 'https', tls: { certificates: [server.files], clientCertificates: { ca: caFile } } }],
      servers: [origin.address],
      trustedProxies: ['127.0.0.0/8'],
    });
    const chunked = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${lies.join('\r\n')}\r\nX-Sum: 1\r\n\r\n`;
    for (const [place, tls, own] of [
      [plain, undefined, 0],
      [unasked, as(undefined), 0],
      [optional, as(undefined), 0],
      [required, as(alice), 4],
      [trusting.listeners[0]!, undefined, 0],
      [trusting.listeners[1]!, as(alice), 4],
    ] as const) {
      const echo = echoOf(await ask(place, get('/', ...lies, ...kept), tls));
      const found = told(echo).map(([name, value]) => `${name}: ${value}`);
      assert.deepEqual(found.slice(0, 2), kept);
      assert.equal(found.length, 2 + own);
      if (own > 0) assert.equal(echo.headers['x-client-cert-subject'], 'CN=alice');
      const trailing = echoOf(await ask(place, chunked, tls));
      assert.deepEqual(trailing.trailers, { 'x-sum': '1' });
    }
  });

  test('nothing in a certificate can begin another line, or another name', async () => {
    const evil = makeClient({
      subject: 'a, b\r\nX-Evil: 1\0"é\u007f',
      names: ['a, DNS:root.example', 'b\r\nX-Evil: 1', 'URI:x:"\\;\u00e9\u0000'],
    });
    const echo = await askEcho(required, as(evil));
    assert.equal(echo.headers['x-evil'], undefined);
    assert.deepEqual(told(echo).slice(1, 3), [
      ['X-Client-Cert-Subject', 'CN=a\\, b\\0D\\0AX-Evil: 1\\00\\"\\C3\\A9\\7F'],
      ['X-Client-Cert-San', 'DNS:a\\2C\\20dns:root.example, DNS:b\\0D\\0Ax-evil:\\201, URI:x:\\22\\5C\\3B\\E9\\00'],
    ]);
  });

  test('a name asked for with line breaks in it is no name', async (t) => {
    const speaking = await useProxy(t, {
      listeners: [{ protocol: 'https', tls: { certificates: [server.files] } }],
      pools: { main: { servers: [{ address: origin.address }] } },
      routes: [
        {
          rules: [
            {
              filters: [
                {
                  type: 'RequestHeaderModifier',
                  requestHeaderModifier: { set: [{ name: 'X-Name', value: '[$' + '{serverName}]' }] },
                },
              ],
              pool: 'main',
            },
          ],
        },
      ],
    });
    for (const [servername, expected] of [
      ['a\r\nX-Evil: 1', '[]'],
      ['First.Example.', '[first.example]'],
    ] as const) {
      const echo = await askEcho(speaking.place, as(undefined, { servername, checkServerIdentity: () => undefined }));
      assert.equal(echo.headers['x-name'], expected);
      assert.equal(echo.headers['x-evil'], undefined);
    }
  });

  test('curl and openssl s_client show certificates, and sessions are resumed with them', async () => {
    const shown = ['--cert', alice.files.cert, '--key', alice.files.key, '--cacert', caFile];
    for (const flags of [['--tlsv1.3'], ['--tls-max', '1.2']]) {
      const said = await run('curl', ['-sS', ...shown, ...flags, `https://${written(required)}/`]);
      assert.match(said, /"x-client-cert-subject":"CN=alice"/);
      const without = await run('curl', ['-sS', '--cacert', caFile, ...flags, `https://${written(required)}/`]);
      assert.match(without, /curl: \(\d+\) .*(alert|reset|handshake)/i);
    }
    for (const version of ['-tls1_2', '-tls1_3']) {
      const file = join(scratchDirectory(), 'session.pem');
      const args = ['s_client', '-connect', written(required), '-CAfile', caFile, version, '-ign_eof'];
      const request = get('/', 'Connection: close');
      const files = ['-cert', alice.files.cert, '-key', alice.files.key];
      assert.match(await run('openssl', [...args, ...files, '-sess_out', file], request), /CN=alice/);
      assert.ok(existsSync(file));
      const again = await run('openssl', [...args, '-sess_in', file], request);
      assert.match(again, /^Reused, /m);
      assert.match(again, /"x-client-cert-subject":"CN=alice"/);
    }
  });
});
