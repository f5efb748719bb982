// Each bound of `limits.http2` that is counted: what is just within passes, the next is the row, and time forgives.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ABUSE, ABUSE_ROWS, AbuseCounters } from '../../../../src/codec/h2/abuse.js';
import { HTTP2_LIMITS } from '../../../../src/http/h2-limits.js';

const limits = {
  ...HTTP2_LIMITS,
  resetsPerSecondMax: 8,
  earlyResetsPerSecondMax: 5,
  ownResetsMax: 7,
  pingsPerSecondMax: 6,
  settingsPerSecondMax: 4,
  emptyFramesMax: 3,
  tinyFramesPerSecondMax: 20,
  windowUpdatesPerDataMax: 10,
  prioritiesPerStreamMax: 9,
  waitingFramesMax: 30,
  odditiesPerSecondMax: 16,
};
const SECOND = 10;

type Count = (counters: AbuseCounters, now: number) => number;
const rows: readonly (readonly [what: string, row: number, most: number, forgiven: boolean, count: Count])[] = [
  ['resets of streams that are answered', ABUSE.RESETS, 8, true, (c, now) => c.reset(now, false)],
  ['resets before an answer', ABUSE.EARLY_RESETS, 5, true, (c, now) => c.reset(now, true)],
  ['resets of ours', ABUSE.OWN_RESETS, 7, false, (c) => c.ownReset()],
  ['PING', ABUSE.PINGS, 6, true, (c, now) => c.ping(now)],
  ['SETTINGS', ABUSE.SETTINGS, 4, true, (c, now) => c.settings(now)],
  ['empty DATA', ABUSE.EMPTY_FRAMES, 3, false, (c, now) => c.data(now, 0, false)],
  ['tiny DATA', ABUSE.TINY_FRAMES, 20, true, (c, now) => c.data(now, 255, false)],
  ['WINDOW_UPDATE', ABUSE.WINDOW_UPDATES, 100, false, (c) => c.windowUpdate()],
  ['PRIORITY', ABUSE.PRIORITIES, 9, false, (c) => c.priority()],
  ['oddities', ABUSE.ODDITIES, 16, true, (c, now) => c.odd(now)],
];

for (const [what, row, most, forgiven, count] of rows) {
  test(`${what}: ${most} pass, one more does not${forgiven ? ', and the next second begins anew' : ''}`, () => {
    const counters = new AbuseCounters(limits);
    const now = 1234;
    count(counters, now - SECOND);
    const fresh = forgiven ? most : most - 1;
    for (let i = 0; i < fresh; i++) assert.equal(count(counters, now + (i % SECOND) / 2), ABUSE.NONE, `${i}`);
    assert.equal(count(counters, now), row);
    assert.equal(count(counters, now + SECOND), forgiven ? ABUSE.NONE : row);
    assert.ok(ABUSE_ROWS[row]!.limit in limits);
  });
}

test('frames that wait', () => {
  const counters = new AbuseCounters(limits);
  assert.equal(counters.waiting(30), ABUSE.NONE);
  assert.equal(counters.waiting(31), ABUSE.WAITING_FRAMES);
});

test('the last frame of a stream is free, and one with bytes ends a row of empty ones', () => {
  const counters = new AbuseCounters(limits);
  for (let i = 0; i < 1000; i++) {
    assert.equal(counters.data(0, 0, true), ABUSE.NONE);
    assert.equal(counters.data(0, 256, false), ABUSE.NONE);
  }
  for (let i = 0; i < 6; i++) {
    for (let empty = 0; empty < 2; empty++) assert.equal(counters.data(0, 0, false), ABUSE.NONE);
    assert.equal(counters.data(0, 1, false), ABUSE.NONE);
  }
});

test('DATA that we send, and streams, allow more WINDOW_UPDATE frames', () => {
  const counters = new AbuseCounters(limits);
  counters.streamBegan();
  counters.dataSent();
  for (let i = 0; i < 100 + 2 * (1 + 10); i++) assert.equal(counters.windowUpdate(), ABUSE.NONE);
  assert.equal(counters.windowUpdate(), ABUSE.WINDOW_UPDATES);
});

test('streams allow more PRIORITY frames', () => {
  const counters = new AbuseCounters(limits);
  counters.streamBegan();
  for (let i = 0; i < 18; i++) assert.equal(counters.priority(), ABUSE.NONE);
  assert.equal(counters.priority(), ABUSE.PRIORITIES);
});

test('what is odd is halved with each second, and near the bound the connection had better end', () => {
  const counters = new AbuseCounters(limits);
  for (let i = 0; i < 12; i++) counters.odd(0);
  assert.equal(counters.isOdd, false);
  counters.odd(0);
  assert.equal(counters.isOdd, true);
  counters.odd(SECOND);
  assert.equal(counters.isOdd, false, '13 halved, and one');
  for (let i = 0; i < 9; i++) assert.equal(counters.odd(SECOND), ABUSE.NONE);
  assert.equal(counters.odd(SECOND), ABUSE.ODDITIES);
  assert.equal(counters.odd(40 * SECOND), ABUSE.NONE, 'all is forgotten');
});

test('a second of rest is not needed: what comes at a steady pace below the bound passes for ever', () => {
  const counters = new AbuseCounters(limits);
  for (let tick = 0; tick < 5000; tick += 2) {
    assert.equal(counters.reset(tick, true), ABUSE.NONE);
    assert.equal(counters.ping(tick), ABUSE.NONE);
  }
});
