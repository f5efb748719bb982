// What a client of Node's own HTTP/2 (nghttp2) writes to a connection, as bytes.

import { connect, type OutgoingHttpHeaders } from 'node:http2';
import { Duplex } from 'node:stream';

/** All that a client sends which makes these requests one after the other, its preface included. No server answers. */
export async function clientBytes(
  requests: readonly OutgoingHttpHeaders[],
  bodies: readonly string[] = [],
): Promise<Buffer> {
  const written: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk);
      done();
    },
  });
  const session = connect('http://proxy.example', { createConnection: () => wire });
  session.on('error', () => {});
  for (const [i, headers] of requests.entries()) {
    const stream = session.request(headers, { endStream: bodies[i] === undefined });
    stream.on('error', () => {});
    if (bodies[i] !== undefined) stream.end(bodies[i]);
  }
  // Node writes a request in the turns that follow its making.
  await new Promise<void>((resolve) => {
    let quiet = 0;
    let before = -1;
    const look = (): void => {
      const bytes = written.reduce((sum, { length }) => sum + length, 0);
      quiet = bytes === before ? quiet + 1 : 0;
      before = bytes;
      if (quiet > 20 && bytes > 0) resolve();
      else setImmediate(look);
    };
    look();
  });
  session.destroy();
  return Buffer.concat(written);
}
