// Writes responses of our own: their framing, and what becomes of the connection.

import { STATUS_CODES } from 'node:http';
import { CHUNK_BYTES } from '../../engine/layout.js';
import { type Exchange, NO_ADDRESS } from '../../exchange/exchange.js';
import { BODY } from '../../http/framing.js';
import { METHOD } from '../../http/methods.js';
import { closeClient, finish, linger } from '../close.js';
import { type ClientConnection, clientOf } from '../connections.js';
import type { CodecContext } from '../context.js';

/**
 * A counted body whose rest is all here already can be passed over; the connection stays usable. While the request is not
 * done the pending bytes begin with what is left of its body, whatever was kept of it for another attempt.
 */
function skipBody(w: CodecContext, client: ClientConnection): void {
  const { request } = client.x;
  if (request.done || request.kind !== BODY.counted || client.pendingAt === NO_ADDRESS) return;
  if (client.pendingBytes < request.left) return;
  client.pendingAt += request.left;
  client.pendingBytes -= request.left;
  request.left = 0;
  request.done = true;
  if (client.pendingBytes > 0) return;
  w.engine.release(client.pendingAt - 1);
  client.pendingAt = NO_ADDRESS;
}

/** Sends bytes by way of scratch memory, chunk by chunk. False: the slab is full. */
function send(w: CodecContext, client: ClientConnection, bytes: Uint8Array): boolean {
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    const part = bytes.subarray(from, from + CHUNK_BYTES);
    const at = w.scratch(part.length);
    if (at < 0) return false;
    w.memory.set(part, at);
    w.writer.at = at + part.length;
    w.scratchKeep();
    w.engine.send(client.conn, at, part.length);
  }
  return true;
}

/** As `ClientStream.reply`. */
export function writeReply(
  w: CodecContext,
  x: Exchange,
  status: number,
  lines: string,
  body: Uint8Array,
  bodiless: boolean,
  mustClose: boolean,
): void {
  const client = clientOf(x);
  if (!mustClose) skipBody(w, client);
  const closes = mustClose || !x.request.done || !client.keepAlive || w.draining;
  const connection = closes ? 'Connection: close\r\n' : x.minor === 0 ? 'Connection: keep-alive\r\n' : '';
  const length = bodiless ? '' : `Content-Length: ${body.length}\r\n`;
  const head = Buffer.from(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${length}${lines}${connection}\r\n`,
    'latin1',
  );
  const sendsBody = !bodiless && x.method !== METHOD.HEAD;
  if (!send(w, client, sendsBody ? Buffer.concat([head, body]) : head)) {
    closeClient(w, client, true);
    return;
  }
  x.status = status;
  if (sendsBody) x.bodyBytesOut = body.length;
  x.bytesOut += head.length + x.bodyBytesOut;
  x.response.done = true;
  if (closes) linger(w, client);
  else finish(w, x);
}
