// A piece of a body, between the codec that read it and all that it is shown to.

import type { Piece } from './filter.js';

/**
 * One per worker: the reading codec fills it for each piece, without its framing, and the writing one puts its own around it.
 * Nothing of it may be kept.
 */
export class BodyPiece implements Piece {
  at = 0;
  bytes = 0;
  trailers = '';
  end = false;
  /** Bytes that are known to follow: those of a chunk that has begun. */
  left = 0;
}
