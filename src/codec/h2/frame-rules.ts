// What the head of one frame alone can have wrong: its length, and the stream it is for (RFC 9113, 4.2 and 6).

import { FLAG, FRAME_BYTES_USUAL, FRAME_TYPE, H2_ERROR } from './frames.js';

export const PRIORITY_BYTES = 5;
const PING_BYTES = 8;
const SETTING_BYTES = 6;
const GOAWAY_BYTES = 8;
const WORD_BYTES = 4;

/** Stream 0 is none, and those with even numbers are opened by servers, which we do not let: nothing belongs to them. */
const isIdleForGood = (stream: number): boolean => (stream & 1) === 0;

const protocolIf = (wrong: boolean): number => (wrong ? H2_ERROR.PROTOCOL_ERROR : H2_ERROR.NO_ERROR);

const sizeUnless = (right: boolean): number => (right ? H2_ERROR.NO_ERROR : H2_ERROR.FRAME_SIZE_ERROR);

/**
 * The error with which a frame ends its connection as soon as its head is here, or NO_ERROR. What only ends a stream, DATA and
 * PRIORITY of a wrong length, is left to the reader. `fromClient`: a client has sent it.
 */
export function frameError(type: number, flags: number, stream: number, bytes: number, fromClient: boolean): number {
  const error = wrongStream(type, stream, fromClient);
  if (error !== H2_ERROR.NO_ERROR) return error;
  if (bytes > FRAME_BYTES_USUAL && type !== FRAME_TYPE.DATA) return H2_ERROR.FRAME_SIZE_ERROR;
  switch (type) {
    case FRAME_TYPE.RST_STREAM:
    case FRAME_TYPE.WINDOW_UPDATE:
      return sizeUnless(bytes === WORD_BYTES);
    case FRAME_TYPE.SETTINGS:
      return sizeUnless((flags & FLAG.ACK) !== 0 ? bytes === 0 : bytes % SETTING_BYTES === 0);
    case FRAME_TYPE.PING:
      return sizeUnless(bytes === PING_BYTES);
    case FRAME_TYPE.GOAWAY:
      return sizeUnless(bytes >= GOAWAY_BYTES);
    case FRAME_TYPE.PRIORITY_UPDATE:
      return sizeUnless(bytes >= WORD_BYTES);
    default:
      return H2_ERROR.NO_ERROR;
  }
}

function wrongStream(type: number, stream: number, fromClient: boolean): number {
  switch (type) {
    case FRAME_TYPE.DATA:
    case FRAME_TYPE.HEADERS:
    case FRAME_TYPE.RST_STREAM:
    case FRAME_TYPE.CONTINUATION:
      return protocolIf(isIdleForGood(stream));
    case FRAME_TYPE.WINDOW_UPDATE:
      return protocolIf(stream !== 0 && isIdleForGood(stream));
    case FRAME_TYPE.PRIORITY:
      return protocolIf(stream === 0);
    case FRAME_TYPE.SETTINGS:
    case FRAME_TYPE.PING:
    case FRAME_TYPE.GOAWAY:
      return protocolIf(stream !== 0);
    case FRAME_TYPE.PRIORITY_UPDATE:
      return protocolIf(stream !== 0 || !fromClient);
    case FRAME_TYPE.PUSH_PROMISE:
      // Clients may not (RFC 9113, 8.4); and servers not to us, who turn it off.
      return H2_ERROR.PROTOCOL_ERROR;
    default:
      return H2_ERROR.NO_ERROR;
  }
}
