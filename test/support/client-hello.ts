// ClientHellos for tests: what real clients send, and ones made field by field.
// Owns the bytes. Leaves sending them to the tests.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connect } from 'node:tls';

/** A ClientHello as node:tls sends it when it asks for `servername`, or for none; `ecdhCurve`: with a key share of this kind. */
export async function realHello(servername?: string, ecdhCurve?: string): Promise<Buffer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection') as Promise<[import('node:net').Socket]>;
  const client = connect({
    host: '127.0.0.1',
    port,
    ...(servername === undefined ? {} : { servername }),
    ...(ecdhCurve === undefined ? {} : { ecdhCurve }),
  });
  client.on('error', () => {});
  const [socket] = await accepted;
  const pieces: Buffer[] = [];
  for await (const piece of socket as AsyncIterable<Buffer>) {
    pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    if (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt16BE(3)) break;
  }
  client.destroy();
  socket.destroy();
  server.close();
  return Buffer.concat(pieces);
}

/** A number in `bytes` bytes, big end first. */
export function number(value: number, bytes: number): Buffer {
  const to = Buffer.alloc(bytes);
  to.writeUIntBE(value, 0, bytes);
  return to;
}

/** Bytes behind their length. */
export function vector(bytes: Buffer, lengthBytes: number): Buffer {
  return Buffer.concat([number(bytes.length, lengthBytes), bytes]);
}

export function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([number(type, 2), vector(body, 2)]);
}

/** The server_name extension with these names, all of them host names. */
export function serverNames(...names: string[]): Buffer {
  const list = names.map((name) => Buffer.concat([number(0, 1), vector(Buffer.from(name, 'latin1'), 2)]));
  return extension(0, vector(Buffer.concat(list), 2));
}

/** What a made ClientHello has, where it is not as usual. */
export interface HelloParts {
  readonly session?: Buffer;
  readonly suites?: Buffer;
  readonly compressions?: Buffer;
  /** null: the message ends before it. */
  readonly extensions?: readonly Buffer[] | null;
  /** The length it says the extensions have. */
  readonly extensionsBytes?: number;
}

/** A ClientHello as a message, without records. */
export function helloMessage(parts: HelloParts = {}): Buffer {
  const { session = Buffer.alloc(32, 7), suites = number(0x1301, 2), compressions = number(0, 1) } = parts;
  const { extensions = [] } = parts;
  const list = Buffer.concat(extensions ?? []);
  const body = Buffer.concat([
    number(0x0303, 2),
    Buffer.alloc(32, 9),
    vector(session, 1),
    vector(suites, 2),
    vector(compressions, 1),
    ...(extensions === null ? [] : [number(parts.extensionsBytes ?? list.length, 2), list]),
  ]);
  return Buffer.concat([number(1, 1), vector(body, 3)]);
}

/** A message as records of at most `fragmentBytes` each. */
export function records(message: Buffer, fragmentBytes = 16_384): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += fragmentBytes) {
    const fragment = message.subarray(at, at + fragmentBytes);
    parts.push(Buffer.from([22, 3, 1]), vector(fragment, 2));
  }
  return Buffer.concat(parts);
}
