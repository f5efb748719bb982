// Runs the targets of HTTP/2 for a while, and proves on broken readers that they find what is broken.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eachSeed, firstSeed } from './duration.js';
import { fuzzBlocks, fuzzFrames, readBlockWell, readFramesWell } from './h2.js';

test('mutated frames of HTTP/2 come to the same however they are cut', async (t) => {
  const ran = await eachSeed((seed) => fuzzFrames(seed));
  t.diagnostic(`${ran} connections from seed ${firstSeed}`);
});

test('mutated blocks of fields come to what a slow decoder makes of them, or are refused', async (t) => {
  const ran = await eachSeed((seed) => fuzzBlocks(seed));
  t.diagnostic(`${ran} connections from seed ${firstSeed}`);
});

test('the target finds a reader of frames that loses a byte between two pieces', () => {
  assert.throws(() => {
    for (let seed = 1; seed <= 500; seed++) {
      fuzzFrames(seed, (parts) => readFramesWell(parts.map((part, i) => (i === 2 ? part.subarray(1) : part))));
    }
  }, assert.AssertionError);
});

test('the target finds a decoder that keeps what it had to evict', () => {
  assert.throws(() => {
    for (let seed = 1; seed <= 3000; seed++) {
      fuzzBlocks(seed, (blocks, block) => {
        blocks.table.bytesMax = 8192;
        blocks.tableBytesMax = 8192;
        return readBlockWell(blocks, block);
      });
    }
  }, assert.AssertionError);
});
