// Writes frames: whole ones, and the heads of those whose payload lies elsewhere.
// Each function writes at `at`, where the caller has room, and returns the address behind. Hot: none allocates.

import { FLAG, FRAME_HEAD_BYTES, FRAME_TYPE } from './frames.js';
import type { Area } from './hpack/copy.js';

/** Bytes of the frames that have one length. */
export const PING_FRAME_BYTES = FRAME_HEAD_BYTES + 8;
export const GOAWAY_FRAME_BYTES = FRAME_HEAD_BYTES + 8;
export const RST_STREAM_FRAME_BYTES = FRAME_HEAD_BYTES + 4;
export const WINDOW_UPDATE_FRAME_BYTES = FRAME_HEAD_BYTES + 4;

/** The head of a frame whose payload has `bytes` bytes. */
export function writeFrameHead(
  into: Area,
  at: number,
  type: number,
  flags: number,
  stream: number,
  bytes: number,
): number {
  into.view.setInt32(at, (bytes << 8) | type);
  into.bytes[at + 4] = flags;
  into.view.setInt32(at + 5, stream);
  return at + FRAME_HEAD_BYTES;
}

/** The head of DATA; `ended`: the last of its stream. */
export function writeDataHead(into: Area, at: number, stream: number, bytes: number, ended: boolean): number {
  return writeFrameHead(into, at, FRAME_TYPE.DATA, ended ? FLAG.END_STREAM : 0, stream, bytes);
}

/** SETTINGS with these settings: id and value in turn. */
export function writeSettings(into: Area, at: number, settings: readonly number[]): number {
  let out = writeFrameHead(into, at, FRAME_TYPE.SETTINGS, 0, 0, settings.length * 3);
  for (let i = 0; i < settings.length; i += 2) {
    into.view.setUint16(out, settings[i]!);
    into.view.setUint32(out + 2, settings[i + 1]!);
    out += 6;
  }
  return out;
}

export function writeSettingsAck(into: Area, at: number): number {
  return writeFrameHead(into, at, FRAME_TYPE.SETTINGS, FLAG.ACK, 0, 0);
}

/** PING, or the answer to one, with the eight bytes at `opaque` of `from`. */
export function writePing(into: Area, at: number, ack: boolean, from: Area, opaque: number): number {
  const out = writeFrameHead(into, at, FRAME_TYPE.PING, ack ? FLAG.ACK : 0, 0, 8);
  into.view.setInt32(out, from.view.getInt32(opaque));
  into.view.setInt32(out + 4, from.view.getInt32(opaque + 4));
  return out + 8;
}

/** GOAWAY: no stream above `lastStream` will be looked at. */
export function writeGoaway(into: Area, at: number, lastStream: number, errorCode: number): number {
  const out = writeFrameHead(into, at, FRAME_TYPE.GOAWAY, 0, 0, 8);
  into.view.setInt32(out, lastStream);
  into.view.setInt32(out + 4, errorCode);
  return out + 8;
}

export function writeRstStream(into: Area, at: number, stream: number, errorCode: number): number {
  const out = writeFrameHead(into, at, FRAME_TYPE.RST_STREAM, 0, stream, 4);
  into.view.setInt32(out, errorCode);
  return out + 4;
}

/** WINDOW_UPDATE, of the connection for stream 0. */
export function writeWindowUpdate(into: Area, at: number, stream: number, increment: number): number {
  const out = writeFrameHead(into, at, FRAME_TYPE.WINDOW_UPDATE, 0, stream, 4);
  into.view.setInt32(out, increment);
  return out + 4;
}

/**
 * Makes frames of a block of `bytes` bytes that lies FRAME_HEAD_BYTES behind `at`: HEADERS, and CONTINUATION where the peer takes no
 * more than `frameBytesMax` in one. What does not fit the first moves on to make room for the heads between; the caller has
 * that room (`blockFramesBytes`).
 */
export function writeBlockHeads(
  into: Area,
  at: number,
  stream: number,
  bytes: number,
  ended: boolean,
  frameBytesMax: number,
): number {
  const endStream = ended ? FLAG.END_STREAM : 0;
  if (bytes <= frameBytesMax) {
    return writeFrameHead(into, at, FRAME_TYPE.HEADERS, FLAG.END_HEADERS | endStream, stream, bytes) + bytes;
  }
  const block = at + FRAME_HEAD_BYTES;
  const pieces = Math.ceil(bytes / frameBytesMax);
  // From the last to the first: each moves by the heads in front of it.
  for (let i = pieces - 1; i > 0; i--) {
    const from = block + i * frameBytesMax;
    const pieceBytes = i === pieces - 1 ? bytes - i * frameBytesMax : frameBytesMax;
    const to = from + i * FRAME_HEAD_BYTES;
    into.bytes.copyWithin(to, from, from + pieceBytes);
    const flags = i === pieces - 1 ? FLAG.END_HEADERS : 0;
    writeFrameHead(into, to - FRAME_HEAD_BYTES, FRAME_TYPE.CONTINUATION, flags, stream, pieceBytes);
  }
  writeFrameHead(into, at, FRAME_TYPE.HEADERS, endStream, stream, frameBytesMax);
  return at + blockFramesBytes(bytes, frameBytesMax);
}

/** Bytes of the frames that a block of `bytes` bytes makes. */
export function blockFramesBytes(bytes: number, frameBytesMax: number): number {
  return bytes + Math.max(1, Math.ceil(bytes / frameBytesMax)) * FRAME_HEAD_BYTES;
}
