// Reads the ClientHello of a connection that is passed on as it is, and sends the connection where its name leads.
// Owns parking: an incomplete ClientHello leaves the slab, as heads of requests do. Leaves its syntax to client-hello.ts.

import { CHUNK_BYTES } from '../../engine/layout.js';
import type { Context } from '../../exchange/context.js';
import type { ReasonCode } from '../../http/reasons.js';
import { CLIENT, type ClientConnection } from '../connections.js';
import { linger } from '../h1/finish.js';
import { closeClient } from '../h1/server.js';
import { ClientHello, HELLO } from './client-hello.js';
import { tunnelByName } from './tunnel.js';

/** As much of a ClientHello is read, records and all: it goes on in one piece, from one chunk. */
export const HELLO_BYTES_MAX = CHUNK_BYTES;
/** The first copy of one that is cut, in bytes; it doubles as more comes. */
const PARKED_BYTES_MIN = 512;

/** A fatal alert as a record (RFC 8446, 6), fit to be pinned. */
const alert = (description: number): string => String.fromCharCode(21, 3, 3, 0, 2, 2, description);

/** What a client hears that speaks TLS; the others would not understand it. */
export const ALERT = {
  unexpectedMessage: alert(10),
  decodeError: alert(50),
  unrecognizedName: alert(112),
} as const;

/** Waits for the ClientHello of a connection just accepted. It is due within `timeouts.tlsHandshake`. */
export function helloBegin(w: Context, client: ClientConnection): void {
  client.to(CLIENT.HELLO);
  client.hello = new ClientHello(HELLO_BYTES_MAX);
  w.deadlines.set(client.slot, w.ticks.tlsHandshake);
}

/** Reads on with `bytes` bytes at `at`, whose chunk reference passes to this function. */
export function readHello(w: Context, client: ClientConnection, at: number, bytes: number): void {
  const hello = client.hello!;
  switch (hello.read(w.memory, at, at + bytes)) {
    case HELLO.partial:
      park(w, client, at, bytes);
      break;
    case HELLO.complete: {
      // Its beginning goes back in front of the end: room was left for it.
      const parkedBytes = client.parked?.length ?? 0;
      if (client.parked !== null) w.memory.set(client.parked, at - parkedBytes);
      client.parked = null;
      client.hello = null;
      client.pendingAt = at - parkedBytes;
      client.pendingBytes = bytes + parkedBytes;
      if (!tunnelByName(w, client, hello.serverName)) refuse(w, client, 'SERVER_NAME_UNKNOWN', ALERT.unrecognizedName);
      break;
    }
    case HELLO.notTls:
      w.engine.release(at);
      refuse(w, client, 'HELLO_MALFORMED', '');
      break;
    case HELLO.unexpected:
      w.engine.release(at);
      refuse(w, client, 'HELLO_MALFORMED', ALERT.unexpectedMessage);
      break;
    case HELLO.tooLarge:
      w.engine.release(at);
      refuse(w, client, 'HELLO_TOO_LARGE', ALERT.decodeError);
      break;
    default:
      w.engine.release(at);
      refuse(w, client, 'HELLO_MALFORMED', ALERT.decodeError);
  }
}

/** Copies what there is out of the slab, behind what was copied before, and leaves room for all of it in front of the rest. */
function park(w: Context, client: ClientConnection, at: number, bytes: number): void {
  const before = client.parked;
  const parkedBytes = before?.length ?? 0;
  const room = before?.buffer.byteLength ?? 0;
  const grown = room >= parkedBytes + bytes ? before!.buffer : new ArrayBuffer(roomFor(parkedBytes + bytes));
  const parked = Buffer.from(grown, 0, parkedBytes + bytes);
  if (before !== null && grown !== before.buffer) parked.set(before);
  parked.set(w.memory.subarray(at, at + bytes), parkedBytes);
  client.parked = parked;
  w.engine.release(at);
  client.paused = false;
  w.engine.readStart(client.conn, parked.length);
}

function roomFor(bytes: number): number {
  let room = PARKED_BYTES_MIN;
  while (room < bytes) room *= 2;
  return room;
}

/** Ends a connection that leads nowhere: counted, told by an alert unless that is empty, and closed. */
function refuse(w: Context, client: ClientConnection, code: ReasonCode, alert: string): void {
  w.count(code);
  if (alert === '') {
    closeClient(w, client);
    return;
  }
  const { at, bytes } = w.pinned.pin(alert);
  w.engine.send(client.conn, at, bytes);
  linger(w, client);
}

/** The ClientHello did not come in time. */
export function helloLate(w: Context, client: ClientConnection): void {
  refuse(w, client, 'HELLO_TIMEOUT', '');
}

/** The client ends its side before its ClientHello is complete. One that sent nothing only wanted to know who listens. */
export function helloEnded(w: Context, client: ClientConnection): void {
  if (client.parked !== null) w.count('CLIENT_LEFT');
  closeClient(w, client);
}
