// begin(): nothing of one request is left for the next on the same object, whatever fields an exchange has.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Attempted } from '../../../src/balance/view.js';
import type { ClientInfo } from '../../../src/exchange/client-info.js';
import { Exchange, KIND, NO_ADDRESS } from '../../../src/exchange/exchange.js';

/** Those of the object, not of a request; `stated` is room whose contents `statedBytes` tells. */
const LASTING = ['bytes', 'client', 'id', 'stated', 'stage', 'attempt.exchange', 'attempt.id', 'attempt.state'];

/** What `endExchange()` gives back, so that nothing is left to reset: `checkInvariants()` says so when it is not. */
const GIVEN_BACK = [
  'copies',
  'entered',
  'keeping',
  'keptBody.bytes',
  'keptBody.chunks',
  'keptBody.trailers',
  'pool',
  'queued',
  'routedHeld',
  'rule',
  'targetHeld',
  'times.0',
  'wait',
];

/** The objects that are part of an exchange, whose fields are its own. */
const PARTS = ['attempt', 'attempt.times', 'attempted', 'keptBody', 'request', 'response', 'times'];

interface Field {
  readonly name: string;
  readonly of: Record<string, unknown>;
  readonly key: string;
}

/** Every field that begin() has to reset. */
function fieldsOf(part: object, prefix = ''): Field[] {
  const of = part as Record<string, unknown>;
  return Object.keys(of).flatMap((key) => {
    const name = prefix + key;
    if (LASTING.includes(name) || GIVEN_BACK.includes(name)) return [];
    return PARTS.includes(name) ? fieldsOf(of[key] as object, `${name}.`) : [{ name, of, key }];
  });
}

/** Another value than the field has. */
function otherThan(value: unknown): unknown {
  if (typeof value === 'number') return value + 77;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return `${value}left over`;
  if (value instanceof Uint8Array) return new Uint8Array(4);
  assert.equal(value, null, 'a kind of field that this test has no other value for');
  return { left: 'over' };
}

function newExchange(): Exchange<ClientInfo> {
  return new Exchange<ClientInfo>(new Uint8Array(0), {} as ClientInfo, new Attempted());
}

test('an exchange begins as a new one does, whatever the one before it left', () => {
  const fresh = newExchange();
  const used = newExchange();
  for (const { of, key } of fieldsOf(used)) of[key] = otherThan(of[key]);
  for (const x of [fresh, used]) x.begin(KIND.REQUEST, 1, null, NO_ADDRESS);
  const expected = fieldsOf(fresh);
  const left = fieldsOf(used).filter(({ of, key }, i) => !Object.is(of[key], expected[i]!.of[expected[i]!.key]));
  assert.ok(expected.length > 50, 'the fields were found');
  assert.deepEqual(
    left.map(({ name }) => name),
    [],
    'begin() does not reset these',
  );
});
