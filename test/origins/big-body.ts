// Streams a body of any size down, or counts one that comes up, keeping neither. node:http on both sides.

import { createServer } from 'node:http';
import { freePlace, loopback } from '../support/addresses.js';
import { closing } from '../support/closing.js';

export interface BigBody {
  readonly address: string;
  readonly port: number;
  /** Bytes of request bodies read so far. */
  uploaded(): number;
  close(): Promise<void>;
}

/** GET /BYTES answers that many bytes (`?chunked` without a length); POST answers how many arrived. */
export async function start(): Promise<BigBody> {
  const { port } = freePlace();
  const piece = Buffer.alloc(256 * 1024, 'sevenfold ');
  let uploaded = 0;
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    if (request.method === 'POST' || request.method === 'PUT') {
      let bytes = 0;
      request.on('data', (data: Buffer) => {
        bytes += data.length;
        uploaded += data.length;
      });
      request.on('end', () => response.end(String(bytes)));
      return;
    }
    const url = new URL(request.url ?? '/', 'http://origin');
    let left = Number(url.pathname.slice(1));
    if (!url.searchParams.has('chunked')) response.setHeader('Content-Length', left);
    const more = (): void => {
      while (left > 0) {
        const bytes = Math.min(left, piece.length);
        left -= bytes;
        if (!response.write(bytes === piece.length ? piece : piece.subarray(0, bytes))) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const close = closing(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, loopback, resolve);
  });
  return {
    address: `${loopback}:${port}`,
    port,
    uploaded: () => uploaded,
    close,
  };
}
