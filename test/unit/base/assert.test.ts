// assert(): silent when the condition holds, an AssertionError with its text when not.

import nodeAssert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError, assert } from '../../../src/base/assert.js';

test('a condition that holds says nothing', () => {
  assert(true, 'never said');
});

test('a condition that does not hold throws an AssertionError with the text', () => {
  nodeAssert.throws(
    () => assert(false, 'a chunk has two holders'),
    (error: unknown) =>
      error instanceof AssertionError && error.name === 'AssertionError' && error.message === 'a chunk has two holders',
  );
});
