// Matching allocates nothing: the heap does not grow over many matches.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { compile } from '../../../src/routing/compile.js';
import { Matcher } from '../../../src/routing/matcher.js';
import { matchRequest } from '../../support/match-request.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Few enough that what they might allocate stays below one collection, many enough to stand out. */
const MATCHES = 20_000;

test('a match that looks at every part of a request takes no memory', () => {
  const rules = Array.from({ length: 100 }, (_, i) => ({
    matches: [
      {
        path: { value: '/api/v1' },
        method: 'GET',
        headers: [
          { name: 'X-Tenant', value: `t${i}` },
          { name: 'Accept', type: 'Contains' as const, value: 'json' },
        ],
        cookies: [{ name: 'beta', type: 'Prefix' as const, value: 'tr' }],
        queryParams: [{ name: 'a b', type: 'Suffix' as const, value: '/2' }],
        clientAddress: ['192.168.0.0/16', '10.0.0.0/8'],
        serverName: '*.example.com',
      },
    ],
    pool: 'p',
  }));
  const { table } = compile({ routes: [{ hostnames: ['*.example.com'], rules }], pools: { p: {} } });
  const matcher = new Matcher(table);
  const view = matchRequest({
    url: 'http://shop.eu.example.com/api/v1/items?x=1&a+b=1%2F2',
    headers: [
      ['Accept', 'text/html'],
      ['Accept', 'application/json'],
      ['Cookie', 'a=1; beta=true'],
      ['X-Tenant', 't77'],
    ],
    clientAddress: '10.1.2.3',
    serverName: 'shop.example.com',
  });
  const round = () => {
    for (let i = 0; i < MATCHES; i++) if (matcher.match(view) !== 77) assert.fail('another rule won');
  };
  for (let i = 0; i < 10; i++) round();
  // The runtime does work of its own now and then, so the quietest of many rounds counts.
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 30; i++) {
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    round();
    least = Math.min(least, process.memoryUsage().heapUsed - before);
  }
  // The smallest object there is takes 12 bytes.
  assert.ok(least / MATCHES < 1, `${least / MATCHES} bytes per match`);
});
