// CORS for every origin with credentials, and lists of origins: what the wire cases (test/e2e/cors.test.ts) leave out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OriginList } from '../../../src/filters/cors/origins.js';
import type { Plan } from '../../../src/filters/cors/plan.js';
import { CorsPolicy } from '../../../src/filters/cors/policy.js';

const policy = (changes: Partial<Plan>): CorsPolicy =>
  new CorsPolicy({
    type: 'CORS',
    allowOrigins: ['*'],
    allowCredentials: true,
    allowMethods: [],
    allowHeaders: [],
    exposeHeaders: [],
    maxAgeSeconds: 5,
    ...changes,
  });

test('with credentials for all the origin that asked is named, and null never is', () => {
  const lines = policy({}).lines('https://x.example', undefined);
  assert.equal(
    lines,
    'Vary: Origin\r\nAccess-Control-Allow-Origin: https://x.example\r\nAccess-Control-Allow-Credentials: true\r\n',
  );
  assert.equal(policy({}).lines('null', undefined), 'Vary: Origin\r\n');
  assert.equal(policy({ allowCredentials: false }).lines('null', undefined), 'Access-Control-Allow-Origin: *\r\n');
});

test('every host of a scheme, and ports, are told apart', () => {
  const list = new OriginList(['https://*', 'http://*.shop.example:8080', 'https://[::1]:3000']);
  for (const origin of ['https://a', 'HTTPS://A.example:443', 'http://a.b.shop.example:8080', 'https://[::1]:3000'])
    assert.ok(list.has(origin), origin);
  for (const origin of [
    'http://a',
    'https://a:444',
    'http://shop.example:8080',
    'http://a.shop.example',
    'null',
    'https://a/b',
    'https://u@a',
  ])
    assert.ok(!list.has(origin), origin);
});
