// Reads the ClientHello of a connection that is passed on as it is.
// Owns parking: an incomplete ClientHello leaves the slab, as heads of requests do. Leaves its syntax to client-hello.ts,
// and where its name leads to worker/accept.ts.

import { CHUNK_BYTES } from '../../engine/layout.js';
import type { ReasonCode } from '../../http/reasons.js';
import { CLIENT, type ClientConnection } from '../connections.js';
import type { CodecContext } from '../context.js';
import { Parked } from '../parked.js';
import { ClientHello, HELLO } from './client-hello.js';

/** As much of a ClientHello is read, records and all: it goes on in one piece, from one chunk. */
const HELLO_BYTES_MAX = CHUNK_BYTES;

/** A fatal alert as a record (RFC 8446, 6), fit to be pinned. */
const alert = (description: number): string => String.fromCharCode(21, 3, 3, 0, 2, 2, description);

/** What a client gets that speaks TLS; the others would not understand it. */
export const ALERT = {
  unexpectedMessage: alert(10),
  decodeError: alert(50),
  unrecognizedName: alert(112),
} as const;

/** Why a connection is passed on to no server, and the alert that tells the client; empty for none. */
export interface HelloRefusal {
  readonly reason: ReasonCode;
  readonly alert: string;
}

const REFUSALS: Readonly<Record<number, HelloRefusal>> = {
  [HELLO.notTls]: { reason: 'HELLO_MALFORMED', alert: '' },
  [HELLO.unexpected]: { reason: 'HELLO_MALFORMED', alert: ALERT.unexpectedMessage },
  [HELLO.malformed]: { reason: 'HELLO_MALFORMED', alert: ALERT.decodeError },
  [HELLO.tooLarge]: { reason: 'HELLO_TOO_LARGE', alert: ALERT.decodeError },
};

/** The refusal that this HELLO leads to; not for `partial` and `complete`. */
export const helloRefusal = (result: number): HelloRefusal => REFUSALS[result]!;

/** No pool is for the name of the ClientHello. */
export const NAME_UNKNOWN: HelloRefusal = { reason: 'SERVER_NAME_UNKNOWN', alert: ALERT.unrecognizedName };

/** Waits for the ClientHello of a connection just accepted. It is due within `timeouts.tlsHandshake`. */
export function helloBegin(w: CodecContext, client: ClientConnection): void {
  client.to(CLIENT.HELLO);
  client.hello = new ClientHello(HELLO_BYTES_MAX);
  w.deadlines.set(client.slot, w.ticks.tlsHandshake);
}

/**
 * Reads on with `bytes` bytes at `at`, whose chunk reference passes to this function. Returns HELLO; once that is complete,
 * all of the ClientHello, and what follows it, is pending, and its name is in `client.hello`.
 */
export function readHello(w: CodecContext, client: ClientConnection, at: number, bytes: number): number {
  const result = client.hello!.read(w.memory, at, at + bytes);
  if (result === HELLO.complete) {
    // Its beginning goes back in front of the end: room was left for it.
    client.pendingAt = client.parked === null ? at : client.parked.putBefore(w.memory, at);
    client.pendingBytes = at + bytes - client.pendingAt;
    client.parked = null;
    return result;
  }
  if (result === HELLO.partial) park(w, client, at, bytes);
  w.engine.release(at);
  return result;
}

/** Copies what there is out of the slab, and leaves room for all of it in front of the rest. */
function park(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  if (client.parked === null) client.parked = new Parked(w.memory, at, bytes);
  else client.parked.add(w.memory, at, bytes);
  client.paused = false;
  w.engine.readStart(client.conn, client.parked.length);
}
