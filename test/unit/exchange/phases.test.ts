// The order of filters in each phase, and that a phase has those alone that take part in it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange } from '../../../src/exchange/exchange.js';
import { type Filter, VERDICT } from '../../../src/exchange/filter.js';
import { FieldDrop, HeadEdit } from '../../../src/exchange/head-edit.js';
import { NO_FILTERS, Phases, showPiece } from '../../../src/exchange/phases.js';
import type { ReasonCode } from '../../../src/http/reasons.js';

const x = {} as Exchange;
const none = new FieldDrop([], false);
const PIECE = { at: 0, bytes: 1, trailers: '', end: true };

/** A filter that notes each of its phases; what it says of pieces is `refuses`. */
function noting(name: string, seen: string[], refuses: ReasonCode | null = null): Filter {
  const note = (phase: string): void => void seen.push(`${phase} ${name}`);
  return {
    routed: () => note('routed'),
    requestHead: () => {
      note('requestHead');
      return VERDICT.CONTINUE;
    },
    requestBody: () => {
      note('requestBody');
      return refuses;
    },
    attemptHead: (_x, edit) => edit.change(none, `${name}\r\n`),
    responseHead: (_x, edit) => edit.change(none, `${name}\r\n`),
    responseBody: () => {
      note('responseBody');
      return refuses;
    },
  };
}

test('a request meets the filters from the first to the last, its response from the last to the first', () => {
  const seen: string[] = [];
  const phases = new Phases([noting('a', seen), noting('b', seen)]);
  for (const routed of phases.routed) routed(x);
  for (const requestHead of phases.requestHead) requestHead(x);
  assert.equal(showPiece(phases.requestBody, x, PIECE), null);
  assert.equal(showPiece(phases.responseBody, x, PIECE), null);
  assert.deepEqual(seen, [
    'routed a',
    'routed b',
    'requestHead a',
    'requestHead b',
    'requestBody a',
    'requestBody b',
    'responseBody b',
    'responseBody a',
  ]);
  assert.equal(phases.editAttempt(x, new HeadEdit())?.lines, 'a\r\nb\r\n');
  assert.equal(phases.editResponse(x, new HeadEdit())?.lines, 'b\r\na\r\n');
});

test('a piece that one filter refuses is shown to no other', () => {
  const seen: string[] = [];
  const phases = new Phases([noting('a', seen), noting('b', seen, 'BODY_TOO_LARGE'), noting('c', seen)]);
  assert.equal(showPiece(phases.requestBody, x, PIECE), 'BODY_TOO_LARGE');
  assert.deepEqual(seen, ['requestBody a', 'requestBody b']);
});

test('a filter is in the phases that it takes part in, and keeps its own `this`', () => {
  class Counting implements Filter {
    count = 0;
    routed(): void {
      this.count++;
    }
  }
  const filter = new Counting();
  const phases = new Phases([filter]);
  phases.routed[0]!(x);
  assert.equal(filter.count, 1);
  assert.deepEqual({ ...phases, routed: [] }, { ...NO_FILTERS });
  assert.equal(phases.editAttempt(x, new HeadEdit()), null);
  assert.equal(phases.editResponse(x, new HeadEdit()), null);
});
