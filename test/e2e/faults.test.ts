// Servers fail under a steady load of keep-alive GETs and POSTs: what clients notice, and how soon all is well again.
// The same harness as bench/faults.ts, shorter. docs/reliability.md has the figures of long runs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TRY_TIMEOUT_MS } from '../../bench/lab/faults/contestants.js';
import type { Figures } from '../../bench/lab/faults/figures.js';
import { CLIENTS } from '../../bench/lab/faults/load.js';
import { FAULTS, type FaultName, runFaults } from '../../bench/lab/faults/run.js';
import { freePlace } from '../support/addresses.js';
import { standIn } from '../support/proxy.js';

const SCHEDULE = { warmUpMs: 300, faultMs: 3000, returnMs: 10_000 };
/** Slack for a busy machine, in milliseconds. */
const SLACK_MS = 1500;
/** So often an ejected server is tried again within the time of a fault, and the time before it was ejected at all. */
const TURNS = 4;

/** What each fault may cost; every server comes back besides. */
const PROMISES: Record<FaultName, (figures: Figures) => void> = {
  kill: noFailedGet,
  refuses: noFailedGet,
  closes: (figures) => assert.equal(figures.failedGets, 0, told(figures)),
  freeze: (figures) => {
    noFailedGet(figures);
    assert.ok(
      figures.slowestGetMs < TRY_TIMEOUT_MS + SLACK_MS,
      `a frozen server cost more than one timeout: ${told(figures)}`,
    );
  },
  slow: (figures) => {
    assert.equal(figures.failedGets + figures.failedPosts, 0, told(figures));
    assert.ok(figures.share < 0.15, `a slow server kept its share: ${told(figures)}`);
  },
  errors: noFailedGet,
  // A half-sent answer cannot be saved: what counts is that few more follow. An ejected server is tried again after one
  // second, then after two, and each time no client can lose more than the request it waits for. Left alone the server
  // would spoil a third of all.
  resets: (figures) => {
    const failed = figures.failedGets + figures.failedPosts;
    assert.ok(failed <= TURNS * CLIENTS, `more than ${TURNS} turns of failures: ${told(figures)}`);
    assert.ok(failed < figures.requests / 10, told(figures));
  },
};

function noFailedGet(figures: Figures): void {
  assert.equal(figures.failedGets, 0, told(figures));
  assert.notEqual(figures.leftMs, null, `traffic did not leave: ${told(figures)}`);
}

const told = (figures: Figures): string => JSON.stringify(figures);

test('servers that fail under load', { skip: standIn && 'nginx stands in: bench/faults.ts measures it' }, async (t) => {
  const names = Object.keys(FAULTS) as FaultName[];
  const results = new Map<FaultName, Figures>();
  await runFaults('sevenfold', names, SCHEDULE, freePlace, (fault, figures) => results.set(fault, figures));
  for (const name of names) {
    await t.test(`a server ${FAULTS[name]}: clients notice no more than they must`, () => {
      const figures = results.get(name)!;
      PROMISES[name](figures);
      assert.notEqual(figures.returnedMs, null, `the server did not return: ${told(figures)}`);
    });
  }
});
