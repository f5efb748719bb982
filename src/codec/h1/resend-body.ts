// The next attempt of a request: what was kept of its body goes out once more.
// Owns its framing. Leaves keeping it to exchange/kept-body.ts.

import { CHUNK_BYTES, SEND_FLAG } from '../../engine/layout.js';
import type { Context } from '../../exchange/context.js';
import type { Exchange } from '../../exchange/exchange.js';
import { BODY } from '../../http/framing.js';
import type { BackendConnection } from '../connections.js';
import { gatherChunk, gatherLastChunk } from './relay.js';

/**
 * Sends what is kept of the body once more, framed as the request's head says. What the client has not sent yet follows as
 * it comes. False: the slab is full; the connection is of no use then.
 */
export function resendBody(w: Context, x: Exchange, backend: BackendConnection): boolean {
  const { bytes, chunks, trailers } = x.keptBody;
  const isChunked = x.request.kind === BODY.chunked;
  let room = true;
  w.engine.sendBegin(backend.conn, SEND_FLAG.none);
  for (let i = 0, left = bytes; left > 0 && room; i++, left -= CHUNK_BYTES) {
    const part = Math.min(left, CHUNK_BYTES);
    if (isChunked) room = gatherChunk(w, chunks[i]!, part);
    else w.engine.span(chunks[i]!, part);
  }
  if (room && isChunked && x.request.done) room = gatherLastChunk(w, trailers);
  w.engine.sendEnd();
  return room;
}
