// SETTINGS of the two sides (RFC 9113, 6.5; RFC 8441, 3; RFC 9218, 2.1).
// Owns what the peer has said, and our own in bytes. Leaves shifting the windows of streams to the connection.

import { FRAME_BYTES_USUAL, H2_ERROR, WINDOW_MAX } from './frames.js';
import type { Area } from './hpack/copy.js';

export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
  NO_RFC7540_PRIORITIES: 9,
} as const;

/** What holds until a side says otherwise. */
export const WINDOW_USUAL = 65_535;
export const TABLE_BYTES_USUAL = 4096;

const SETTING_BYTES = 6;
const FRAME_BYTES_MOST = 0xffffff;
/** 32 bits without a sign that are no small integer mean "no limit" here. */
const NO_LIMIT = WINDOW_MAX;

/** What the peer allows and can do. */
export class PeerSettings {
  /** The most that our encoder's table may have. */
  tableBytesMax = TABLE_BYTES_USUAL;
  /** The least that it said for it in the last `apply`, or had before (RFC 7541, 4.2). */
  tableBytesLeast = TABLE_BYTES_USUAL;
  /** Streams that we may have open. */
  streamsMax = NO_LIMIT;
  /** The window that a new stream has for what we send. */
  windowBytes = WINDOW_USUAL;
  /** What a frame of ours may carry. */
  frameBytesMax = FRAME_BYTES_USUAL;
  /** Bytes of fields that it takes in one block; a wish. */
  listBytesMax = NO_LIMIT;
  /** It understands :protocol. */
  extendedConnect = false;
  /** How much more the windows of all streams have since the last `apply`; may be negative. */
  windowChange = 0;
  readonly #isServer: boolean;

  /** `peerIsServer`: it may not offer pushes. */
  constructor(peerIsServer: boolean) {
    this.#isServer = peerIsServer;
  }

  /** Takes in a payload of `bytes` bytes at `at`, six for each setting. Returns the error of the connection, or 0. */
  apply(area: Area, at: number, bytes: number): number {
    const before = this.windowBytes;
    this.tableBytesLeast = this.tableBytesMax;
    for (let setting = at; setting < at + bytes; setting += SETTING_BYTES) {
      const error = this.#set(area.view.getUint16(setting), area.view.getUint32(setting + 2));
      if (error !== H2_ERROR.NO_ERROR) return error;
    }
    this.windowChange = this.windowBytes - before;
    return H2_ERROR.NO_ERROR;
  }

  #set(id: number, value: number): number {
    switch (id) {
      case SETTING.HEADER_TABLE_SIZE:
        this.tableBytesMax = Math.min(value, NO_LIMIT);
        this.tableBytesLeast = Math.min(this.tableBytesMax, this.tableBytesLeast);
        break;
      case SETTING.ENABLE_PUSH:
        if (value > (this.#isServer ? 0 : 1)) return H2_ERROR.PROTOCOL_ERROR;
        break;
      case SETTING.MAX_CONCURRENT_STREAMS:
        this.streamsMax = Math.min(value, NO_LIMIT);
        break;
      case SETTING.INITIAL_WINDOW_SIZE:
        if (value > WINDOW_MAX) return H2_ERROR.FLOW_CONTROL_ERROR;
        this.windowBytes = value;
        break;
      case SETTING.MAX_FRAME_SIZE:
        if (value < FRAME_BYTES_USUAL || value > FRAME_BYTES_MOST) return H2_ERROR.PROTOCOL_ERROR;
        this.frameBytesMax = value;
        break;
      case SETTING.MAX_HEADER_LIST_SIZE:
        this.listBytesMax = Math.min(value, NO_LIMIT);
        break;
      case SETTING.ENABLE_CONNECT_PROTOCOL:
        // Once said, it holds (RFC 8441, 3).
        if (value > 1 || (value === 0 && this.extendedConnect)) return H2_ERROR.PROTOCOL_ERROR;
        this.extendedConnect = value === 1;
        break;
      case SETTING.NO_RFC7540_PRIORITIES:
        if (value > 1) return H2_ERROR.PROTOCOL_ERROR;
        break;
      default: // ignored (RFC 9113, 6.5.2)
    }
    return H2_ERROR.NO_ERROR;
  }
}
