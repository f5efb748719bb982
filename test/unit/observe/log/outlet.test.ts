// Where lines go out: nothing is waited for, whole lines alone are dropped, and each of them is counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outlet, type Target } from '../../../../src/observe/log/outlet.js';

const failure = (code: string): Error => Object.assign(new Error(code), { code });

/** Takes what it is allowed to, and fails as it is told. */
class FakeTarget implements Target {
  text = '';
  /** Bytes it still takes before it has to wait, or fails with `code`. */
  room = Number.MAX_SAFE_INTEGER;
  code = 'EAGAIN';

  write(bytes: Uint8Array, from: number, to: number): number {
    const taken = Math.min(this.room, to - from);
    if (taken === 0) throw failure(this.code);
    this.text += Buffer.from(bytes.subarray(from, from + taken)).toString('latin1');
    this.room -= taken;
    return taken;
  }

  reopen(): void {}
  close(): void {}
}

function open() {
  const target = new FakeTarget();
  const says: string[] = [];
  let counted = 0;
  const outlet = new Outlet(target, {
    name: 'fake',
    dropped: (lines) => {
      counted += lines;
    },
    failed: (why) => says.push(why),
    recovered: (dropped) => says.push(`again, ${dropped} dropped`),
  });
  const take = (...lines: string[]): void => {
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    outlet.take(bytes, bytes.length, lines.length);
  };
  return { target, outlet, take, says, counted: () => counted };
}

test('what a slow destination did not take goes out later, in order', () => {
  const { target, outlet, take } = open();
  target.room = 4;
  take('one', 'two');
  take('three');
  assert.equal(target.text, 'one\n');
  assert.ok(outlet.isWaiting);
  target.room = 2;
  assert.equal(outlet.flush(), false);
  target.room = Number.MAX_SAFE_INTEGER;
  assert.ok(outlet.flush());
  assert.equal(target.text, 'one\ntwo\nthree\n');
  assert.deepEqual([outlet.written, outlet.dropped], [3, 0]);
});

test('a failure drops whole lines: one that was begun is ended once there is room', () => {
  const { target, outlet, take, says } = open();
  target.room = 6;
  target.code = 'ENOSPC';
  take('one', 'two', 'three');
  assert.equal(target.text, 'one\ntw');
  assert.deepEqual([outlet.written, outlet.dropped], [2, 1]);
  take('four');
  assert.deepEqual(says, ['ENOSPC']);
  target.room = Number.MAX_SAFE_INTEGER;
  take('five');
  assert.equal(target.text.split('\n').at(1), 'two', 'the line is whole');
  assert.deepEqual(target.text.split('\n').filter(Boolean).length, outlet.written);
  assert.equal(outlet.written + outlet.dropped, 5);
  assert.match(says[1]!, /^again, \d dropped$/);
});

test('a failure between two lines leaves nothing behind', () => {
  const { target, outlet, take } = open();
  target.room = 4;
  target.code = 'EIO';
  take('one', 'two');
  assert.equal(outlet.isWaiting, false);
  target.room = Number.MAX_SAFE_INTEGER;
  take('three');
  assert.equal(target.text, 'one\nthree\n');
  assert.deepEqual([outlet.written, outlet.dropped], [2, 1]);
});

test('what waits is bounded, and lines beyond are counted', () => {
  const { target, outlet, take, counted } = open();
  target.room = 0;
  const line = 'x'.repeat(1024 * 1024 - 1);
  for (let i = 0; i < 12; i++) take(line);
  assert.deepEqual([outlet.written, outlet.dropped, counted()], [8, 4, 4]);
});
