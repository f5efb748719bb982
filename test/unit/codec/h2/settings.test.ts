// SETTINGS of the peer: what they change, and what no side may say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { H2_ERROR } from '../../../../src/codec/h2/frames.js';
import { Area } from '../../../../src/codec/h2/hpack/copy.js';
import { PeerSettings, SETTING, TABLE_BYTES_USUAL, WINDOW_USUAL } from '../../../../src/codec/h2/settings.js';

function apply(settings: PeerSettings, ...pairs: readonly (readonly [id: number, value: number])[]): number {
  const bytes = Buffer.alloc(pairs.length * 6 + 4);
  for (const [i, [id, value]] of pairs.entries()) {
    bytes.writeUInt16BE(id, 4 + i * 6);
    bytes.writeUInt32BE(value, 6 + i * 6);
  }
  return settings.apply(new Area(bytes), 4, pairs.length * 6);
}

test('takes in what the peer says, and by how much windows shift', () => {
  const settings = new PeerSettings(false);
  assert.equal(settings.windowBytes, WINDOW_USUAL);
  assert.equal(settings.tableBytesMax, TABLE_BYTES_USUAL);
  assert.equal(apply(settings, [SETTING.INITIAL_WINDOW_SIZE, 100], [SETTING.INITIAL_WINDOW_SIZE, 50]), 0);
  assert.equal(settings.windowChange, 50 - 65_535);
  assert.equal(apply(settings, [SETTING.MAX_CONCURRENT_STREAMS, 0xffffffff], [SETTING.MAX_FRAME_SIZE, 0xffffff]), 0);
  assert.equal(settings.windowChange, 0);
  assert.equal(settings.streamsMax, 0x7fffffff);
  assert.equal(settings.frameBytesMax, 0xffffff);
  assert.equal(
    apply(settings, [SETTING.HEADER_TABLE_SIZE, 0], [SETTING.MAX_HEADER_LIST_SIZE, 8000], [0x99, 1], [9, 1]),
    0,
  );
  assert.equal(settings.tableBytesMax, 0);
  assert.equal(apply(settings, [SETTING.HEADER_TABLE_SIZE, 4096]), 0);
  assert.equal(settings.tableBytesLeast, 0, 'what it was before counts');
  assert.equal(apply(settings, [SETTING.HEADER_TABLE_SIZE, 10], [SETTING.HEADER_TABLE_SIZE, 4096]), 0);
  assert.deepEqual([settings.tableBytesLeast, settings.tableBytesMax], [10, 4096]);
  assert.equal(settings.listBytesMax, 8000);
  assert.equal(apply(settings, [SETTING.ENABLE_CONNECT_PROTOCOL, 1], [SETTING.ENABLE_PUSH, 1]), 0);
  assert.ok(settings.extendedConnect);
});

const wrong: readonly (readonly [what: string, id: number, value: number, error: number])[] = [
  ['a push of 2', SETTING.ENABLE_PUSH, 2, H2_ERROR.PROTOCOL_ERROR],
  ['a window above the most', SETTING.INITIAL_WINDOW_SIZE, 0x80000000, H2_ERROR.FLOW_CONTROL_ERROR],
  ['a frame too small', SETTING.MAX_FRAME_SIZE, 16_383, H2_ERROR.PROTOCOL_ERROR],
  ['a frame too large', SETTING.MAX_FRAME_SIZE, 0x1000000, H2_ERROR.PROTOCOL_ERROR],
  ['extended CONNECT of 2', SETTING.ENABLE_CONNECT_PROTOCOL, 2, H2_ERROR.PROTOCOL_ERROR],
  ['no priorities of 2', SETTING.NO_RFC7540_PRIORITIES, 2, H2_ERROR.PROTOCOL_ERROR],
];
for (const [what, id, value, error] of wrong) {
  test(`refuses ${what}`, () => assert.equal(apply(new PeerSettings(false), [id, value]), error));
}

test('a server may not offer pushes, and no peer takes extended CONNECT back', () => {
  assert.equal(apply(new PeerSettings(true), [SETTING.ENABLE_PUSH, 1]), H2_ERROR.PROTOCOL_ERROR);
  const settings = new PeerSettings(true);
  assert.equal(apply(settings, [SETTING.ENABLE_CONNECT_PROTOCOL, 1]), 0);
  assert.equal(apply(settings, [SETTING.ENABLE_CONNECT_PROTOCOL, 0]), H2_ERROR.PROTOCOL_ERROR);
});
