// Reads bodies: takes off the framing they came in. What is left of each piece is `w.piece`, what follows a body `w.rest`.
// Counted bodies are counted, not looked at. Chunked ones are parsed: no byte that the parser did not classify goes on.
// Hot: runs for every piece of every body, allocates nothing.

import type { ClientAddressField } from '../../exchange/client-address.js';
import type { Body, Exchange } from '../../exchange/exchange.js';
import type { ChunkedBody } from '../../http/chunked.js';
import { isTrailer } from '../../http/fields.js';
import { BODY } from '../../http/framing.js';
import { PARSED } from '../../http/parsed.js';
import type { BackendConnection, ClientConnection } from '../connections.js';
import type { CodecContext } from '../context.js';

/** Bytes of chunk framing, extensions included, that may come beside a body, whatever its length. */
const FRAMING_BYTES_MAX = 16_384;
/** And per byte of the body: a body in chunks of one byte is wasteful, not wrong. */
const FRAMING_PER_BYTE_MAX = 16;

/** Reads a piece of the request body. False when it is not what its framing says, or is far more framing than body. */
export function readRequestBody(w: CodecContext, client: ClientConnection, at: number, bytes: number): boolean {
  const { x } = client;
  if (x.request.kind === BODY.counted) {
    readCounted(w, x.request, at, bytes);
    return true;
  }
  if (!readChunked(w, client.parser!.chunked, x.request, at, bytes, client.listener.http.ownField)) return false;
  const { piece } = w;
  x.framingBytesTotal += bytes - piece.bytes;
  return x.framingBytesTotal <= FRAMING_BYTES_MAX + (x.bodyBytesTotal + piece.bytes) * FRAMING_PER_BYTE_MAX;
}

/** Reads a piece of the response body. False when it is not what its framing says. */
export function readResponseBody(
  w: CodecContext,
  x: Exchange,
  backend: BackendConnection,
  at: number,
  bytes: number,
): boolean {
  const { response } = x;
  if (response.kind === BODY.chunked) return readChunked(w, backend.parser!.chunked, response, at, bytes, null);
  // One that ends with its connection is counted too, down from more than there can be.
  readCounted(w, response, at, bytes);
  return true;
}

/** The response body ended with its connection. */
export function endOfResponse(w: CodecContext, x: Exchange): void {
  const { piece, rest } = w;
  x.response.done = true;
  piece.bytes = 0;
  piece.trailers = '';
  piece.left = 0;
  piece.end = true;
  rest.bytes = 0;
}

/*
 * A counted body, or one that ends with the connection.
 *
 *   ──► COUNTING ─┬─ last byte ──► done
 *        ▲    │   └─ (an end before it is seen by the caller: the message was cut)
 *        └────┘ data, more to come
 */
function readCounted(w: CodecContext, body: Body, at: number, bytes: number): void {
  const { piece, rest } = w;
  const ours = Math.min(bytes, body.left);
  body.left -= ours;
  piece.at = at;
  piece.bytes = ours;
  piece.trailers = '';
  piece.left = 0;
  piece.end = body.left === 0;
  body.done = piece.end;
  rest.at = at + ours;
  rest.bytes = bytes - ours;
}

/** Takes the framing off bytes of a chunked body. `ownField` names one more trailer that must not go on, or is null. */
function readChunked(
  w: CodecContext,
  chunked: ChunkedBody,
  body: Body,
  at: number,
  bytes: number,
  ownField: ClientAddressField | null,
): boolean {
  const { piece, rest } = w;
  const result = chunked.read(w.memory, at, bytes);
  if (result !== PARSED.partial && result !== PARSED.complete) return false;
  const end = result === PARSED.complete;
  piece.at = chunked.bodyAt;
  piece.bytes = chunked.bodyBytes;
  piece.trailers = end ? allowedTrailers(chunked.trailers, ownField) : '';
  piece.left = chunked.left;
  piece.end = end;
  body.done = end;
  rest.at = chunked.endAt;
  rest.bytes = end ? at + bytes - chunked.endAt : 0;
  return true;
}

function isForbidden(line: string, clientField: ClientAddressField | null): boolean {
  const name = line.slice(0, line.indexOf(':'));
  return !isTrailer(name) || clientField?.isNamed(name.replace(/[^a-z0-9]/gi, '-')) === true;
}

/** Trailers, as lines, that may go on. `clientField` is one more that says whom the message is from: that of the listener, or null. */
export function allowedTrailers(trailers: string, clientField: ClientAddressField | null): string {
  if (trailers === '') return '';
  return trailers
    .split('\r\n')
    .filter((line) => line !== '' && !isForbidden(line, clientField))
    .map((line) => `${line}\r\n`)
    .join('');
}
