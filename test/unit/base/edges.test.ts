// Edges: what is drawn may be crossed, everything else throws and says which edge is missing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Edges } from '../../../src/base/edges.js';

const DOOR = { SHUT: 0, OPEN: 1, GONE: 2 } as const;
const edges = new Edges('door', DOOR, { SHUT: ['OPEN', 'GONE'], OPEN: ['SHUT'], GONE: [] });

test('an edge that is drawn may be crossed', () => {
  edges.check(DOOR.SHUT, DOOR.OPEN);
  edges.check(DOOR.OPEN, DOOR.SHUT);
  edges.check(DOOR.SHUT, DOOR.GONE);
});

test('an edge that is not drawn throws, with both states by name', () => {
  assert.throws(() => edges.check(DOOR.GONE, DOOR.OPEN), /^AssertionError: door: no edge leads from GONE to OPEN$/);
  assert.throws(() => edges.check(DOOR.OPEN, DOOR.OPEN), /no edge leads from OPEN to OPEN/);
  assert.throws(() => edges.check(DOOR.OPEN, 7), /no edge leads from OPEN to 7/);
});
