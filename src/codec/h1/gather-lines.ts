// Lines that we add to heads, listed in the open send.

import { CHUNK_BYTES } from '../../engine/layout.js';
import type { CodecContext } from '../context.js';

/** False once a line found no room in the slab: the head that is being listed is not to be trusted. Set to true before each. */
export const listing = { hasRoom: true };

/** Adds a constant line to the open send. */
export function pin(w: CodecContext, text: string): void {
  const pinned = w.pinned.pinIfRoom(text);
  // A full slab takes no new constants for ever; one more line for this batch it may.
  if (pinned === null) gatherText(w, text);
  else w.engine.span(pinned.at, pinned.bytes);
}

/** Adds text to the open send by way of scratch memory, chunk by chunk, if there is room. */
export function gatherText(w: CodecContext, text: string): void {
  for (let from = 0; from < text.length; from += CHUNK_BYTES) {
    const part = text.length <= CHUNK_BYTES ? text : text.slice(from, from + CHUNK_BYTES);
    const at = w.scratch(part.length);
    if (at < 0) {
      listing.hasRoom = false;
      return;
    }
    w.writer.text(part);
    w.scratchKeep();
    w.engine.span(at, part.length);
  }
}

/** The constants that any message may need, to be pinned while there is room. */
export const CONSTANT_LINES: readonly string[] = [
  ' ',
  ', ',
  '\r\n',
  'Host: ',
  'Upgrade: ',
  'Connection: Upgrade\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 0\r\n',
  'Via: 1.1 sevenfold\r\n',
  'X-Forwarded-For: ',
  'X-Forwarded-Host: ',
  'X-Forwarded-Proto: http\r\n',
  'X-Forwarded-Proto: https\r\n',
  'X-Request-Id: ',
];
