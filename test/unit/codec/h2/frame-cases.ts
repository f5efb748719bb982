// Frames and what a reader makes of them: the corpus of the tests, and what the fuzzer starts from.

import { frame } from './frames.js';

export const bytes = (...values: number[]): Buffer => Buffer.from(values);
export const text = (value: string): Buffer => Buffer.from(value, 'latin1');
export const word = (value: number): Buffer => {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(value);
  return four;
};
const END_STREAM = 1;
export const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 32;
export const HEADERS = frame('HEADERS', END_HEADERS, 1, text('block'));

export const PROTOCOL = 'connectionError 1';
const FRAME_SIZE = 'connectionError 6';
export const FLOODED = 'connectionError 11 flooded';

type FrameCase = readonly [what: string, frames: Buffer[], events: string[]];

export const fine: readonly FrameCase[] = [
  ['DATA', [frame('DATA', 0, 1, text('abc'))], ['data 1 "abc"/3']],
  ['the end of a stream', [frame('DATA', END_STREAM, 1, text('abc'))], ['data 1 "abc"/3 ended']],
  ['empty DATA', [frame('DATA', END_STREAM, 3)], ['data 3 ""/0 ended']],
  [
    'padded DATA',
    [frame('DATA', PADDED | END_STREAM, 1, Buffer.concat([bytes(4), text('abcxxxx')]))],
    ['data 1 "abc"/8 ended'],
  ],
  [
    'DATA of padding alone',
    [frame('DATA', PADDED, 1, bytes(2, 0, 0)), frame('DATA', 0, 1, text('x'))],
    ['data 1 ""/3', 'data 1 "x"/1'],
  ],
  ['HEADERS', [HEADERS], ['headers 1 "block"']],
  ['HEADERS that end the stream', [frame('HEADERS', END_HEADERS | END_STREAM, 5, text('b'))], ['headers 5 "b" ended']],
  ['an empty block', [frame('HEADERS', END_HEADERS, 5)], ['headers 5 ""']],
  [
    'padded HEADERS',
    [frame('HEADERS', END_HEADERS | PADDED, 1, Buffer.concat([bytes(2), text('blockxx')])), HEADERS],
    ['headers 1 "block"', 'headers 1 "block"'],
  ],
  [
    'HEADERS with priority',
    [frame('HEADERS', END_HEADERS | PRIORITY, 3, Buffer.concat([word(0x80000001), bytes(9), text('b')]))],
    ['headers 3 "b"'],
  ],
  [
    'HEADERS with both',
    [frame('HEADERS', END_HEADERS | PRIORITY | PADDED, 3, Buffer.concat([bytes(3), word(0), bytes(9), text('bxxx')]))],
    ['headers 3 "b"'],
  ],
  [
    'HEADERS that depend on themselves',
    [frame('HEADERS', END_HEADERS | PRIORITY, 3, Buffer.concat([word(3), bytes(9), text('b')]))],
    ['headers 3 "b" selfDependent'],
  ],
  [
    'a block in pieces, one of them empty, with padding',
    [
      frame('HEADERS', END_STREAM | PADDED, 1, Buffer.concat([bytes(1), text('onex')])),
      frame('CONTINUATION', 0, 1, text('two')),
      frame('CONTINUATION', 0, 1),
      frame('CONTINUATION', END_HEADERS, 1, text('three')),
      frame('DATA', 0, 1, text('x')),
    ],
    ['headers 1 "onetwothree" ended', 'data 1 "x"/1'],
  ],
  [
    'a block of empty HEADERS and a CONTINUATION',
    [frame('HEADERS', 0, 1), frame('CONTINUATION', END_HEADERS, 1, text('all'))],
    ['headers 1 "all"'],
  ],
  [
    'flags that mean nothing',
    [frame('HEADERS', END_HEADERS | 0xd2, 1, text('b')), frame('PING', 0xfe, 0, text('12345678'))],
    ['headers 1 "b"', 'ping 12345678'],
  ],
  ['the reserved bit', [frame('DATA', 0, 0x80000001, text('a'))], ['data 1 "a"/1']],
  ['RST_STREAM, with a code that none has', [frame('RST_STREAM', 0, 1, word(0xfffffffe))], ['rstStream 1 4294967294']],
  ['SETTINGS', [frame('SETTINGS', 0, 0, Buffer.concat([bytes(0, 3), word(7)]))], ['settings 000300000007']],
  ['the acknowledgement of SETTINGS', [frame('SETTINGS', 1, 0)], ['settingsAck']],
  [
    'PING and its answer',
    [frame('PING', 0, 0, text('12345678')), frame('PING', 1, 0, text('12345678'))],
    ['ping 12345678', 'pingAck'],
  ],
  ['GOAWAY with words', [frame('GOAWAY', 0, 0, Buffer.concat([word(7), word(0), text('debug')]))], ['goaway 7 0']],
  [
    'WINDOW_UPDATE',
    [frame('WINDOW_UPDATE', 0, 0, word(0x80000005)), frame('WINDOW_UPDATE', 0, 9, word(1))],
    ['windowUpdate 0 5', 'windowUpdate 9 1'],
  ],
  ['PRIORITY', [frame('PRIORITY', 0, 8, Buffer.concat([word(1), bytes(0)]))], ['priority 8']],
  [
    'PRIORITY_UPDATE',
    [frame('PRIORITY_UPDATE', 0, 0, Buffer.concat([word(5), text('u=1, i')]))],
    ['priorityUpdate 5 u=1, i'],
  ],
  [
    'PRIORITY_UPDATE too long to mean anything',
    [frame('PRIORITY_UPDATE', 0, 0, Buffer.alloc(200)), HEADERS],
    ['unknown', 'headers 1 "block"'],
  ],
  [
    'frames of no known type',
    [frame(0x2a, 0xff, 2, text('abc')), frame(0x0b, 0, 0), HEADERS],
    ['unknown', 'unknown', 'headers 1 "block"'],
  ],
  [
    'the largest frame',
    [frame('DATA', 0, 1, Buffer.alloc(16_384, 'a')), HEADERS],
    [`data 1 "${'a'.repeat(16_384)}"/16384`, 'headers 1 "block"'],
  ],
];

export const wrong: readonly FrameCase[] = [
  ['DATA on stream 0', [frame('DATA', 0, 0, text('a')), HEADERS], [PROTOCOL]],
  ['DATA on an even stream', [frame('DATA', 0, 2, text('a'))], [PROTOCOL]],
  ['HEADERS on stream 0', [frame('HEADERS', END_HEADERS, 0)], [PROTOCOL]],
  ['HEADERS on an even stream', [frame('HEADERS', END_HEADERS, 2)], [PROTOCOL]],
  ['PRIORITY on stream 0', [frame('PRIORITY', 0, 0, Buffer.alloc(5))], [PROTOCOL]],
  ['RST_STREAM on stream 0', [frame('RST_STREAM', 0, 0, word(0))], [PROTOCOL]],
  ['RST_STREAM on an even stream', [frame('RST_STREAM', 0, 4, word(0))], [PROTOCOL]],
  ['CONTINUATION on stream 0', [frame('CONTINUATION', END_HEADERS, 0)], [PROTOCOL]],
  ['SETTINGS on a stream', [frame('SETTINGS', 0, 1)], [PROTOCOL]],
  ['PING on a stream', [frame('PING', 0, 1, Buffer.alloc(8))], [PROTOCOL]],
  ['GOAWAY on a stream', [frame('GOAWAY', 0, 1, Buffer.alloc(8))], [PROTOCOL]],
  ['PRIORITY_UPDATE on a stream', [frame('PRIORITY_UPDATE', 0, 1, word(1))], [PROTOCOL]],
  ['PRIORITY_UPDATE of stream 0', [frame('PRIORITY_UPDATE', 0, 0, word(0))], [PROTOCOL]],
  ['PUSH_PROMISE', [frame('PUSH_PROMISE', END_HEADERS, 1, word(2))], [PROTOCOL]],
  ['CONTINUATION without a block', [HEADERS, frame('CONTINUATION', END_HEADERS, 1)], ['headers 1 "block"', PROTOCOL]],
  ['another frame in a block', [frame('HEADERS', 0, 1), frame('PING', 0, 0, Buffer.alloc(8))], [PROTOCOL]],
  ['a frame of no known type in a block', [frame('HEADERS', 0, 1), frame(0x2a, 0, 1)], [PROTOCOL]],
  ['another stream in a block', [frame('HEADERS', 0, 1), frame('CONTINUATION', END_HEADERS, 3)], [PROTOCOL]],
  ['PING of 7 bytes', [frame('PING', 0, 0, Buffer.alloc(7))], [FRAME_SIZE]],
  ['RST_STREAM of 3 bytes', [frame('RST_STREAM', 0, 1, Buffer.alloc(3))], [FRAME_SIZE]],
  ['WINDOW_UPDATE of 5 bytes', [frame('WINDOW_UPDATE', 0, 1, Buffer.alloc(5))], [FRAME_SIZE]],
  ['SETTINGS of 5 bytes', [frame('SETTINGS', 0, 0, Buffer.alloc(5))], [FRAME_SIZE]],
  ['an acknowledgement with a payload', [frame('SETTINGS', 1, 0, Buffer.alloc(6))], [FRAME_SIZE]],
  ['GOAWAY of 7 bytes', [frame('GOAWAY', 0, 0, Buffer.alloc(7))], [FRAME_SIZE]],
  ['PRIORITY_UPDATE of 3 bytes', [frame('PRIORITY_UPDATE', 0, 0, Buffer.alloc(3))], [FRAME_SIZE]],
  [
    'PRIORITY of 4 bytes',
    [frame('PRIORITY', 0, 1, Buffer.alloc(4)), HEADERS],
    ['streamError 1 6', 'headers 1 "block"'],
  ],
  [
    'PRIORITY of itself',
    [frame('PRIORITY', 0, 3, Buffer.concat([word(3), bytes(0)])), HEADERS],
    ['streamError 3 1', 'headers 1 "block"'],
  ],
  ['padding as long as the payload', [frame('DATA', PADDED, 1, bytes(3, 1, 2))], [PROTOCOL]],
  ['padding longer than HEADERS', [frame('HEADERS', PADDED | END_HEADERS, 1, bytes(3, 1, 2))], [PROTOCOL]],
  [
    'padding over the priority',
    [frame('HEADERS', PADDED | PRIORITY | END_HEADERS, 1, Buffer.concat([bytes(3), Buffer.alloc(7)]))],
    [PROTOCOL],
  ],
  ['PADDED without a length', [frame('DATA', PADDED, 1)], [FRAME_SIZE]],
  ['HEADERS too short for a priority', [frame('HEADERS', PRIORITY | END_HEADERS, 1, Buffer.alloc(4))], [FRAME_SIZE]],
  ['WINDOW_UPDATE of 0 for the connection', [frame('WINDOW_UPDATE', 0, 0, word(0))], [PROTOCOL]],
  [
    'WINDOW_UPDATE of 0 for a stream',
    [frame('WINDOW_UPDATE', 0, 1, word(0x80000000)), HEADERS],
    ['streamError 1 1', 'headers 1 "block"'],
  ],
  [
    'DATA larger than a frame may be',
    [frame('DATA', 0, 1, Buffer.alloc(16_385)), HEADERS],
    ['streamError 1 6/16385', 'headers 1 "block"'],
  ],
  ['HEADERS larger than a frame may be', [frame('HEADERS', END_HEADERS, 1, Buffer.alloc(16_385))], [FRAME_SIZE]],
  ['SETTINGS larger than a frame may be', [frame('SETTINGS', 0, 0, Buffer.alloc(16_386))], [FRAME_SIZE]],
  ['an unknown frame larger than one may be', [frame(0x2a, 0, 1, Buffer.alloc(16_385))], [FRAME_SIZE]],
];
