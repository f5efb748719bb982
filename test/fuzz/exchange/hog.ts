// Clients that ask for much and do not read it for a while: what they hold of the slab, others lack.
// Owns the server of these bodies as well. What is wrong with one goes into the book of the round.

import { connect } from 'node:net';
import { type RawOrigin, serveRequests } from '../../origins/raw.js';
import type { Place } from '../../support/addresses.js';
import type { Random } from '../random.js';
import type { Book } from './book.js';

/** More than the buffers of both kernels hold. */
const BYTES = 3_000_000;
const HEAD = `HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\n\r\n`;

/** The server for hogs: a long body for each request. */
export function startHogServer(): Promise<RawOrigin> {
  const body = Buffer.alloc(BYTES, 'h');
  return serveRequests((_, { socket }) => {
    socket.write(HEAD, 'latin1');
    socket.write(body);
  });
}

/**
 * Asks for a long body, reads nothing for some time, then all of it, or leaves. It may be refused, since the slab is full, and
 * where `mayBeCut`, cut, since it is slow.
 */
export async function runHog(book: Book, { host, port }: Place, dice: Random, mayBeCut: boolean): Promise<void> {
  const waitMs = 50 + dice.below(500);
  const leaves = dice.below(4) > 0;
  const socket = connect({ host, port });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let bytes = 0;
  let start = '';
  socket.on('error', () => {});
  socket.on('data', (data: Buffer) => {
    if (start.length < 12) start += data.toString('latin1', 0, 12);
    bytes += data.length;
  });
  socket.pause();
  socket.write('GET /hog HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  if (leaves) socket.destroy();
  else socket.resume();
  await closed;
  const [, status] = start.split(' ');
  if (leaves) return;
  if (status === undefined || !/^(200|50[34])/.test(status)) {
    if (!mayBeCut || status !== undefined) book.fail(`hog got ${start}`);
  } else if (status.startsWith('200') && bytes < BYTES && !mayBeCut) {
    book.fail(`hog got ${bytes} bytes of ${BYTES}`);
  }
}
