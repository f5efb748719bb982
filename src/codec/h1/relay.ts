// Moves bodies, in both directions, in whatever framing each side has.
// Counted bodies are counted, not looked at. Chunked ones are parsed and framed again: no byte that the parser did not
// classify goes on. Hot: runs for every piece of every body, allocates nothing.

import { CHUNK_BYTES, SEND_FLAG } from '../../engine/layout.js';
import type { ClientAddressField } from '../../exchange/client-address.js';
import type { Context } from '../../exchange/context.js';
import type { Body, Exchange } from '../../exchange/exchange.js';
import type { Piece } from '../../exchange/filter.js';
import type { ChunkedBody } from '../../http/chunked.js';
import { isTrailer } from '../../http/fields.js';
import { BODY } from '../../http/framing.js';
import { PARSED } from '../../http/parsed.js';
import type { BackendConnection } from '../connections.js';

/** What became of a piece of a body. */
export const RELAYED = {
  /** All of it went on, and there is more to come. */
  more: 0,
  /** The body is complete; `rest` bytes at `restAt` belong to what comes next. */
  done: 1,
  /** It is not what its framing says. */
  invalid: 2,
  /** The slab has no room for the framing we add. */
  noRoom: 3,
  /** It is longer than allowed; the last piece did not go on. */
  tooLarge: 4,
} as const;

/** What followed a finished body in the same bytes; the caller still owns the chunk. */
export const rest = { at: 0, bytes: 0 };

/** From so many bytes on a body is worth a word to the engine. */
export const BULK_BYTES = 2 * CHUNK_BYTES;

/** The piece of a request body that went to the server last, without framing; `mirrorBody` sends it once more. */
export const lastPiece: Piece = { at: 0, bytes: 0, trailers: '', end: false };

/** Adds that piece to the open send, framed as the request's head says. False: the slab is full. */
export function gatherLastPiece(w: Context, x: Exchange): boolean {
  if (x.request.kind === BODY.counted) {
    w.engine.span(lastPiece.at, lastPiece.bytes);
    return true;
  }
  if (!gatherChunk(w, lastPiece.at, lastPiece.bytes)) return false;
  return !x.request.done || gatherLastChunk(w, lastPiece.trailers);
}

/** Longest chunk head we write: eight digits and CRLF. */
const CHUNK_HEAD_BYTES = 10;

/**
 * Adds the first `ours` bytes at `at` of a counted body, or of one that ends with the connection, to the open send.
 *
 *   ──► COUNTING ─┬─ last byte ──► done
 *        ▲    │   └─ (an end before it is seen by the caller: the message was cut)
 *        └────┘ data, more to come
 */
function gatherCounted(w: Context, body: Body, at: number, bytes: number): number {
  const ours = Math.min(bytes, body.left);
  w.engine.span(at, ours);
  body.left -= ours;
  if (body.left > 0) return RELAYED.more;
  body.done = true;
  rest.at = at + ours;
  rest.bytes = bytes - ours;
  return RELAYED.done;
}

/** Adds one chunk of our framing around bytes to the open send; no bytes make no chunk. False: the slab is full. */
export function gatherChunk(w: Context, at: number, bytes: number): boolean {
  if (bytes === 0) return true;
  const head = w.scratch(CHUNK_HEAD_BYTES);
  if (head < 0) return false;
  w.writer.hex(bytes);
  w.writer.text('\r\n');
  w.scratchKeep();
  w.engine.span(head, w.writer.at - head);
  w.engine.span(at, bytes);
  w.engine.span(w.lineEnd.at, w.lineEnd.bytes);
  return true;
}

/** Adds the last chunk, and trailer fields if there are any. */
export function gatherLastChunk(w: Context, trailers: string): boolean {
  if (trailers === '') {
    w.engine.span(w.lastChunk.at, w.lastChunk.bytes);
    return true;
  }
  const at = w.scratch(trailers.length + 5);
  if (at < 0) return false;
  w.writer.text('0\r\n');
  w.writer.text(trailers);
  w.writer.text('\r\n');
  w.scratchKeep();
  w.engine.span(at, w.writer.at - at);
  return true;
}

/** The bytes that came in, without the framing they came in. Filled by `decode`. */
const decoded = { at: 0, bytes: 0, trailers: '' };

/** Takes the framing off bytes of a chunked body. */
function decode(memory: Uint8Array, chunked: ChunkedBody, body: Body, at: number, bytes: number): number {
  const result = chunked.read(memory, at, bytes);
  if (result !== PARSED.partial && result !== PARSED.complete) return RELAYED.invalid;
  decoded.at = chunked.bodyAt;
  decoded.bytes = chunked.bodyBytes;
  decoded.trailers = chunked.trailers;
  if (result === PARSED.partial) return RELAYED.more;
  body.done = true;
  rest.at = chunked.endAt;
  rest.bytes = at + bytes - chunked.endAt;
  return RELAYED.done;
}

function isForbidden(line: string, clientField: ClientAddressField | null): boolean {
  const name = line.slice(0, line.indexOf(':'));
  return !isTrailer(name) || clientField?.isNamed(name.replace(/[^a-z0-9]/gi, '-')) === true;
}

/** `clientField` is one more that says whom the message is from: that of the listener, or null. */
function allowedTrailers(trailers: string, clientField: ClientAddressField | null): string {
  if (trailers === '') return '';
  return trailers
    .split('\r\n')
    .filter((line) => line !== '' && !isForbidden(line, clientField))
    .map((line) => `${line}\r\n`)
    .join('');
}

/**
 * Sends `bytes` bytes of the request body at `at` to the server. The chunk reference stays the caller's.
 * Returns one of RELAYED.
 */
export function relayRequest(w: Context, x: Exchange, backend: BackendConnection, at: number, bytes: number): number {
  const { engine } = w;
  engine.sendBegin(backend.conn, SEND_FLAG.none);
  let result: number;
  lastPiece.at = at;
  lastPiece.bytes = 0;
  lastPiece.trailers = '';
  if (x.request.kind === BODY.counted) {
    const left = x.request.left;
    result = gatherCounted(w, x.request, at, bytes);
    lastPiece.bytes = left - x.request.left;
    x.bodyBytesTotal += lastPiece.bytes;
  } else {
    result = decode(w.memory, x.client.parser!.chunked, x.request, at, bytes);
    if (result !== RELAYED.invalid) result = relayDecoded(w, x, bytes, result);
  }
  engine.sendEnd();
  return result;
}

/** Bytes of chunk framing, extensions included, that may come beside a body, whatever its length. */
const FRAMING_BYTES_MAX = 16_384;
/** And per byte of the body: a body in chunks of one byte is wasteful, not wrong. */
const FRAMING_PER_BYTE_MAX = 16;

/** Adds what `decode` made of `bytes` bytes to the open send, if the body is within its limits. */
function relayDecoded(w: Context, x: Exchange, bytes: number, result: number): number {
  const { bodyBytesMax } = x.rule!;
  x.bodyBytesTotal += decoded.bytes;
  x.framingBytesTotal += bytes - decoded.bytes;
  lastPiece.at = decoded.at;
  lastPiece.bytes = decoded.bytes;
  lastPiece.trailers = allowedTrailers(decoded.trailers, x.client.listener.http.ownField);
  // Looked at before anything goes on: a server must not act on a body that its client is told was refused.
  if (bodyBytesMax !== 0 && x.bodyBytesTotal + x.client.parser!.chunked.left > bodyBytesMax) return RELAYED.tooLarge;
  if (x.framingBytesTotal > FRAMING_BYTES_MAX + x.bodyBytesTotal * FRAMING_PER_BYTE_MAX) return RELAYED.invalid;
  if (!gatherChunk(w, decoded.at, decoded.bytes)) return RELAYED.noRoom;
  return result === RELAYED.done && !gatherLastChunk(w, lastPiece.trailers) ? RELAYED.noRoom : result;
}

/**
 * Adds `bytes` bytes of the response body at `at` to the open send to the client. The chunk reference stays the
 * caller's. Returns one of RELAYED.
 */
export function gatherResponseBody(
  w: Context,
  x: Exchange,
  backend: BackendConnection,
  at: number,
  bytes: number,
): number {
  const { engine } = w;
  switch (x.response.kind) {
    case BODY.counted:
      return gatherCounted(w, x.response, at, bytes);
    case BODY.untilEof:
      if (!x.chunkedOut) engine.span(at, bytes);
      else if (!gatherChunk(w, at, bytes)) return RELAYED.noRoom;
      return RELAYED.more;
    default: {
      const result = decode(w.memory, backend.parser!.chunked, x.response, at, bytes);
      if (result === RELAYED.invalid) return result;
      if (!x.chunkedOut) engine.span(decoded.at, decoded.bytes);
      else if (!gatherChunk(w, decoded.at, decoded.bytes)) return RELAYED.noRoom;
      else if (result === RELAYED.done && !gatherLastChunk(w, allowedTrailers(decoded.trailers, null)))
        return RELAYED.noRoom;
      return result;
    }
  }
}

const responsePiece: Piece = { at: 0, bytes: 0, trailers: '', end: false };

/**
 * The piece that `gatherResponseBody` has just listed of `bytes` bytes at `at`, without framing; `left` is what was left of the
 * body before. For filters that watch it.
 */
export function lastResponsePiece(x: Exchange, at: number, bytes: number, left: number): Piece {
  const isDecoded = x.response.kind !== BODY.counted && x.response.kind !== BODY.untilEof;
  responsePiece.at = isDecoded ? decoded.at : at;
  responsePiece.bytes = isDecoded ? decoded.bytes : x.response.kind === BODY.counted ? left - x.response.left : bytes;
  responsePiece.trailers = isDecoded ? decoded.trailers : '';
  responsePiece.end = x.response.done;
  return responsePiece;
}

/** Ends a body that ended with its connection. False: the slab is full. */
export function relayEof(w: Context, x: Exchange): void {
  x.response.done = true;
  if (x.chunkedOut) w.engine.send(x.client.conn, w.lastChunk.at, w.lastChunk.bytes);
}
