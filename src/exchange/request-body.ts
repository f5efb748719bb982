// The body of a request, piece by piece, from its client's codec to its server's.
// Owns what a piece passes on its way. Leaves framing to the codecs.

import type { ReasonCode } from '../http/reasons.js';
import type { Context } from './context.js';
import type { Exchange } from './exchange.js';
import { keepPiece } from './forward.js';
import { copyBody } from './mirror.js';
import { showPiece } from './phases.js';
import { bodyTooSlow, requestSent, ticksOf } from './request-deadlines.js';

/**
 * A piece of the request body, in `w.piece`, goes to the server. Returns why the exchange cannot go on, or null. What comes
 * after a piece that did not go on must not be read as a request: `keepAlive` is taken away then. Hot.
 */
export function requestBody(w: Context, x: Exchange): ReasonCode | null {
  const { piece } = w;
  const { bodyBytesMax, phases } = x.rule!;
  x.bodyBytesTotal += piece.bytes;
  // Looked at before anything goes on: a server must not act on a body that was refused to its client.
  if (bodyBytesMax !== 0 && x.bodyBytesTotal + piece.left > bodyBytesMax) {
    x.client.keepAlive = false;
    return 'BODY_TOO_LARGE';
  }
  const refused = phases.requestBody.length === 0 ? null : showPiece(phases.requestBody, x, piece);
  if (refused !== null) {
    x.client.keepAlive = false;
    return refused;
  }
  if (!w.backendStream.writeBody(w, x.attempt, piece)) {
    x.client.keepAlive = false;
    return 'OVERLOADED';
  }
  if (x.copies.length > 0) copyBody(w, x);
  if (x.keeping) keepPiece(w, x);
  return moved(w, x);
}

/** Sets the deadlines after a piece. Returns why the exchange ends, when the pieces come too slowly, or null. */
function moved(w: Context, x: Exchange): ReasonCode | null {
  if (x.request.done) {
    if (!x.responseStarted || !x.client.blocked) requestSent(w, x);
    return null;
  }
  if (x.attempt.backend!.blocked) return null;
  if (w.deadlines.now >= x.bodyRateAt && bodyTooSlow(w, x)) return 'BODY_TIMEOUT';
  w.exchangeDeadlines.set(x.id, ticksOf(w, x).requestBody, x.expires);
  return null;
}
