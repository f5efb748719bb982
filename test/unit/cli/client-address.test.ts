// `explain` and `test` behind a trusted proxy: which client the rules see, and why.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain } from '../../../src/cli/explain.js';
import { test as run } from '../../../src/cli/test.js';
import { file, plain } from './files.js';

const TEXT = `listeners:
  - { address: ":8080", clientAddressHeader: X-Forwarded-For }
  - { address: ":8081" }
trustedProxies: [10.0.0.0/8]
routes:
  - rules:
      - { name: office, matches: [{ clientAddress: 203.0.113.0/24 }], pool: api }
      - { name: inner, matches: [{ clientAddress: 10.0.0.0/8 }], pool: api }
      - { name: rest, pool: api }
pools: { api: { servers: [{ address: 10.0.0.11:3000 }] } }
`;
const config = file('proxied.yaml', TEXT);
const FIELD = 'X-Forwarded-For: 198.51.100.1, 203.0.113.9';

async function said(client: string, header: string[] = [FIELD], url = 'http://a.example:8080/') {
  const { out } = await explain(`GET ${url}`, { config, client, header });
  const [request, winner] = plain(out).split('\n\n');
  return [request!.split('\n')[1], winner!.split('\n')[0]!.replace(/,.*/, '')];
}

test('explain takes the client from the field of a trusted proxy, and says so', async () => {
  assert.deepEqual(await said('10.0.0.1'), [
    'client address 203.0.113.9: X-Forwarded-For of the trusted proxy 10.0.0.1',
    'goes to office',
  ]);
  assert.deepEqual(await said('10.0.0.1', ['X-Forwarded-For: unknown']), [
    'client address unknown: X-Forwarded-For of the trusted proxy 10.0.0.1 names no address',
    'goes to rest',
  ]);
  assert.deepEqual(await said('10.0.0.1', []), [
    'client address 10.0.0.1: a trusted proxy that sends no X-Forwarded-For',
    'goes to inner',
  ]);
  assert.deepEqual(await said('192.0.2.1'), [
    'client address 192.0.2.1: X-Forwarded-For is not trusted: 192.0.2.1 is not in trustedProxies',
    'goes to rest',
  ]);
  assert.deepEqual(await said('192.0.2.1', []), [undefined, 'goes to rest']);
  assert.deepEqual(await said('10.0.0.1', [FIELD], 'http://a.example:8081/'), [undefined, 'goes to inner']);
});

test('explain --json has the client beside the rule', async () => {
  const { out } = await explain('GET http://a.example:8080/', {
    config,
    client: '10.0.0.1',
    header: [FIELD],
    json: true,
  });
  assert.deepEqual(JSON.parse(out).client, {
    address: '203.0.113.9',
    says: 'X-Forwarded-For of the trusted proxy 10.0.0.1',
  });
});

test('expectations state the proxy and what it says', async () => {
  const tests = `tests:
  - request: GET http://a.example:8080/
    client: 10.0.0.1
    headers: { X-Forwarded-For: "198.51.100.1, 203.0.113.9" }
    expect: { rule: office }
  - { request: "GET http://a.example:8080/", client: 203.0.113.9, expect: { rule: office } }
  - request: GET http://a.example:8080/
    headers: { X-Forwarded-For: 203.0.113.9 }
    expect: { rule: office }
`;
  const { code, out } = await run({ config: file('tested.yaml', TEXT + tests) });
  assert.equal(code, 1);
  assert.equal(out.match(/^ok {4}/gm)?.length, 2);
  assert.match(out, /^ {6}client address 127\.0\.0\.1: X-Forwarded-For is not trusted/m);
});
