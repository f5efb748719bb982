// `sevenfold diff`: rules, settings, shadowed rules and recorded requests.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DiffOptions, diff } from '../../../src/cli/diff.js';
import { authority, authorityFile, makeIdentity } from '../../support/identity.js';
import { file, plain, RAW, SHOP } from './files.js';

const old = file('old.yaml', SHOP);

async function said(text: string, options: DiffOptions = {}) {
  const { code, out } = await diff(old, file('new.yaml', text), options);
  return { code, out: plain(out) };
}

test('the same configuration changes nothing, in whatever order its rules stand', async () => {
  assert.equal((await said(SHOP)).out, 'Nothing changes.\n');
  const [head, images, ...rest] = SHOP.split('      - name: ');
  const api = rest.join('      - name: ').split('  - hostnames: [old');
  const swapped = `${head}      - name: ${api[0]}      - name: ${images}  - hostnames: [old${api[1]}`;
  assert.notEqual(swapped, SHOP);
  assert.equal((await said(swapped)).out, 'Nothing changes.\n');
});

test('a rule added, one removed and one changed are told apart, with all their hosts', async () => {
  const { out } = await said(
    SHOP.replace('value: /images', 'value: /pictures')
      .replace('weight: 9', 'weight: 1')
      .replace('name: images', 'name: pictures'),
  );
  assert.equal(
    out,
    `+ added rule pictures (new.yaml:7:19)
    shop.example.com, prefix /pictures
    *.shop.example.com, prefix /pictures
      + pool images
~ changed rule canary (new.yaml:11:13)
    shop.example.com, prefix /api, POST, cookie beta is "true", header accept contains "json"
    *.shop.example.com, prefix /api, POST, cookie beta is "true", header accept contains "json"
      - pool api gets 90 %
      - pool api-next gets 10 %
      + pool api gets 50 %
      + pool api-next gets 50 %
- removed rule images (old.yaml:7:19)
    shop.example.com, prefix /images
    *.shop.example.com, prefix /images
      - pool images

1 rule added, 1 rule removed, 1 rule changed.
`,
  );
});

test('a rule that keeps its name and has other conditions is changed, not removed and added', async () => {
  const moved = SHOP.replace('value: /images', 'value: /pictures');
  assert.equal(
    (await said(moved)).out,
    `~ changed rule images (new.yaml:7:19)
  - shop.example.com, prefix /images
  - *.shop.example.com, prefix /images
  + shop.example.com, prefix /pictures
  + *.shop.example.com, prefix /pictures

1 rule changed.
`,
  );
  const more = SHOP.replace('value: /images } }]', 'value: /images } }, { path: { value: /img } }]');
  assert.equal(
    (await said(more.replace('pool: images', 'pool: api'))).out,
    `~ changed rule images (new.yaml:7:19)
    shop.example.com, prefix /images
    *.shop.example.com, prefix /images
  + shop.example.com, prefix /img
  + *.shop.example.com, prefix /img
      - pool images
      + pool api

1 rule changed.
`,
  );
});

test('a rule without a name is called by its place in its route, if that has a name', async () => {
  const named = SHOP.replace('  - hostnames: [old', '  - name: old\n    hostnames: [old');
  const { out } = await said(named.replace('statusCode: 308', 'statusCode: 301'));
  assert.match(out, /^~ changed rule old\.rules\[0\] \(/);
});

test('pools, listeners, limits and timeouts are compared', async () => {
  const text = SHOP.replace('weight: 2', 'weight: 3').replace(':8080', ':8081');
  const { out } = await said(
    `${text}limits: { bodyBytesMax: 1KiB }\ntimeouts: { idle: 10s }\ntrustedProxies: [10.0.0.0/8]\n`,
  );
  assert.equal(
    out,
    `- listener 0.0.0.0:8080  http
+ listener 0.0.0.0:8081  http
~ pools.api  10.0.0.11:3000 weight 2, 10.0.0.12:3000; round-robin → 10.0.0.11:3000 weight 3, 10.0.0.12:3000; round-robin
~ limits.bodyBytesMax  0 → 1024
~ timeouts.idle  75000 ms → 10000 ms
~ trustedProxies  none → 10.0.0.0/8

6 settings changed.
`,
  );
});

test('the mode of a unix socket is compared as it is written', async () => {
  const at = (mode: string) => SHOP.replace('0.0.0.0:8080', `"unix:/run/a.sock"\n    socket: { mode: "${mode}" }`);
  const { out } = await diff(file('socket.yaml', at('0600')), file('other-socket.yaml', at('660')));
  assert.equal(out, '~ listener unix:/run/a.sock socket.mode  0600 → 0660\n\n1 setting changed.\n');
});

test('where raw listeners lead is compared', async () => {
  const moved = RAW.replace(
    'hostnames: [Shop.example.com, "*.eu.example.com"], pool: shop',
    'hostnames: [shop.example.com], pool: api',
  );
  const { out } = await diff(file('raw.yaml', RAW), file('moved.yaml', moved));
  assert.match(
    out,
    /^~ listener :8443 {2}tls-passthrough to others \(\*\.example\.com to api 90 %, shop 10 %; shop\.example\.com, \*\.eu\.example\.com to shop\) → tls-passthrough to others \(\*\.example\.com to api 90 %, shop 10 %; shop\.example\.com to api\)\n/,
  );
});

test('options of a pool are compared by what differs from their defaults, and secrets stay secret', async () => {
  const options =
    'healthCheck: { path: /up }, sessionPersistence: { secret: "0123456789abcdef" }, limits: { queueMax: 9 }';
  const { out } = await said(SHOP.replace('images: { ', `images: { balance: random, ${options}, `));
  assert.equal(
    out,
    `~ pools.images  unix:/run/images.sock; round-robin → unix:/run/images.sock; random; healthCheck (path /up); sessionPersistence (secret); limits (queueMax 9)

1 setting changed.
`,
  );
});

test('a rule that is no longer reached is told, one that never was is not', async () => {
  const shadowed = SHOP.replace('pools:\n', '      - { name: late, pool: api }\npools:\n');
  assert.match(
    (await said(shadowed)).out,
    /^! shadowed new.yaml:25:9: routes\[1\].rules\[1\]: No request reaches this rule\./m,
  );
  const before = file('shadowed.yaml', shadowed);
  const { out } = await diff(before, file('again.yaml', shadowed));
  assert.equal(out, 'Nothing changes.\n');
});

test('what a rule that no request reaches does makes no difference', async () => {
  const twice = (pool: string) => SHOP.replace('pools:\n', `      - { name: late, pool: ${pool} }\npools:\n`);
  const { out } = await diff(file('late.yaml', twice('api')), file('later.yaml', twice('images')));
  assert.equal(out, 'Nothing changes.\n');
});

test('recorded requests show how many go elsewhere, and from where to where', async () => {
  const requests = file(
    'access.log',
    `# yesterday
GET http://shop.example.com/images/a.png
10.0.0.9 - - [22/Nov/2026:21:00:00 +0000] "GET /images/b.png HTTP/1.1" 200 123
10.0.0.9 - bob [22/Nov/2026:21:00:00 +0000] "GET /api/x HTTP/1.1" 200 123 "-" "curl/8"
old.example.com:80 10.0.0.9 - - [22/Nov/2026:21:00:00 +0000] "GET / HTTP/1.1" 308 0 "-" "curl/8"
{"method":"POST","uri":"/api/x","host":"shop.example.com","headers":{"Accept":"application/json","Cookie":"beta=true"}}

"-" nothing
`,
  );
  const text = SHOP.replace('pool: images', 'pool: api').replace('weight: 9', 'weight: 0');
  const { out } = await said(text, { requests, host: 'shop.example.com' });
  assert.equal(
    out.slice(out.lastIndexOf('\n\n') + 1),
    `
3 of 5 recorded requests go elsewhere. 1 line could not be read as a request.
          2  pool images → pool api, such as GET http://shop.example.com/images/a.png
          1  pool api 90 %, pool api-next 10 % → pool api-next, such as POST /api/x
`,
  );
});

test('recorded requests that tell no host are said to, with what to do', async () => {
  const requests = file('hostless.log', 'GET /images/a.png\n/images/b.png\nGET http://shop.example.com/images/c.png\n');
  const { out } = await said(SHOP.replace('pool: images', 'pool: api'), { requests });
  assert.match(out, /^1 of 3 recorded requests goes elsewhere\.$/m);
  assert.match(
    out,
    /^2 requests tell no host, and were taken for a host that no route names\. --host NAME says whose they are\.$/m,
  );
  const told = await said(SHOP.replace('pool: images', 'pool: api'), { requests, host: 'shop.example.com' });
  assert.match(told.out, /^3 of 3 recorded requests go elsewhere\.$/m);
  assert.doesNotMatch(told.out, /no host/);
});

test('the exit code tells of changes only when asked to', async () => {
  const text = SHOP.replace('weight: 9', 'weight: 1');
  assert.equal((await said(text)).code, 0);
  assert.equal((await said(text, { exitCode: true })).code, 1);
  assert.equal((await said(SHOP, { exitCode: true })).code, 0);
});

test('JSON carries all changes', async () => {
  const { out } = await said(SHOP.replace('weight: 9', 'weight: 1'), { json: true });
  const { rules, settings, shadowed } = JSON.parse(out);
  assert.deepEqual([rules.length, settings.length, shadowed.length], [1, 0, 0]);
  assert.equal(rules[0].kind, 'changed');
});

test('recorded requests that cannot be read are a problem of the command line', async () => {
  await assert.rejects(said(SHOP, { requests: 'nowhere.log' }), /^ConfigError: nowhere.log: The file does not exist\./);
});

test('a change of what is asked of a client certificate, or of TLS, is a change', async () => {
  const withMatch = (match: string) => SHOP.replace('matches: [{ path: { value: /images } }]', `matches: [${match}]`);
  const matches = [
    '{ clientCertificate: {} }',
    '{ clientCertificate: { subject: { value: CN=a } } }',
    '{ clientCertificate: { subject: { value: CN=b } } }',
    '{ clientCertificate: { subjectAltName: { value: "DNS:a" } } }',
    `{ clientCertificate: { fingerprint: ${'ab'.repeat(32)} } }`,
    '{ serverName: a.example }',
    '{ serverName: b.example }',
    '{ scheme: http }',
    '{ scheme: https }',
    '{ tlsVersion: TLSv1.2 }',
    '{ tlsCipher: TLS_AES_128_GCM_SHA256 }',
  ];
  for (const [index, match] of matches.entries()) {
    const before = file('before.yaml', withMatch(match));
    for (const [other, changed] of matches.entries()) {
      const { out } = await diff(before, file('after.yaml', withMatch(changed)));
      assert.equal(out === 'Nothing changes.\n', index === other, `${match} → ${changed}: ${out}`);
    }
  }
});

test('a listener that begins to ask clients for certificates is a change', async () => {
  const { files } = makeIdentity({ names: ['shop.example.com', '*.shop.example.com', 'old.example.com'] });
  const listening = (more: string) =>
    SHOP.replace(
      '  - address: 0.0.0.0:8080',
      `  - { address: 0.0.0.0:8443, protocol: https, tls: { certificates: [${JSON.stringify(files)}]${more} } }`,
    );
  const ca = authorityFile(authority());
  const before = file('before.yaml', listening(''));
  const { out } = await diff(before, file('after.yaml', listening(`, clientCertificates: { ca: ${ca} }`)));
  assert.match(out, /listener 0\.0\.0\.0:8443 {2}https → https, client certificates required \(.*authorities\.pem\)/);
});

test('every setting of a listener and of a pool is compared', async () => {
  const { files } = makeIdentity({ names: ['shop.example.com', '*.shop.example.com', 'old.example.com'] });
  const other = makeIdentity({ names: ['shop.example.com', '*.shop.example.com', 'old.example.com'] }).files;
  const text = (listener: string, pool: string) =>
    SHOP.replace('  - address: 0.0.0.0:8080\n', `  - { address: ":8080"${listener} }\n`).replace(
      'images: { ',
      `images: { ${pool}`,
    );
  const https = (pair: object, tls = '') => `, protocol: https, tls: { certificates: [${JSON.stringify(pair)}]${tls} }`;
  const cases: [string, string, string][] = [
    ['', ', redirectToHttps: 443', '+ listener :8080 redirectToHttps  443'],
    [', redirectToHttps: 80', ', redirectToHttps: 443', '~ listener :8080 redirectToHttps  80 → 443'],
    ['', ', proxyProtocol: { from: [10.0.0.0/8] }', '+ listener :8080 proxyProtocol.from  10.0.0.0/8'],
    [
      https(files),
      `${https(files)}, strictTransportSecurity: max-age=1`,
      '+ listener :8080 strictTransportSecurity  max-age=1',
    ],
    [https(files), https(files, ', minVersion: TLSv1.3'), '~ listener :8080 tls.minVersion  TLSv1.2 → TLSv1.3'],
    [
      https(files),
      https(files, ', ciphers: ECDHE-ECDSA-AES128-GCM-SHA256'),
      '~ listener :8080 tls.ciphers  the default → ECDHE-ECDSA-AES128-GCM-SHA256',
    ],
    [https(files), https(other), `~ listener :8080 tls.certificates[0].cert  ${files.cert} → ${other.cert}`],
  ];
  const compared = async (before: string, after: string) => {
    const names = [file('settings-old.yaml', before), file('settings-new.yaml', after)] as const;
    assert.equal((await diff(names[0], names[0])).out, 'Nothing changes.\n');
    const { code, out } = await diff(names[0], names[1], { exitCode: true });
    assert.equal(code, 1, out);
    return out.split('\n');
  };
  for (const [before, after, line] of cases) {
    const lines = await compared(text(before, ''), text(after, ''));
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
  }
  const secret = (letter: string) => `sessionPersistence: { secret: "${letter.repeat(16)}" }, `;
  for (const [before, after, line] of [
    ['', 'proxyProtocol: v2, ', '+ pools.images.proxyProtocol  v2'],
    ['', 'tls: { serverName: a.example }, ', '+ pools.images.tls.serverName  a.example'],
    [
      'tls: { serverName: a.example }, healthCheck: {}, ',
      'tls: { serverName: b.example }, healthCheck: {}, ',
      '~ pools.images.tls.serverName  a.example → b.example',
    ],
    [
      'tls: { serverName: a.example }, ',
      'tls: { serverName: a.example, insecureSkipVerify: true }, ',
      '~ pools.images.tls.insecureSkipVerify  false → true',
    ],
    [secret('a'), secret('b'), '~ pools.images.sessionPersistence.secret  a secret → another one'],
    [
      '',
      'outlierDetection: { failures: 0 }, ',
      '~ pools.images  unix:/run/images.sock; round-robin → unix:/run/images.sock; round-robin; no outlierDetection',
    ],
  ] as const) {
    const lines = await compared(text('', before), text('', after));
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
  }
});

test('recorded requests at listeners that require a certificate are taken to have had one', async () => {
  const { files } = makeIdentity({ names: ['shop.example.com', '*.shop.example.com', 'old.example.com'] });
  const tls = `{ certificates: [${JSON.stringify(files)}], clientCertificates: { ca: ${authorityFile(authority())} } }`;
  const text = SHOP.replace('0.0.0.0:8080\n', `0.0.0.0:8443\n    protocol: https\n    tls: ${tls}\n`);
  const requests = file('https.log', 'GET https://shop.example.com/images/a.png\n');
  const before = file('required-old.yaml', text);
  const { out } = await diff(before, file('required-new.yaml', text.replace('pool: images', 'pool: api')), {
    requests,
  });
  assert.match(out, /^ +1 {2}pool images → pool api, such as GET https/m);
});

test('recorded requests that a listener would redirect go elsewhere', async () => {
  const requests = file('plain.log', 'GET http://shop.example.com/images/a.png\n');
  const { out } = await said(SHOP.replace('0.0.0.0:8080', '0.0.0.0:8080\n    redirectToHttps: 443'), { requests });
  assert.match(out, /^ +1 {2}pool images → status 308, such as GET http/m);
});

test('options of a rule that no words tell of are compared one by one', async () => {
  const rule = (options: string): string =>
    `listeners: [{ address: ":80" }]
routes: [{ rules: [{ name: split, backendRefs: [{ pool: a }, { pool: b }], ${options} }] }]
pools: { a: { servers: [] }, b: { servers: [] } }
`;
  const changed = async (before: string, after: string): Promise<string> => {
    const { out } = await diff(file('rule-old.yaml', rule(before)), file('rule-new.yaml', rule(after)));
    return plain(out)
      .split('\n')
      .slice(2, -3)
      .map((line) => line.trim())
      .join('; ');
  };
  assert.equal(
    await changed('sessionPersistence: { lifetime: 7d }', 'sessionPersistence: { lifetime: 8d, sameSite: Strict }'),
    '- sessionPersistence.lifetime 604800000; - sessionPersistence.sameSite Lax; ' +
      '+ sessionPersistence.lifetime 691200000; + sessionPersistence.sameSite Strict',
  );
  assert.equal(
    await changed('sessionPersistence: { secret: hush-1 }', 'sessionPersistence: { secret: hush-2 }'),
    '- sessionPersistence.secret one; + sessionPersistence.secret another one',
  );
  assert.equal(
    await changed(
      `errorPages: [{ statuses: [502], body: "sorry 1" }]`,
      `errorPages: [{ statuses: [502], body: "sorry 2" }]`,
    ),
    "- errorPages[0].body 'sorry 1'; + errorPages[0].body 'sorry 2'",
  );
});

test('another token of the admin API is a change, and neither of the two is shown', async () => {
  const admin = (token: string): string => `${SHOP}\nadmin: { address: "127.0.0.1:9901", token: ${token} }\n`;
  const { out } = await diff(
    file('a.yaml', admin('the-first-token-of-two')),
    file('b.yaml', admin('the-second-token-of-two')),
    {},
  );
  assert.match(plain(out), /^~ admin\.token +a secret \(\w{8}\) → a secret \(\w{8}\)$/m);
  assert.doesNotMatch(out, /the-first|the-second/);
});
