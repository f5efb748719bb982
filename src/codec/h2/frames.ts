// The numbers of HTTP/2 frames (RFC 9113, 4, 6 and 7; RFC 9218, 7.1). Leaves reading them to frames-read.ts, writing them to
// write-frames.ts.

export const FRAME_TYPE = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
  PRIORITY_UPDATE: 16,
} as const;

export const FLAG = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const;

/** Error codes of RST_STREAM and GOAWAY (RFC 9113, 7). */
export const H2_ERROR = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

export const FRAME_HEAD_BYTES = 9;
/** What a frame may carry unless the receiver's SETTINGS say more (RFC 9113, 4.2). We never say more. */
export const FRAME_BYTES_USUAL = 16_384;

/** How a client begins (RFC 9113, 3.4). */
export const PREFACE: Uint8Array = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Windows are at most this (RFC 9113, 6.9.1); so are the numbers of streams. */
export const WINDOW_MAX = 0x7fffffff;
