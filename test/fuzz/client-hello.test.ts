// Runs the fuzz target of the ClientHello's parser for a while, and proves that it would find a parser that loses bytes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzClientHello, readWell } from './client-hello.js';
import { eachSeed, firstSeed } from './duration.js';

test('mutated ClientHellos come to the same in whatever pieces', async (t) => {
  const ran = await eachSeed((seed) => fuzzClientHello(seed));
  t.diagnostic(`${ran} messages from seed ${firstSeed}`);
});

test('the target finds a parser that loses a byte between two pieces', () => {
  assert.throws(() => {
    for (let seed = 1; seed <= 1000; seed++) {
      fuzzClientHello(seed, (parts) => readWell(parts.map((part, i) => (i > 0 ? part.subarray(1) : part))));
    }
  }, assert.AssertionError);
});
