// `sevenfold explain`: the winner, the losers, and the exit code.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ExplainOptions, explain } from '../../../src/cli/explain.js';
import { authority, authorityFile, makeIdentity } from '../../support/identity.js';
import { file, plain, RAW, SHOP } from './files.js';

const config = file('shop.yaml', SHOP);

async function said(request: string, options: Partial<ExplainOptions> = {}) {
  const { code, out, err } = await explain(request, { config, ...options });
  return { code, out: plain(out), err: plain(err) };
}

test('names the rule that wins, why, what it does, and what the nearest losers lacked', async () => {
  const { code, out } = await said('POST http://shop.example.com/api/x?v=2', {
    header: ['Accept: application/json'],
    cookie: ['beta=true'],
    client: '10.1.2.3',
  });
  assert.equal(code, 0);
  const [request, winner, ...losers] = out.trimEnd().split('\n\n');
  assert.equal(request, 'POST http://shop.example.com/api/x?v=2');
  const lines = winner!.split('\n');
  assert.equal(lines[0], 'goes to canary, match 1 (shop.yaml:11:13)');
  for (const line of [
    '  because method is "POST", expected "POST"',
    '  because cookie beta is "true", expected "true"',
    '  pool api gets 90 %',
    '  pool api-next gets 10 %',
    '  RequestHeaderModifier: set X-Tier: beta',
    '  the whole request may take 10000 ms',
  ]) {
    assert.ok(lines.includes(line), `${line}\n${out}`);
  }
  assert.equal(
    losers[0],
    'not to routes[0].rules[2], match 1 (shop.yaml:19:19)\n  it matches too, but has no condition on the method',
  );
  assert.ok(
    losers.some((loser) => loser.startsWith('not to images') && loser.includes('path: found "/api/x"')),
    out,
  );
});

test('ends with 1 when nothing matches, and says what came nearest', async () => {
  const { code, out } = await said('GET http://shop.example.com/api');
  assert.equal(code, 1);
  assert.match(out, /^No rule matches: the answer is 404\.$/m);
  assert.match(out, /client address: found "127.0.0.1", expected within "10.0.0.0\/8"/);
});

test('the client address of the command line counts', async () => {
  assert.equal((await said('GET http://shop.example.com/api', { client: '10.9.9.9' })).code, 0);
});

const IDENTITY = `listeners:
  - { address: ":8443", protocol: http }
routes:
  - rules:
      - name: billing
        matches:
          - scheme: https
            serverName: "*.example.com"
            tlsVersion: TLSv1.3
            tlsCipher: TLS_AES_256_GCM_SHA384
            clientCertificate:
              subject: { type: Contains, value: OU=Billing }
              subjectAltName: { type: Prefix, value: "URI:spiffe://example/" }
              fingerprint: ${'AB:'.repeat(31)}AB
        pool: api
pools: { api: { servers: [{ address: 10.0.0.11:3000 }] } }
`;

test('what TLS told and who the client is can be stated, and count', async () => {
  const identity = file('identity.yaml', IDENTITY);
  const all: Partial<ExplainOptions> = {
    config: identity,
    tlsCipher: 'TLS_AES_256_GCM_SHA384',
    clientCertificateSubject: 'CN=a,OU=Billing',
    clientCertificateSan: ['DNS:a.example', 'URI:spiffe://example/a'],
    clientCertificateFingerprint: 'ab'.repeat(32),
  };
  const { code, out } = await said('GET https://a.example.com/', all);
  assert.equal(code, 0, out);
  for (const line of [
    'GET https://a.example.com/',
    '  because TLS server name is "a.example.com", expected ending with ".example.com"',
    '  because scheme is "https", expected "https"',
    '  because TLS version is "TLSv1.3", expected "TLSv1.3"',
    '  because TLS cipher is "TLS_AES_256_GCM_SHA384", expected "TLS_AES_256_GCM_SHA384"',
    '  because subject of the client certificate is "CN=a,OU=Billing", expected containing "OU=Billing"',
    '  because alternative names of the client certificate are "DNS:a.example, URI:spiffe://example/a", expected beginning with "URI:spiffe://example/"',
    `  because SHA-256 of the client certificate is "${'ab'.repeat(32)}", expected "${'ab'.repeat(32)}"`,
  ]) {
    assert.ok(out.split('\n').includes(line), `${line}\n${out}`);
  }
  for (const [less, lacks] of [
    [{ serverName: 'other.example' }, /TLS server name: found "other.example"/],
    [{ tlsVersion: 'TLSv1.2' }, /TLS version: found "TLSv1.2"/],
    [{ tlsCipher: 'TLS_AES_128_GCM_SHA256' }, /TLS cipher: found/],
    [{ clientCertificateSubject: 'CN=b' }, /subject of the client certificate: found "CN=b"/],
    [{ clientCertificateSan: [] }, /alternative names of the client certificate: found absent/],
    [{ clientCertificateFingerprint: '00'.repeat(32) }, /SHA-256 of the client certificate: found "00/],
  ] as const) {
    const without = await said('GET https://a.example.com/', { ...all, ...less });
    assert.equal(without.code, 1);
    assert.match(without.out, lacks);
  }
  const plainly = await said('GET http://a.example.com/', { config: identity });
  assert.match(plainly.out, /scheme: found "http", expected "https"/);
  assert.match(plainly.out, /TLS server name: found absent/);
  assert.match(plainly.out, /subject of the client certificate: found absent/);
});

test('the method may be left out', async () => {
  assert.match((await said('http://shop.example.com/images/cat.png')).out, /goes to images/);
});

test('a path that no rule may see is answered with 400', async () => {
  const { code, out } = await said('GET http://shop.example.com/images%00');
  assert.equal(code, 1);
  const why = 'the request target is not valid (TARGET_INVALID)';
  assert.equal(out, `The answer is 400 before any rule is looked at: ${why}.\n`);
});

test('JSON carries the decision and its reasons', async () => {
  const { code, out } = await said('GET http://old.example.com/x', { json: true });
  assert.equal(code, 0);
  const { rule, status, pools, reasons } = JSON.parse(out);
  assert.deepEqual({ rule, status, pools }, { rule: 'routes[1].rules[0]', status: 308, pools: [] });
  assert.equal(reasons.winner.findings[0].expected, 'old.example.com');
  assert.ok(reasons.losers.length > 0);
});

test('what cannot be read on the command line ends with 2 and says what was expected', async () => {
  const cases: [string, Partial<ExplainOptions>, string][] = [
    ['shop.example.com', {}, "'shop.example.com' is not a request. Expected a method and a URL"],
    ['GET a b', {}, "'GET a b' is not a request."],
    ['GET /', { header: ['Accept'] }, "-H 'Accept' is not a header. Expected 'Name: value'."],
    ['GET /', { cookie: ['beta'] }, "-b 'beta' is not a cookie. Expected 'name=value'."],
    ['GET /', { clientCertificateSan: ['a.example'] }, "--client-certificate-san 'a.example' has no kind."],
    ['GET /', { clientCertificateFingerprint: 'ab' }, "--client-certificate-fingerprint 'ab' is not a SHA-256."],
    [
      'http://a.example/',
      { clientCertificateSubject: 'CN=a' },
      "--client-certificate-subject with 'http://a.example/': a client certificate needs an https URL.",
    ],
    [
      'GET HTTP://a.example/',
      { tlsVersion: 'TLSv1.2' },
      "--tls-version with 'HTTP://a.example/': a version of TLS needs",
    ],
    ['GET /', { client: 'localhost' }, "--client 'localhost' is not an IP address."],
  ];
  for (const [request, options, message] of cases) {
    const { code, err } = await said(request, options);
    assert.equal(code, 2);
    assert.ok(err.startsWith(message), err);
  }
});

test('says where a raw connection goes, for each listener that leads by name', async () => {
  const raw = { config: file('raw.yaml', RAW) };
  const { code, out } = await said('tls://a.EU.example.com', raw);
  assert.equal(code, 0);
  assert.equal(
    out,
    'A connection that asks for a.EU.example.com:\n' +
      ':8443 (tls-passthrough) goes to shop: by the name *.eu.example.com (raw.yaml:6:41).\n' +
      ':8444 (tls-passthrough) refuses it: no name fits, and there is no pool for the rest.\n',
  );
  assert.match((await said('tls://', raw)).out, /asks for no name:\n:8443 .* goes to others: no name fits/);
  assert.match((await said('tls://b.example.com:8443', raw)).out, /^.*\n:8443 .* goes to api 90 %, shop 10 %.*\n$/);
  assert.equal((await said('tls://nobody.example:8444', raw)).code, 1);
  assert.match((await said('tls://shop.example.com:1', raw)).out, /No listener at port 1 leads/);
  const [first] = JSON.parse((await said('tls://shop.example.com', { ...raw, json: true })).out);
  assert.equal(first.line.target, 'shop');
});

const listening = (...listeners: string[]) =>
  SHOP.replace('  - address: 0.0.0.0:8080\n', listeners.map((listener) => `  - { ${listener} }\n`).join(''));

test('a listener that redirects to https is named, with the place it sends to', async () => {
  const redirecting = { config: file('redirecting.yaml', listening('address: ":28080", redirectToHttps: 28443')) };
  for (const [request, location] of [
    ['GET http://shop.example.com/images/a.png?x=1#y', 'https://shop.example.com:28443/images/a.png?x=1'],
    ['POST http://nobody.example:28080/%2e', 'https://nobody.example:28443/%2e'],
    ['http://shop.example.com:9', 'https://shop.example.com:28443/'],
  ] as const) {
    const { code, out } = await said(request, redirecting);
    assert.equal(code, 0);
    assert.equal(out, `Listener :28080 redirects to https: the answer is 308.\n  Location: ${location}\n`);
  }
  const host = { ...redirecting, header: ['Host: shop.example.com:28080'] };
  assert.match((await said('/images', host)).out, /^ {2}Location: https:\/\/shop\.example\.com:28443\/images$/m);
  assert.match((await said('https://shop.example.com/images', redirecting)).out, /^goes to images/m);
  const { status, listeners, place } = JSON.parse(
    (await said('http://shop.example.com/', { ...redirecting, json: true })).out,
  );
  assert.deepEqual([status, listeners, place.line], [308, [':28080'], 2]);
  assert.match((await said('get http://shop.example.com/', redirecting)).out, /^The answer is \d+ before any rule/);
});

test('of listeners of which only some redirect, the port decides, and without one they are routed to', async () => {
  const listeners = [
    'address: ":80", redirectToHttps: 443',
    'address: ":8080"',
    'address: ":8081", redirectToHttps: 443',
  ];
  const some = { config: file('some.yaml', listening(...listeners)) };
  const redirected = /^Listener :\d+ redirects to https: .*\n {2}Location: https:\/\/shop\.example\.com\/images\n$/;
  for (const port of ['', ':80', ':8081']) {
    assert.match((await said(`http://shop.example.com${port}/images`, some)).out, redirected, port);
  }
  for (const port of [':8080', ':9']) {
    assert.match((await said(`http://shop.example.com${port}/images`, some)).out, /^goes to images/m, port);
  }
  const others = { config: file('others.yaml', listening(...listeners.slice(1))) };
  assert.match((await said('http://shop.example.com/images', others)).out, /^goes to images/m);
});

test('a request without the certificate that every listener for it requires gets no further than the handshake', async () => {
  const { files } = makeIdentity({ names: ['shop.example.com', '*.shop.example.com', 'old.example.com'] });
  const ca = authorityFile(authority());
  const https = (port: number, mode: string) =>
    `address: ":${port}", protocol: https, tls: { certificates: [${JSON.stringify(files)}], clientCertificates: { mode: ${mode}, ca: ${ca} } }`;
  const required = { config: file('required.yaml', listening(https(8443, 'required'))) };
  const { code, out } = await said('https://shop.example.com/images', required);
  assert.equal(code, 1);
  assert.match(out, /^Listener :8443 requires a client certificate: the handshake is refused without one\./);
  const shown = { ...required, clientCertificateSubject: 'CN=a' };
  assert.match((await said('https://shop.example.com/images', shown)).out, /^goes to images/m);
  const both = { config: file('both.yaml', listening(https(8443, 'required'), https(8444, 'optional'))) };
  assert.match((await said('https://shop.example.com/images', both)).out, /^goes to images/m);
  assert.match((await said('https://shop.example.com:8443/images', both)).out, /^Listener :8443 requires/);
});

test('a request where no listener reads requests is pointed to what says where connections go', async () => {
  const raw = { config: file('raw-only.yaml', RAW) };
  const { code, out } = await said('https://shop.example.com/', raw);
  assert.equal(code, 1);
  assert.equal(
    out,
    'No listener reads this request: listeners :8443, :8444, :9000 pass connections on unread. ' +
      'sevenfold explain tls://shop.example.com says where they go.\n',
  );
  assert.match(
    (await said('https://shop.example.com:8444/', raw)).out,
    /: listener :8444 passes connections on unread\. sevenfold explain tls:\/\/shop\.example\.com:8444 says/,
  );
  assert.match((await said('http://10.0.0.1:9000/', raw)).out, /listener :9000 passes .* sevenfold routes says/);
  const mixed = listening('address: ":8080"', 'address: ":443", protocol: tls-passthrough, pool: api');
  assert.match(
    (await said('https://shop.example.com/images', { config: file('mixed.yaml', mixed) })).out,
    /^No listener reads this request: listener :443 /,
  );
  assert.match(
    (await said('http://shop.example.com/images', { config: file('mixed.yaml', mixed) })).out,
    /^goes to im/m,
  );
});

test('expressions stand as they are written, and what is not stated of a certificate is not called empty', async () => {
  const text = SHOP.replace(
    'matches: [{ path: { value: /images } }]',
    `matches:
          - path: { type: RegularExpression, value: '/\\w+\\.png' }
            clientCertificate:
              subject: { type: RegularExpression, value: 'CN=\\w+' }
              subjectAltName: { value: DNS:a }`,
  );
  const known = { config: file('expression.yaml', text), clientCertificateSan: ['DNS:a'] };
  const { out } = await said('https://shop.example.com/a.png', known);
  assert.match(out, /^ {2}subject of the client certificate: not stated, expected matching "CN=\\w\+"$/m);
  const whole = await said('https://shop.example.com/a.png', { ...known, clientCertificateSubject: 'CN=a' });
  assert.match(whole.out, /^ {2}because path is "\/a\.png", expected matching "\/\\w\+\\\.png"$/m);
  assert.match(whole.out, /^ {2}because alternative names of the client certificate are "DNS:a", expected "DNS:a"$/m);
});
