// Deadlines by slot, swept in ticks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TICK_MS } from '../../../src/base/tick.js';
import { Deadlines } from '../../../src/exchange/deadlines.js';

function expiredAt(deadlines: Deadlines, now: number): number[] {
  const slots: number[] = [];
  deadlines.sweep(now, (slot) => slots.push(slot));
  return slots;
}

test('a time is rounded up, so that no deadline comes early; 0 is none', () => {
  assert.equal(Deadlines.ticks(0), 0);
  for (const ms of [1, TICK_MS - 1, TICK_MS, TICK_MS + 1, 60_000]) {
    const ticks = Deadlines.ticks(ms);
    // Set anywhere inside a tick, the first sweep at or behind it is at least `ms` later.
    assert.ok((ticks - 1) * TICK_MS >= ms, `${ms} ms is early`);
    assert.ok((ticks - 1) * TICK_MS < ms + TICK_MS, `${ms} ms is more than a tick late`);
  }
});

test('a deadline is met once, at its tick', () => {
  const deadlines = new Deadlines(4);
  deadlines.set(2, 3);
  assert.deepEqual(expiredAt(deadlines, 3), []);
  assert.deepEqual(expiredAt(deadlines, 4), [2]);
  assert.deepEqual(expiredAt(deadlines, 5), []);
});

test('a sweep that comes late meets everything that passed', () => {
  const deadlines = new Deadlines(4);
  deadlines.set(0, 1);
  deadlines.set(3, 5);
  assert.deepEqual(expiredAt(deadlines, 100), [0, 3]);
});

test('setting again moves it, 0 and clear take it away', () => {
  const deadlines = new Deadlines(4);
  deadlines.set(0, 1);
  deadlines.set(0, 10);
  deadlines.set(1, 1);
  deadlines.set(1, 0);
  deadlines.set(2, 1);
  deadlines.clear(2);
  assert.deepEqual(expiredAt(deadlines, 5), []);
  assert.deepEqual(expiredAt(deadlines, 11), [0]);
});

test('what expires may set deadlines, its own and others, counted from now', () => {
  const deadlines = new Deadlines(3);
  deadlines.set(1, 1);
  const slots: number[] = [];
  deadlines.sweep(50, (slot) => {
    slots.push(slot);
    for (let other = 0; other < 3; other++) deadlines.set(other, 2);
  });
  assert.deepEqual(slots, [1]);
  assert.deepEqual(expiredAt(deadlines, 51), []);
  assert.deepEqual(expiredAt(deadlines, 52), [0, 1, 2]);
});

test('agrees with a list of deadlines, for any order of setting, clearing and sweeping', () => {
  const step = fc.record({ slot: fc.nat(7), ticks: fc.nat(9), sweepBy: fc.nat(4) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const deadlines = new Deadlines(8);
      const model = new Map<number, number>();
      let now = 1;
      for (const { slot, ticks, sweepBy } of steps) {
        deadlines.set(slot, ticks);
        if (ticks === 0) model.delete(slot);
        else model.set(slot, now + ticks);
        now += sweepBy;
        const due = [...model].filter(([, at]) => at <= now).map(([slotDue]) => slotDue);
        for (const slotDue of due) model.delete(slotDue);
        assert.deepEqual(
          expiredAt(deadlines, now),
          due.sort((a, b) => a - b),
        );
      }
    }),
  );
});
