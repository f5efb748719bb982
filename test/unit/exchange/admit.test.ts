// The filters of a rule in their order, those that hold a request up, and requests that may be forwarded no more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AdmitContext, askFilters } from '../../../src/exchange/admit.js';
import type { Exchange } from '../../../src/exchange/exchange.js';
import { type Filter, type LocalReply, VERDICT, type Verdict } from '../../../src/exchange/filter.js';
import { FilterWait } from '../../../src/exchange/filter-wait.js';
import { Phases } from '../../../src/exchange/phases.js';
import { METHOD, methodNumber } from '../../../src/http/methods.js';
import type { ReasonCode } from '../../../src/http/reasons.js';
import { fakeWorker } from './fake-worker.js';

/** A request whose rule has filters that say these, and what became of it. */
function admitting(...verdicts: (Verdict | ((x: Exchange) => Verdict))[]) {
  const { x, newPool, newRule, begin } = fakeWorker();
  begin(newPool('main'));
  const asked: number[] = [];
  const filters = verdicts.map(
    (verdict, i): Filter => ({
      requestHead: (of) => {
        asked.push(i);
        return typeof verdict === 'function' ? verdict(of as Exchange) : verdict;
      },
    }),
  );
  x.rule = newRule(null, new Phases(filters));
  const ended: (ReasonCode | LocalReply)[] = [];
  const w = {
    filterTools: {
      fail: (_x: Exchange, reason: ReasonCode) => ended.push(reason),
      reply: (_x: Exchange, reply: LocalReply) => ended.push(reply),
    },
  } as unknown as AdmitContext;
  return { w, x, asked, ended };
}

const waits = (x: Exchange): Verdict => {
  x.wait = new FilterWait(100, () => {});
  return VERDICT.WAIT;
};

test('filters are asked in their order, until one has answered', () => {
  const { w, x, asked, ended } = admitting(VERDICT.CONTINUE, VERDICT.CONTINUE, VERDICT.ANSWERED, VERDICT.CONTINUE);
  assert.equal(askFilters(w, x, 0), VERDICT.ANSWERED);
  assert.deepEqual(asked, [0, 1, 2]);
  assert.deepEqual(ended, [], 'the filter has answered by itself');
});

test('a request that was held up goes on with the next filter', () => {
  const { w, x, asked } = admitting(VERDICT.CONTINUE, waits, VERDICT.CONTINUE);
  assert.equal(askFilters(w, x, 0), VERDICT.WAIT);
  assert.equal(x.wait!.next, 2);
  assert.equal(askFilters(w, x, x.wait!.next), VERDICT.CONTINUE);
  assert.deepEqual(asked, [0, 1, 2]);
});

test('a filter that says WAIT and waits for nothing trips an assertion', () => {
  const { w, x } = admitting(VERDICT.WAIT);
  assert.throws(() => askFilters(w, x, 0), /has called wait/);
});

test('a request that may be forwarded no more ends here once its filters let it pass', () => {
  const options = admitting(VERDICT.CONTINUE);
  options.x.method = METHOD.OPTIONS;
  options.x.maxForwards = 0;
  assert.equal(askFilters(options.w, options.x, 0), VERDICT.ANSWERED);
  assert.deepEqual(options.asked, [0]);
  const [reply] = options.ended as LocalReply[];
  assert.equal(reply!.status, 200);
  assert.match(reply!.fields, /^Allow: GET, /);
  const trace = admitting();
  trace.x.method = METHOD.TRACE;
  trace.x.maxForwards = 0;
  assert.equal(askFilters(trace.w, trace.x, 0), VERDICT.ANSWERED);
  assert.deepEqual(trace.ended, ['METHOD_REFUSED']);
  const more = admitting();
  more.x.method = methodNumber('OPTIONS');
  more.x.maxForwards = 1;
  assert.equal(askFilters(more.w, more.x, 0), VERDICT.CONTINUE);
});
