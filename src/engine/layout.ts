// The words that TypeScript and C share. `make generate` writes native/layout.h from this file, `make check` fails
// when that header is stale, and every engine compares layout hashes as it starts.
// Owns the layouts only. Leaves reading and writing them to engine.ts.

import { CHUNK_BYTES } from '../base/chunk.js';

export { CHUNK_BYTES };

/** A handle is `generation << SLOT_BITS | slot`, always positive. The generation tells a stale handle from a live one:
 *  it changes at every close, and 2048 reuses of one slot cannot happen inside the one batch a handle can outlive. */
export const SLOT_BITS = 20;
export const GENERATION_BITS = 11;

/** Spans one `send` may list: every field of a usual head cut out, and the lines added to it. More go out as a second. */
export const SEND_SPANS_MAX = 320;

/** Spans one connection may have waiting. Back-pressure keeps it far below; beyond it the connection fails. */
export const QUEUE_SPANS_MAX = 2048;

/** Bytes of one peer record: family (4, 6 or 0 for a unix socket), one unused byte, port (big endian), address (16). */
export const PEER_BYTES = 20;

/** One event, as Int32 words. `at` and `bytes` mean what EVENT_KIND says. */
export const EVENT = { kind: 0, conn: 1, at: 2, bytes: 3, WORDS: 4 } as const;

export const EVENT_KIND = {
  /** A client connection; at: the listener's number. Its peer record is filled in. */
  accepted: 1,
  /** A backend connection is established. */
  connected: 2,
  /** Bytes arrived; at: their address, bytes: how many. The receiver owns one reference on the chunk. */
  data: 3,
  /** A send was not taken at once; bytes: how many wait. No second one comes before `drained`. */
  blocked: 4,
  /** Everything queued has left. */
  drained: 5,
  /** The peer will send no more. */
  eof: 6,
  /** The connection is dead; at: the error code. Nothing follows on this handle, which still has to be closed. */
  error: 7,
  /** Our direction, which was shut down, has ended: everything queued before has left. bytes: 1 when `closes` was asked for and
   *  nothing of the peer is unread: then the end is still to be sent, by closing; else 0. */
  finished: 8,
  /** TLS is agreed on; at: TLS_INFO, bytes: how many. The receiver owns one reference on the chunk. */
  tlsReady: 9,
  /** TLS with a client failed before it was agreed on; at: the error code. The alert, if there is one, has left, and the
   *  connection goes on in the clear: the client's bytes are read, and its direction may be shut down. */
  tlsFailed: 10,
} as const;

/** One submission is its operation, the connection's handle (or 0), and the operands listed here. */
export const SUBMIT = {
  /** (conn from the free list, address index) */
  connect: 1,
  /** (conn, flags, span count, then address and bytes of each span): queues the spans after what is queued already. */
  send: 2,
  /** (conn, closes): ends our direction once everything queued has left. With `closes` 1 that end is left to the close, which
   *  the owner submits as soon as `finished` says so. */
  shutdown: 3,
  /** (conn): frees the handle. Drops what is queued; if there is any, the peer sees a reset. */
  close: 4,
  /** (conn): the same, and the peer sees a reset. */
  reset: 5,
  /** (conn, offset): receive, leaving `offset` bytes free at the front of the next chunk. */
  readStart: 6,
  /** (conn) */
  readStop: 7,
  /** (address inside a chunk): gives one reference back. */
  release: 8,
  /** (address inside a chunk): takes one more reference, for a second holder. */
  retain: 9,
  /** (conn, TLS context, address, bytes): what follows on a connection is encrypted, but for these bytes in front. On an
   *  accepted one they were received already and begin the handshake; on a connecting one they are sent before it. */
  tls: 10,
  /** (conn, chunks): its next `chunks` × CHUNK_BYTES bytes may come several chunks at a time. */
  readMany: 11,
} as const;

/** Flags of `send`. `more`: another send on this connection follows in the same batch. */
export const SEND_FLAG = { none: 0, more: 1 } as const;

/** Words of the control block at the front of the shared state. TypeScript writes only freeHandles (by popping). */
export const CONTROL = {
  /** Handles left on the free list, which starts at word `WORDS`. */
  freeHandles: 0,
  /** Chunks without a reference. */
  freeChunks: 1,
  /** Connections open, client and backend. */
  connections: 2,
  /** Spans waiting in send queues. */
  queuedSpans: 3,
  /** Bytes waiting in send queues, and encrypted ones behind them. */
  queuedBytes: 4,
  /** Client connections open. */
  clientConnections: 5,
  /** Times reading paused because the slab was full. */
  slabFull: 6,
  /** Client connections turned away because no handle was free. */
  refused: 7,
  /** Times accepting paused because the process had no descriptor left. */
  acceptPauses: 8,
  /** Connections waiting for a turn: readable, but not read yet. */
  ready: 9,
  /** Connections that could have gone on in this turn, but were made to wait for the next. */
  yielded: 10,
  /** Connections that hold TLS state. */
  secured: 11,
  /** When the last batch was complete, on CLOCK_MONOTONIC: whole seconds, and microseconds of the next one. */
  nowSeconds: 12,
  nowMicroseconds: 13,
  WORDS: 16,
} as const;

/** What went wrong on a connection, or in a call. */
export const ENGINE_ERROR = {
  refused: 1,
  reset: 2,
  timedOut: 3,
  unreachable: 4,
  brokenPipe: 5,
  noDescriptors: 6,
  noMemory: 7,
  noSuchAddress: 8,
  queueFull: 9,
  addressInUse: 10,
  permission: 11,
  other: 12,
  /** TLS: the handshake failed, or a record is not what it should be. */
  tls: 13,
  /** TLS: the peer ended the connection without saying so. */
  truncated: 14,
  /** TLS: the client has no certificate, and has to have one. */
  certificateMissing: 15,
  /** TLS: its certificate, or one above it, is over, or not valid yet. */
  certificateExpired: 16,
  /** TLS: no authority of the listener's stands behind its certificate. */
  certificateUnknown: 17,
  /** TLS: anything else about its certificate: not for clients, a wrong signature, more than can be told. */
  certificateInvalid: 18,
  /** TLS: the context was closed before the connection began. */
  noSuchContext: 19,
  /** TLS: the client's first byte is a letter, as that of a request in the clear. None of its bytes was taken. */
  plainText: 20,
} as const;

/**
 * What a handshake agreed on, as bytes; behind WORDS stand protocol, cipher and server name one after the other, then of
 * a verified client certificate its SHA-256 (FINGERPRINT_BYTES), its subject, and its names with line feeds between.
 */
export const TLS_INFO = {
  versionMajor: 0,
  versionMinor: 1,
  /** 1 when an earlier session was resumed. */
  resumed: 2,
  protocolBytes: 3,
  cipherBytes: 4,
  nameBytes: 5,
  /** 1 when the client showed a certificate, which was verified; now or when the session began. */
  certificate: 6,
  /** Lengths of its subject and of its names, the high byte first. */
  subjectBytesHigh: 7,
  subjectBytesLow: 8,
  namesBytesHigh: 9,
  namesBytesLow: 10,
  WORDS: 12,
} as const;

/** Bytes of a SHA-256. */
export const FINGERPRINT_BYTES = 32;

const LAYOUTS = {
  EVENT,
  EVENT_KIND,
  SUBMIT,
  SEND_FLAG,
  CONTROL,
  ENGINE_ERROR,
  TLS_INFO,
};

const SIZES = {
  CHUNK_BYTES,
  SLOT_BITS,
  GENERATION_BITS,
  SEND_SPANS_MAX,
  QUEUE_SPANS_MAX,
  PEER_BYTES,
  FINGERPRINT_BYTES,
};

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/** Every shared word as `NAME value` lines, in declaration order: what the header defines and the hash covers. */
function words(): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(SIZES)) lines.push(`SF_${name} ${value}`);
  for (const [group, members] of Object.entries(LAYOUTS)) {
    for (const [name, value] of Object.entries(members)) {
      lines.push(`SF_${group}_${name === name.toUpperCase() ? name : snake(name)} ${value}`);
    }
  }
  return lines;
}

/** 32-bit FNV-1a of all shared words. An engine built for another layout is refused by it. */
export function layoutHash(): number {
  let hash = 0x811c9dc5;
  for (const char of words().join('\n')) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}

/** The text of native/layout.h. */
export function layoutHeader(): string {
  return [
    '/* Written by `make generate` from src/engine/layout.ts: change that file, not this one. */',
    '#ifndef SF_LAYOUT_H',
    '#define SF_LAYOUT_H',
    '',
    ...words().map((line) => `#define ${line}`),
    '',
    `#define SF_LAYOUT_HASH ${layoutHash()}u`,
    '',
    '#endif',
    '',
  ].join('\n');
}
