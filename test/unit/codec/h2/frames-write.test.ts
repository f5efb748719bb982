// Frames that are written are those that are read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME_TYPE } from '../../../../src/codec/h2/frames.js';
import {
  blockFramesBytes,
  GOAWAY_FRAME_BYTES,
  PING_FRAME_BYTES,
  RST_STREAM_FRAME_BYTES,
  WINDOW_UPDATE_FRAME_BYTES,
  writeBlockHeads,
  writeDataHead,
  writeFrameHead,
  writeGoaway,
  writePing,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '../../../../src/codec/h2/frames-write.js';
import { Area } from '../../../../src/codec/h2/hpack/copy.js';
import { SETTING } from '../../../../src/codec/h2/settings.js';
import { events } from './frames.js';

/** What a reader makes of what is written to a memory, at an address in its middle. */
function read(write: (into: Area, at: number) => number, bytes?: number): string[] {
  const into = new Area(new Uint8Array(200_000));
  const end = write(into, 100);
  if (bytes !== undefined) assert.equal(end - 100, bytes);
  assert.ok(into.bytes.subarray(0, 100).every((byte) => byte === 0));
  return events([into.bytes.subarray(100, end)], { limits: { listBytesMax: 200_000, continuationsMax: 100 } });
}

test('writes each frame', () => {
  const opaque = new Area(Buffer.from('xx12345678'));
  const settings = [SETTING.MAX_CONCURRENT_STREAMS, 100, SETTING.INITIAL_WINDOW_SIZE, 0xffffffff];
  assert.deepEqual(
    read((into, at) => writeSettings(into, at, settings), 21),
    ['settings 0003000000640004ffffffff'],
  );
  assert.deepEqual(
    read((into, at) => writeSettingsAck(into, at), 9),
    ['settingsAck'],
  );
  assert.deepEqual(
    read((into, at) => writePing(into, at, false, opaque, 2), PING_FRAME_BYTES),
    ['ping 12345678'],
  );
  assert.deepEqual(
    read((into, at) => writePing(into, at, true, opaque, 2), PING_FRAME_BYTES),
    ['pingAck'],
  );
  assert.deepEqual(
    read((into, at) => writeGoaway(into, at, 0x7fffffff, 11), GOAWAY_FRAME_BYTES),
    ['goaway 2147483647 11'],
  );
  assert.deepEqual(
    read((into, at) => writeRstStream(into, at, 5, 8), RST_STREAM_FRAME_BYTES),
    ['rstStream 5 8'],
  );
  assert.deepEqual(
    read((into, at) => writeWindowUpdate(into, at, 0, 0x7fffffff), WINDOW_UPDATE_FRAME_BYTES),
    ['windowUpdate 0 2147483647'],
  );
  assert.deepEqual(
    read((into, at) => writeDataHead(into, at, 7, 0, true), 9),
    ['data 7 ""/0 ended'],
  );
});

test('the head of a frame alone is as it says', () => {
  const head = read((into, at) => writeFrameHead(into, at, FRAME_TYPE.PRIORITY_UPDATE, 0, 1, 0), 9);
  assert.deepEqual(head, ['connectionError 1']);
});

test('a block is cut into frames that the peer takes', () => {
  const block = Buffer.from(Array.from({ length: 50_000 }, (_, i) => 0x61 + (i % 26)));
  for (const bytes of [0, 1, 16_383, 16_384, 16_385, 32_768, 32_769, 50_000]) {
    const text = block.toString('latin1', 0, bytes);
    const written = read(
      (into, at) => {
        into.bytes.set(block.subarray(0, bytes), at + 9);
        return writeBlockHeads(into, at, 9, bytes, true, 16_384);
      },
      blockFramesBytes(bytes, 16_384),
    );
    assert.deepEqual(written, [`headers 9 ${JSON.stringify(text)} ended`]);
  }
});
