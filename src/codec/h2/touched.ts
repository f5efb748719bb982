// Connections that something was done with in this turn: each is settled once, at its end (settle.ts).

import type { CodecContext } from '../context.js';
import type { Http2Connection } from './connection.js';

/** Has the connection settled at the end of the turn. */
export function touch(w: CodecContext, c: Http2Connection): void {
  if (c.touched) return;
  c.touched = true;
  w.http2.touched.push(c);
}
