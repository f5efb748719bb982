// What the readers of heads and chunked bodies return.

export const PARSED = {
  /** More bytes are needed. */
  partial: 0,
  /** The head, or the message, is complete: `endAt` says where. */
  complete: 1,
  /** Not HTTP, or ambiguous. */
  invalid: 2,
  /** More fields than the limit. */
  tooManyFields: 3,
  /** Trailer fields over their limit. */
  trailersTooLong: 4,
} as const;
