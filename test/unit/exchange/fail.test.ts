// How an exchange that cannot go on ends: in an answer, a cut, another attempt, or the fallback pool; and that it ends once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attemptFailed, retryStatus, retryUnseen } from '../../../src/exchange/attempt-events.js';
import { Deadlines } from '../../../src/exchange/deadlines.js';
import { endExchange } from '../../../src/exchange/end.js';
import { KIND, STAGE } from '../../../src/exchange/exchange.js';
import { fail } from '../../../src/exchange/fail.js';
import { FilterWait } from '../../../src/exchange/filter-wait.js';
import { methodNumber } from '../../../src/http/methods.js';
import { fakeWorker, HEAD_AT } from './fake-worker.js';

/** A request whose attempt waits for its response. */
function waiting(method?: number) {
  const worker = fakeWorker();
  const pool = worker.newPool('main');
  worker.begin(pool, method);
  worker.attempt(pool);
  return { ...worker, pool };
}

const ENDED = ['close the attempt', 'server 0 has a request less'];
const failed = (reason: string): string[] => [
  'main: server 0 got result 1',
  ENDED[0]!,
  ENDED[1]!,
  `observer: attempt ended, ${reason}`,
];

test('an exchange that fails before its response is answered, one that has begun it is cut', () => {
  const answered = waiting();
  fail(answered.w, answered.x, 'RESPONSE_MALFORMED');
  assert.deepEqual(answered.seen.slice(1), [...failed('RESPONSE_MALFORMED').slice(1), 'reply 502']);
  const cut = waiting();
  cut.x.to(STAGE.RESPONDING);
  fail(cut.w, cut.x, 'RESPONSE_CUT');
  assert.equal(cut.seen.at(-1), 'cut');
  assert.equal(cut.x.reason, 'RESPONSE_CUT');
  const left = waiting();
  fail(left.w, left.x, 'CLIENT_LEFT');
  assert.deepEqual(left.seen, [...ENDED, 'observer: attempt ended, CLIENT_LEFT', 'cut'], 'not the server to blame');
});

test('a reason after which requests are out of step closes the connection behind the answer', () => {
  const { w, x, seen } = waiting();
  fail(w, x, 'BODY_TIMEOUT');
  assert.equal(seen.at(-1), 'reply 408, closes');
});

test('a connection that is passed on unread gets no answer', () => {
  const { w, x, seen, newPool } = fakeWorker();
  const pool = newPool('main');
  x.begin(KIND.RAW, 1, null, -1);
  x.pool = pool.pool;
  fail(w, x, 'CONNECT_REFUSED');
  assert.deepEqual(seen, ['cut']);
});

test('another attempt follows at once or after a wait, and the server that failed is not asked again', () => {
  for (const waitMs of [0, 300]) {
    const { w, x, seen, pool } = waiting();
    pool.waitMs = waitMs;
    pool.server = 1;
    attemptFailed(w, x, 'SERVER_LEFT');
    assert.deepEqual(seen.slice(1, 4), failed('SERVER_LEFT').slice(1));
    assert.ok(x.attempted.has(0), 'the server that failed counts as attempted');
    assert.equal(x.attempt.number, waitMs === 0 ? 2 : 1);
    assert.equal(x.stage, waitMs === 0 ? STAGE.CONNECTING : STAGE.BACKOFF);
    assert.deepEqual(
      seen.slice(4),
      waitMs === 0
        ? ['connect to 1', 'attempt deadline 50', 'exchange deadline 0']
        : [`exchange deadline ${Deadlines.ticks(300)}`],
    );
  }
});

test('an attempt that met a stale pooled connection does not count, nor against its server', () => {
  const { w, x, seen, pool } = waiting();
  x.attempt.reused = true;
  pool.waitMs = 0;
  attemptFailed(w, x, 'SERVER_LEFT');
  assert.ok(!seen.some((what) => what.includes('got result')), 'no failure of the server');
  assert.equal(x.attempt.number, 1);
  assert.equal(x.newConnectionOnly, true);
  assert.ok(!x.attempted.has(0), 'the same server may be asked again');
  assert.equal(
    x.attempt.server!.staleReuseUntil,
    100 + Deadlines.ticks(10_000),
    'for 10 s it gets no risky request on a pooled connection',
  );
});

test('where no other server is left, the request is answered with the failure of the last', () => {
  const { w, x, seen, pool } = waiting();
  pool.waitMs = 0;
  pool.server = -1;
  attemptFailed(w, x, 'SERVER_LEFT');
  assert.equal(seen.at(-1), 'reply 502');
  assert.equal(x.reason, 'SERVER_LEFT');
});

test('a status is held back only for another server that may be asked', () => {
  const alone = waiting();
  alone.pool.server = -1;
  assert.equal(retryStatus(alone.w, alone.x), false);
  assert.equal(alone.pool.decided.length, 0, 'the budget is not charged for it');
  const refused = waiting();
  refused.pool.server = 1;
  assert.equal(retryStatus(refused.w, refused.x), false);
  assert.ok(refused.x.attempt.isOpen, 'its response goes on');
  const retried = waiting();
  retried.pool.server = 1;
  retried.pool.waitMs = 0;
  assert.equal(retryStatus(retried.w, retried.x), true);
  assert.ok(retried.seen.includes('observer: attempt ended, null'), 'a status is no failure of the attempt');
});

test('a 408 that no attempt has earned is sent again where that is safe', () => {
  const unsafe = waiting(methodNumber('POST'));
  assert.equal(retryUnseen(unsafe.w, unsafe.x), false);
  const safe = waiting();
  safe.pool.waitMs = 0;
  assert.equal(retryUnseen(safe.w, safe.x), true);
  assert.equal(safe.x.newConnectionOnly, true);
});

test('the fallback pool begins anew: attempts, session and key are those of its own', () => {
  const { w, x, seen, newPool, begin, attempt } = fakeWorker();
  const [pool, fallback] = [newPool('main'), newPool('fallback')];
  fallback.server = 1;
  begin(pool, methodNumber('GET'), fallback.pool);
  x.entered = true;
  x.key = 3;
  x.fallbackKey = 4;
  attempt(pool);
  x.attempted.add(0);
  fail(w, x, 'SERVER_LEFT');
  assert.deepEqual(seen.slice(4), [
    'main: leaves',
    'fallback: enters',
    'fallback: a request',
    'connect to 1',
    'attempt deadline 50',
    'exchange deadline 0',
  ]);
  assert.deepEqual([x.attempt.number, x.attempted.has(0), x.key, x.fellBack], [1, false, 4, true]);
  assert.equal(w.counters.fallbacks, 1);
  seen.length = 0;
  fail(w, x, 'CONNECT_REFUSED');
  assert.equal(seen.at(-1), 'reply 502', 'there is no second fallback');
});

test('a fallback pool that is full refuses the request', () => {
  const { w, x, seen, newPool, begin, attempt } = fakeWorker();
  const [pool, fallback] = [newPool('main'), newPool('fallback')];
  fallback.hasRoom = false;
  begin(pool, methodNumber('GET'), fallback.pool);
  attempt(pool);
  fail(w, x, 'SERVER_LEFT');
  assert.deepEqual(seen.slice(-2), ['fallback: is full', 'reply 503']);
  assert.equal(x.reason, 'POOL_FULL');
});

test('an exchange ends once: observers see it whole, and all it holds is given back', () => {
  const { w, x, seen, pool } = waiting();
  x.entered = true;
  x.targetHeld = 2000;
  x.routedHeld = 3000;
  const wait = new FilterWait(1000, () => seen.push('the filter goes on'));
  let gaveUp = 0;
  wait.giveUp = () => gaveUp++;
  x.wait = wait;
  x.reason = 'SHUT_DOWN';
  w.backendStream.close(w, x.attempt);
  seen.length = 0;
  endExchange(w, x);
  endExchange(w, x);
  wait.proceed();
  assert.deepEqual(seen, [
    'release 2000',
    'release 3000',
    `release ${HEAD_AT}`,
    'observer: exchange ended, SHUT_DOWN, main',
    'main: leaves',
  ]);
  assert.equal(gaveUp, 1);
  assert.deepEqual([x.stage, x.pool, x.rule, x.wait], [STAGE.FREE, null, null, null]);
  assert.equal(pool.decided.length, 0);
});
