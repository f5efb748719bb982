// `sevenfold test`: expectations that hold, that do not, and none at all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { test as run } from '../../../src/cli/test.js';
import { file, plain, RAW, SHOP } from './files.js';

const GOOD = `${SHOP}tests:
  - { request: GET http://shop.example.com/images/cat.png, expect: { pool: images, rule: images } }
  - { request: GET http://shop.example.com/api, client: 10.0.0.1, expect: { pool: api } }
  - request: POST http://a.shop.example.com/api
    headers: { Accept: application/json, Cookie: beta=true }
    expect: { pool: api-next, rule: canary }
  - { request: GET http://old.example.com/, expect: { status: 308 } }
  - { request: GET http://nobody.example.com/, expect: { status: 404 } }
  - { request: GET http://shop.example.com/images/%00, expect: { status: 400 } }
`;

test('all expectations hold and the end is 0', async () => {
  const { code, out } = await run({ config: file('good.yaml', GOOD) });
  assert.equal(code, 0, out);
  assert.equal(out.match(/^ok {4}/gm)?.length, 6);
  assert.match(out, /6 expectations\. All hold\.\n$/);
});

test('an expectation that does not hold is shown with its line, what came instead, and why', async () => {
  const text = GOOD.replace('{ pool: images, rule: images }', '{ pool: api, rule: canary }');
  const { code, out } = await run({ config: file('bad.yaml', text) });
  assert.equal(code, 1);
  assert.ok(
    plain(out).startsWith(`FAIL  GET http://shop.example.com/images/cat.png  (bad.yaml:30:5)
      expected pool api, found pool images
      expected rule canary, found images
      goes to images, match 1 (bad.yaml:7:19)
`),
    plain(out),
  );
  assert.match(out, /6 expectations\. 1 of them does not hold\.\n$/);
});

test('expectations state what TLS told and who the client is', async () => {
  const text = `listeners: [{ address: ":8443" }]
routes:
  - rules:
      - { name: known, matches: [{ clientCertificate: { subjectAltName: { value: "DNS:a.example" } } }], pool: api }
      - { name: exact, matches: [{ clientCertificate: { fingerprint: "${'0'.repeat(64)}" } }], pool: api }
      - { name: named, matches: [{ serverName: a.example, tlsCipher: TLS_AES_128_GCM_SHA256 }], pool: api }
      - { name: old, matches: [{ tlsVersion: TLSv1.2 }], pool: api }
pools: { api: { servers: [{ address: 10.0.0.11:3000 }] } }
tests:
  - request: GET https://b.example/
    clientCertificate: { subject: CN=a, subjectAltNames: ["IP:10.0.0.1", "DNS:A.example"] }
    expect: { rule: known }
  - { request: GET https://b.example/, clientCertificate: { fingerprint: "${'00:'.repeat(31)}00" }, expect: { rule: exact } }
  - { request: GET https://a.example/, expect: { rule: named } }
  - { request: GET https://a.example/, tlsCipher: TLS_AES_256_GCM_SHA384, expect: { status: 404 } }
  - { request: GET https://b.example/, serverName: a.example, expect: { rule: named } }
  - { request: GET https://b.example/, tlsVersion: TLSv1.2, expect: { rule: old } }
  - { request: GET http://a.example/, expect: { status: 404 } }
`;
  const { code, out } = await run({ config: file('tls.yaml', text) });
  assert.equal(code, 0, out);
  assert.match(out, /7 expectations\. All hold\.\n$/);
});

test('a status that does not come is shown with where the request goes', async () => {
  const text = GOOD.replace('status: 404', 'status: 503').replace('status: 308', 'pool: api');
  const { out } = await run({ config: file('status.yaml', text) });
  assert.match(out, /expected status 503, found status 404/);
  assert.match(out, /expected pool api, found status 308/);
});

test('no expectations end with 2, so that a forgotten section does not pass', async () => {
  const { code, err } = await run({ config: file('none.yaml', SHOP) });
  assert.equal(code, 2);
  assert.match(plain(err), /^none.yaml has no tests\./);
});

test('JSON lists every expectation', async () => {
  const results = JSON.parse((await run({ config: file('good.yaml', GOOD), json: true })).out);
  assert.equal(results.length, 6);
  assert.deepEqual(results[0].pools, [{ pool: 'images', share: 1 }]);
  assert.ok(results.every(({ passed }: { passed: boolean }) => passed));
});

test('a redirect of a listener can be expected, and is told when something else was', async () => {
  const text = GOOD.replace('address: 0.0.0.0:8080', 'address: 0.0.0.0:8080\n    redirectToHttps: 443').replace(
    /tests:\n[\s\S]*/,
    `tests:
  - { request: GET http://shop.example.com/images/cat.png, expect: { status: 308 } }
  - { request: GET https://shop.example.com/images/cat.png, expect: { pool: images } }
  - { request: GET http://shop.example.com/images/dog.png, expect: { pool: images } }
`,
  );
  const { code, out } = await run({ config: file('redirecting.yaml', text) });
  assert.equal(code, 1);
  assert.equal(out.match(/^ok {4}/gm)?.length, 2, out);
  assert.match(
    out,
    /FAIL {2}GET http:\/\/shop\.example\.com\/images\/dog\.png .*\n {6}expected pool images, found status 308\n {6}Listener 0\.0\.0\.0:8080 redirects to https: the answer is 308\.\n {8}Location: https:\/\/shop\.example\.com\/images\/dog\.png\n/,
  );
});

test('where raw connections go can be expected, for all listeners or the one at a port', async () => {
  const expecting = (...tests: string[]) =>
    `${RAW}tests:\n${tests.map((request) => `  - { request: "${request.replace(' ', '", expect: { pool: ')} } }\n`).join('')}`;
  const good = expecting('tls://shop.example.com shop', 'tls://x.example.com:8443 api', 'tls://:8443 others');
  const { code, out } = await run({ config: file('raw-good.yaml', good) });
  assert.equal(code, 0, out);
  const bad = await run({
    config: file(
      'raw-bad.yaml',
      expecting('tls://a.eu.example.com shop', 'tls://a.example:8443 shop', 'tls://a:1 shop'),
    ),
  });
  assert.equal(bad.code, 1);
  assert.deepEqual(
    plain(bad.out)
      .split('\n')
      .filter((line) => line.startsWith('      ')),
    [
      '      expected pool shop, found a refusal at listener :8444',
      '      :8444 (tls-passthrough) refuses it: no name fits, and there is no pool for the rest.',
      '      expected pool shop, found others at listener :8443',
      '      :8443 (tls-passthrough) goes to others: no name fits (raw-bad.yaml:7:11).',
      '      expected pool shop, found no listener that leads such connections by name',
    ],
  );
  const [first] = JSON.parse((await run({ config: file('raw-good.yaml', good), json: true })).out);
  assert.deepEqual([first.passed, first.listeners.length], [true, 2]);
});
