// Whether another attempt follows, whose failure it was, and when the fallback pool takes over: reason by reason.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RESULT } from '../../../src/balance/outlier.js';
import { NO_RETRY, RETRY_ON, STALE } from '../../../src/balance/retry.js';
import { NO_ADDRESS, STAGE } from '../../../src/exchange/exchange.js';
import { blame, causeOf, fallbackFor, retryWaitMs } from '../../../src/exchange/retry.js';
import { methodNumber } from '../../../src/http/methods.js';
import { REASON_ROWS } from '../../../src/http/reasons.js';
import { fakeWorker } from './fake-worker.js';

test('the cause of a failure follows from its reason, and from a pooled connection', () => {
  const { x } = fakeWorker();
  for (const { code, retry } of REASON_ROWS) {
    const sent = code === 'RESPONSE_TIMEOUT' ? RETRY_ON.TIMEOUT : RETRY_ON.RESET;
    const wanted = { never: 0, 'any method': RETRY_ON.CONNECT, 'idempotent methods': sent }[retry];
    x.attempt.reused = false;
    assert.equal(causeOf(x.attempt, code), wanted, code);
    x.attempt.reused = true;
    assert.equal(causeOf(x.attempt, code), code === 'SERVER_LEFT' ? STALE : wanted, `${code}, reused`);
  }
});

test('a pool is asked with what is still in hand, and never once a response has begun', () => {
  const { x, newPool, begin, attempt } = fakeWorker();
  const pool = newPool('main');
  pool.waitMs = 7;
  begin(pool, methodNumber('POST'));
  attempt(pool);
  assert.equal(retryWaitMs(x, 0), NO_RETRY.UNSAFE);
  assert.equal(retryWaitMs(x, RETRY_ON.CONNECT), 7);
  x.bodyBytesTotal = 5;
  assert.equal(retryWaitMs(x, RETRY_ON.RESET), 7);
  x.keptBody.bytes = 5;
  x.method = methodNumber('PUT');
  x.attempt.number = 3;
  assert.equal(retryWaitMs(x, RETRY_ON.TIMEOUT), 7);
  x.headAt = NO_ADDRESS;
  assert.equal(retryWaitMs(x, RETRY_ON.TIMEOUT), 7);
  // Cause, retries made, written to a server, all of it in hand, idempotent.
  assert.deepEqual(pool.decided, [
    [RETRY_ON.CONNECT, 0, false, true, false],
    [RETRY_ON.RESET, 0, true, false, false],
    [RETRY_ON.TIMEOUT, 2, true, true, true],
    [RETRY_ON.TIMEOUT, 2, true, false, true],
  ]);
  x.to(STAGE.RESPONDING);
  assert.equal(retryWaitMs(x, RETRY_ON.CONNECT), NO_RETRY.UNSAFE);
  assert.equal(pool.decided.length, 4);
});

test('a failure counts against the server where it is the server that failed', () => {
  for (const { code, fault } of REASON_ROWS) {
    const counted = (change: (of: ReturnType<typeof fakeWorker>) => void): boolean => {
      const worker = fakeWorker();
      const pool = worker.newPool('main');
      worker.begin(pool);
      worker.attempt(pool);
      change(worker);
      blame(worker.x, code);
      const against = worker.seen.filter((what) => what.includes(' got result '));
      assert.ok(against.every((what) => what === `main: server 0 got result ${RESULT.FAILURE}`));
      return against.length > 0;
    };
    const isTheirs = fault === 'server';
    const isLate = code === 'REQUEST_TIMEOUT' || code === 'RESPONSE_TIMEOUT';
    assert.equal(
      counted(() => {}),
      isTheirs,
      code,
    );
    assert.equal(
      counted(({ x }) => {
        x.attempt.reused = true;
      }),
      isTheirs && code !== 'SERVER_LEFT',
      `${code}, pooled`,
    );
    assert.equal(
      counted(({ client }) => {
        client.blocked = true;
      }),
      false,
      `${code}, its client does not read`,
    );
    assert.equal(
      counted(({ x }) => {
        x.request.done = false;
      }),
      isTheirs && !isLate,
      `${code}, its client still sends`,
    );
    assert.equal(
      counted(({ w, x }) => w.backendStream.close(w, x.attempt)),
      false,
      `${code}, between two attempts`,
    );
  }
});

test('the fallback pool takes what its pool cannot answer, once, and only what is in hand', () => {
  const taken = (
    code: Parameters<typeof fallbackFor>[2],
    change: (of: ReturnType<typeof fakeWorker>) => void = () => {},
  ) => {
    const worker = fakeWorker();
    const [pool, fallback] = [worker.newPool('main'), worker.newPool('fallback')];
    worker.begin(pool, methodNumber('GET'), fallback.pool);
    worker.attempt(pool);
    change(worker);
    return fallbackFor(worker.w, worker.x, code)?.plan.name ?? null;
  };
  for (const { code, status } of REASON_ROWS) {
    const isOfPool = status >= 502 && status <= 504 && code !== 'OVERLOADED' && code !== 'REQUEST_TIMEOUT';
    assert.equal(taken(code), isOfPool ? 'fallback' : null, code);
  }
  assert.equal(
    taken('NO_SERVER', ({ x }) => {
      x.fellBack = true;
    }),
    null,
    'it has been there',
  );
  assert.equal(
    taken('SERVER_LEFT', ({ x }) => x.to(STAGE.RESPONDING)),
    null,
    'a response has begun',
  );
  assert.equal(
    taken('SERVER_LEFT', ({ x }) => {
      x.headAt = NO_ADDRESS;
    }),
    null,
    'its head is gone',
  );
  assert.equal(
    taken('SERVER_LEFT', ({ x }) => {
      x.bodyBytesTotal = 1;
    }),
    null,
    'its body is not kept',
  );
  assert.equal(
    taken('NO_SERVER', ({ x }) => {
      x.rule = null;
    }),
    null,
    'no rule',
  );
  // All weights of the rule are 0: there was no pool.
  assert.equal(
    taken('POOL_UNKNOWN', ({ x }) => {
      x.pool = null;
    }),
    'fallback',
  );
  assert.equal(
    taken('NO_SERVER', ({ x }) => {
      x.pool = null;
    }),
    null,
  );
});

test('a fallback pool that a reload has replaced is the one of its name now, or none', () => {
  const { w, x, named, newPool, begin, attempt } = fakeWorker();
  const [pool, before, now] = [newPool('main'), newPool('fallback'), newPool('fallback')];
  begin(pool, methodNumber('GET'), before.pool);
  attempt(pool);
  before.retired = true;
  assert.equal(fallbackFor(w, x, 'NO_SERVER'), null);
  named.set('fallback', now.pool);
  assert.equal(fallbackFor(w, x, 'NO_SERVER'), now.pool);
});
