// Origins whose connections must begin with a PROXY header, in the clear or in front of TLS. They note what each said.

import { createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import { freePlace, written } from '../support/addresses.js';
import { closing } from '../support/closing.js';
import { type Identity, makeIdentity } from '../support/identity.js';
import { type Message, readRequest } from '../support/messages.js';
import { readHeader, type Said } from '../support/proxy-header.js';
import { listenRaw, ok, type RawOrigin, type Visit } from './raw.js';

export interface WantsHeader {
  /** Also tells of connections without a header, as malformed. */
  readonly origin: RawOrigin;
  readonly address: string;
  /** By connection, in the order they came; undefined while the header is not complete. */
  readonly said: (Said | undefined)[];
  readonly requests: { readonly visit: number; readonly message: Message }[];
  close(): Promise<void>;
}

/** Starts one that speaks HTTP behind the header. `answer` gets the connection and its number. */
export async function start(
  answer: (visit: Visit, nth: number) => void = ({ socket }) => socket.write(ok('fine')),
): Promise<WantsHeader> {
  const said: (Said | undefined)[] = [];
  const requests: WantsHeader['requests'] = [];
  const origin = await listenRaw((visit, self) => {
    const nth = said.push(undefined) - 1;
    visit.socket.on('end', () => visit.socket.end());
    visit.socket.on('data', (text: string) => {
      visit.bytes += text;
      try {
        if (said[nth] === undefined) {
          said[nth] = readHeader(visit.bytes);
          visit.bytes = visit.bytes.slice(said[nth]?.end ?? 0);
        }
        for (let message = readRequest(visit.bytes); said[nth] && message; message = readRequest(visit.bytes)) {
          visit.bytes = visit.bytes.slice(message.end);
          visit.requestCount++;
          requests.push({ visit: nth, message });
          answer(visit, nth);
          if (visit.bytes === '') break;
        }
      } catch (error) {
        self.malformed.push(error as Error);
        visit.socket.destroy();
      }
      self.note();
    });
  });
  return { origin, address: origin.address, said, requests, close: () => origin.close() };
}

export interface WantsHeaderAndTls {
  readonly address: string;
  /** Shown behind the header. */
  readonly identity: Identity;
  /** What came over TLS, piece by piece, and the header of its connection. */
  readonly seen: { readonly said: Said; readonly body: string }[];
  /** Resolves once something more was seen. */
  next(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one that speaks TLS behind the header, as backend.example, and answers each piece with 200 `secret`. */
export async function startSecure(): Promise<WantsHeaderAndTls> {
  const identity = makeIdentity({ names: ['backend.example'] });
  const seen: WantsHeaderAndTls['seen'] = [];
  const waiting: (() => void)[] = [];
  const place = freePlace();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    let bytes = Buffer.alloc(0);
    const onData = (piece: Buffer): void => {
      bytes = Buffer.concat([bytes, piece]);
      const said = readHeader(bytes.toString('latin1'));
      if (said === undefined) return;
      socket.off('data', onData);
      socket.pause();
      socket.unshift(bytes.subarray(said.end));
      const over = new TLSSocket(socket, { isServer: true, cert: identity.issued.cert, key: identity.issued.key });
      over.on('error', () => {});
      over.setEncoding('latin1').on('data', (body: string) => {
        seen.push({ said, body });
        over.write(ok('secret'));
        for (const resolve of waiting.splice(0)) resolve();
      });
    };
    socket.on('data', onData);
  });
  const close = closing(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(place.port, place.host, resolve);
  });
  return {
    address: written(place),
    identity,
    seen,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    close,
  };
}
