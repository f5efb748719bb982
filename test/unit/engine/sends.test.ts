// What the engine is asked for when several sends to one connection are made in one batch.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { addon, type NativeEngine } from '../../../src/engine/addon.js';
import { CHUNK_BYTES, SEND_FLAG, SEND_SPANS_MAX, SUBMIT } from '../../../src/engine/layout.js';
import { type Lab, useLab } from './lab.js';

/** One submission as C reads it. */
type Submission = readonly [name: string, ...operands: number[]];

const NAMES = new Map<number, string>(Object.entries(SUBMIT).map(([name, number]) => [number, name]));

/** Those of three words. */
const LONG = new Set<number>([SUBMIT.readStart, SUBMIT.readMany, SUBMIT.shutdown]);

/** The submissions in the first `words` of `submissions`; all that is submitted here but a send has two or three words. */
function read(submissions: Int32Array, words: number): Submission[] {
  const found: Submission[] = [];
  for (let at = 0; at < words; ) {
    const operation = submissions[at]!;
    const long = LONG.has(operation);
    const size = operation === SUBMIT.send ? 4 + 2 * submissions[at + 3]! : long ? 3 : 2;
    found.push([NAMES.get(operation)!, ...submissions.subarray(at + 1, at + size)]);
    at += size;
  }
  return found;
}

/** A lab whose engine carries nothing out, and what it was asked for. */
function useRecordedLab(t: TestContext): { lab: Lab; asked: Submission[] } {
  const asked: Submission[] = [];
  const loaded = addon();
  const { engineOpen } = loaded;
  const record = ({ submissions }: { submissions: Int32Array }, native: NativeEngine): NativeEngine => ({
    ...native,
    turn: (words) => {
      asked.push(...read(submissions, words));
      return 0;
    },
    submit: (words) => void asked.push(...read(submissions, words)),
  });
  t.mock.method(loaded, 'engineOpen', (options: Parameters<typeof engineOpen>[0], onReady: () => void) =>
    record(options, engineOpen(options, onReady)),
  );
  return { lab: useLab(t), asked };
}

const [CONN, OTHER] = [7, 8];
const AT = 4096;
const NEXT = AT + CHUNK_BYTES;

test('makes one send of those to one connection, and gives back behind it what is released meanwhile', (t) => {
  const { lab, asked } = useRecordedLab(t);
  lab.act((engine) => {
    engine.sendBegin(CONN, SEND_FLAG.more);
    engine.span(AT, 10);
    engine.sendEnd();
    engine.release(AT);
    engine.send(CONN, AT + 10, 5);
    engine.release(AT);
    engine.send(CONN, NEXT, 20);
    engine.release(NEXT);
  });
  assert.deepEqual(asked, [
    ['send', CONN, SEND_FLAG.none, 2, AT, 15, NEXT, 20],
    ['release', NEXT],
    ['release', AT],
    ['release', AT],
  ]);
});

test('keeps the order of sends and of all that is submitted between them', (t) => {
  const { lab, asked } = useRecordedLab(t);
  lab.act((engine) => {
    engine.send(CONN, AT, 10);
    engine.release(AT);
    engine.send(OTHER, AT, 10);
    engine.send(CONN, NEXT, 1);
    engine.readStop(CONN);
    engine.send(CONN, NEXT, 2);
    engine.shutdown(CONN);
  });
  assert.deepEqual(asked, [
    ['send', CONN, 0, 1, AT, 10],
    ['release', AT],
    ['send', OTHER, 0, 1, AT, 10],
    ['send', CONN, 0, 1, NEXT, 1],
    ['readStop', CONN],
    ['send', CONN, 0, 1, NEXT, 2],
    ['shutdown', CONN, 0],
  ]);
});

test('a send without spans changes nothing, also behind another', (t) => {
  const { lab, asked } = useRecordedLab(t);
  lab.act((engine) => {
    engine.sendBegin(CONN, SEND_FLAG.none);
    engine.release(AT);
    engine.sendEnd();
    engine.send(CONN, AT, 10);
    engine.sendBegin(CONN, SEND_FLAG.none);
    engine.sendEnd();
  });
  assert.deepEqual(asked, [
    ['release', AT],
    ['send', CONN, 0, 1, AT, 10],
  ]);
});

test('goes on in a second send when one has all the spans it may list', (t) => {
  const { lab, asked } = useRecordedLab(t);
  lab.act((engine) => {
    for (let i = 0; i <= SEND_SPANS_MAX; i++) engine.send(CONN, AT, 1);
    engine.release(AT);
  });
  assert.deepEqual(
    asked.map(([name, conn, flags, count]) => (name === 'send' ? [name, conn, flags, count] : [name])),
    [['send', CONN, SEND_FLAG.more, SEND_SPANS_MAX], ['send', CONN, SEND_FLAG.none, 1], ['release']],
  );
});
