// Request bodies: what of DATA goes on to the server now, and what is held.
// Owns when a piece is taken, and with it when the client may send more. Leaves windows to windows.ts.

import { CHUNK_BYTES } from '../../engine/layout.js';
import { fail, requestBody } from '../../exchange/events.js';
import type { Exchange } from '../../exchange/exchange.js';
import { BODY } from '../../http/framing.js';
import type { ReasonCode } from '../../http/reasons.js';
import type { CodecContext } from '../context.js';
import { type Http2Stream, STREAM } from './stream.js';
import { dropHeld, giveCredit, holdBody } from './windows.js';

/** Its server takes the body now. */
function mayPass(x: Exchange): boolean {
  const { backend } = x.attempt;
  return x.isAtServer && backend !== null && !backend.blocked;
}

/** Takes a piece of DATA, or with no bytes the end of a body alone. What cannot go on is held. Hot. */
export function passBody(w: CodecContext, s: Http2Stream, at: number, bytes: number): void {
  const { x } = s;
  if (x.request.done) {
    giveCredit(w, s.connection, s, bytes); // nothing is left to be said: a last empty frame
    return;
  }
  let refused: ReasonCode | null = null;
  if (s.held.bytes === 0 && mayPass(x)) refused = passPiece(w, s, at, bytes, s.remoteDone);
  else if (bytes > 0 && !holdBody(w, s, at, bytes)) refused = 'OVERLOADED';
  if (refused !== null) fail(w, x, refused);
}

/** Passes a piece on. `last`: nothing of the body comes behind it. Returns why the exchange cannot go on, or null. */
function passPiece(w: CodecContext, s: Http2Stream, at: number, bytes: number, last: boolean): ReasonCode | null {
  const { x } = s;
  const { piece } = w;
  const { request } = x;
  const counted = request.kind === BODY.counted;
  if (counted) request.left -= bytes;
  else if (bytes === 0 && !last) return null;
  request.done = counted ? request.left === 0 : last;
  piece.at = at;
  piece.bytes = bytes;
  piece.trailers = request.done && !counted ? s.requestTrailers : '';
  piece.left = 0;
  piece.end = request.done;
  const refused = requestBody(w, x);
  giveCredit(w, s.connection, s, bytes);
  return refused;
}

/**
 * Passes on what is held of a body. Called by the dispatcher alone, once an event is handled that may have made that possible
 * (`woken`).
 */
export function resumeStream(w: CodecContext, s: Http2Stream): void {
  s.woken = false;
  const { held, x } = s;
  if (s.state !== STREAM.OPEN || x.request.done || !mayPass(x)) return;
  let refused: ReasonCode | null = null;
  let left = held.bytes;
  if (left === 0 && s.remoteDone) refused = passPiece(w, s, 0, 0, true);
  for (let i = 0; left > 0 && refused === null; i++) {
    const part = Math.min(left, CHUNK_BYTES);
    left -= part;
    refused = passPiece(w, s, held.chunks[i]!, part, s.remoteDone && left === 0);
  }
  dropHeld(w, s);
  if (refused !== null) fail(w, x, refused);
}
