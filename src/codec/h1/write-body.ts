// Writes bodies: puts the framing of the connection they go out on around each piece.
// Hot: runs for every piece of every body, allocates nothing.

import { CHUNK_BYTES, SEND_FLAG } from '../../engine/layout.js';
import type { Attempt } from '../../exchange/attempt.js';
import type { Exchange } from '../../exchange/exchange.js';
import type { Piece } from '../../exchange/filter.js';
import { BODY } from '../../http/framing.js';
import { backendOf, clientOf } from '../connections.js';
import type { CodecContext } from '../context.js';

/** Longest chunk head we write: eight digits and CRLF. */
const CHUNK_HEAD_BYTES = 10;

/** Adds one chunk of our framing around bytes to the open send; no bytes make no chunk. False: the slab is full. */
function gatherChunk(w: CodecContext, at: number, bytes: number): boolean {
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

/** Adds the last chunk, and trailer fields if there are any. False: the slab is full. */
function gatherLastChunk(w: CodecContext, trailers: string): boolean {
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

/** Adds a piece to the open send, in chunks of our framing or as it is. False: the slab is full. */
function gatherPiece(w: CodecContext, inChunks: boolean, { at, bytes, end, trailers }: Readonly<Piece>): boolean {
  if (!inChunks) {
    w.engine.span(at, bytes);
    return true;
  }
  return gatherChunk(w, at, bytes) && (!end || gatherLastChunk(w, trailers));
}

/** Sends a piece of the request body to the server of an attempt, framed as the head it got says. */
export function writeRequestBody(w: CodecContext, attempt: Attempt, piece: Readonly<Piece>): boolean {
  w.engine.sendBegin(backendOf(attempt).conn, SEND_FLAG.none);
  const room = gatherPiece(w, attempt.exchange.request.kind === BODY.chunked, piece);
  w.engine.sendEnd();
  return room;
}

/** Adds a piece of the response body to the open send to the client. */
export function writeResponseBody(w: CodecContext, x: Exchange, piece: Readonly<Piece>): boolean {
  return gatherPiece(w, clientOf(x).chunkedOut, piece);
}

/**
 * Sends what is kept of the body once more, framed as the request's head says. What the client has not sent yet follows as
 * it comes. False: the slab is full; the connection is of no use then.
 */
export function resendBody(w: CodecContext, attempt: Attempt): boolean {
  const { keptBody, request } = attempt.exchange;
  const { bytes, chunks, trailers } = keptBody;
  const inChunks = request.kind === BODY.chunked;
  let room = true;
  w.engine.sendBegin(backendOf(attempt).conn, SEND_FLAG.none);
  for (let i = 0, left = bytes; left > 0 && room; i++, left -= CHUNK_BYTES) {
    const part = Math.min(left, CHUNK_BYTES);
    if (inChunks) room = gatherChunk(w, chunks[i]!, part);
    else w.engine.span(chunks[i]!, part);
  }
  if (room && inChunks && request.done) room = gatherLastChunk(w, trailers);
  w.engine.sendEnd();
  return room;
}
