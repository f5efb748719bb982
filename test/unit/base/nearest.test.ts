// Which name a user probably meant.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../../src/base/nearest.js';

const KNOWN = ['healthCheck', 'servers', 'balance', 'retriesMax', 'matches', 'least-requests', 'api'];

test('a slip, two swapped letters and another style of writing find the name', () => {
  const cases: [string, string][] = [
    ['server', 'servers'],
    ['serevrs', 'servers'],
    ['health_check', 'healthCheck'],
    ['HEALTHCHECK', 'healthCheck'],
    ['leastRequests', 'least-requests'],
    ['maxRetries', 'retriesMax'],
    ['match', 'matches'],
    ['apy', 'api'],
    ['srvs', 'servers'],
    ['hlthchk', 'healthCheck'],
  ];
  for (const [word, meant] of cases) assert.equal(nearest(word, KNOWN), meant, word);
});

test('a word that is close to nothing finds nothing', () => {
  for (const word of ['', 'wibble', 'ss', 'rv', 'xy', 'apocalypse', 'be'])
    assert.equal(nearest(word, KNOWN), undefined, word);
  // Another number is no slip.
  assert.equal(nearest('v3', ['v1', 'v2']), undefined);
  // A few letters in order are found in any name that is long enough.
  assert.equal(nearest('clientIp', ['clientCertificateFingerprint']), undefined);
});
