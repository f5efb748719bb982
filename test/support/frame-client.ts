// A client of HTTP/2 that writes the frames a test gives it, also those that no client should, and notes those that come back.
// Owns framing. Blocks are written as plain literals; of blocks that come only the status is read.

import { connect, type Socket } from 'node:net';
import type { Place } from './addresses.js';
import { secure } from './secure.js';

export const TYPE = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const FLAG = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8 } as const;

export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A 32-bit number, as many payloads are. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = bytes.length - 127;
  const length = [127];
  let left = rest;
  for (; left >= 128; left >>>= 7) length.push((left & 127) | 128);
  length.push(left);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** A block of fields, each a literal that no table keeps. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])));
}

/** The fields of a request, `more` behind the pseudo-fields. */
export function request(method: string, path: string, ...more: readonly (readonly [string, string])[]): Buffer {
  return block([[':method', method], [':scheme', 'http'], [':path', path], [':authority', 'test.example'], ...more]);
}

/** A whole request without a body. */
export function get(stream: number, path: string): Buffer {
  return frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, stream, request('GET', path));
}

export class FrameClient {
  readonly frames: Frame[] = [];
  /** The connection has ended, by an end or a reset. */
  closed = false;
  #bytes = Buffer.alloc(0);
  #note: () => void = () => {};

  private constructor(readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('error', () => {});
    socket.on('close', () => this.#end());
    socket.on('end', () => this.#end());
  }

  /** Connects; with `tls` by ALPN. `begin`: sends the preface and SETTINGS. */
  static async connect(place: Place, options: { tls?: object; begin?: boolean } = {}): Promise<FrameClient> {
    const socket =
      options.tls === undefined
        ? await new Promise<Socket>((resolve, reject) => {
            const plain = connect(place.port, place.host, () => resolve(plain));
            plain.once('error', reject);
          })
        : await secure(place, { ALPNProtocols: ['h2'], ...options.tls });
    socket.setNoDelay(true);
    const client = new FrameClient(socket);
    if (options.begin !== false) client.send(PREFACE, frame(TYPE.SETTINGS, 0, 0));
    return client;
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Resolves with what `found` returns once that is not undefined, looked at after each frame and at the end. */
  async until<T>(what: string, found: () => T | undefined, ms = 10_000): Promise<T> {
    const deadline = Date.now() + ms;
    for (;;) {
      const value = found();
      if (value !== undefined) return value;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`waited ${ms} ms for ${what}; frames: ${this.shown()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#note = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The first frame of a type, of a stream if one is named. */
  frameOf(type: number, stream?: number): Frame | undefined {
    return this.frames.find((one) => one.type === type && (stream === undefined || one.stream === stream));
  }

  /** The error of the GOAWAY that ends the connection. */
  async goAway(): Promise<number> {
    const found = await this.until('GOAWAY', () => this.frameOf(TYPE.GOAWAY) ?? (this.closed ? null : undefined));
    if (found === null) throw new Error(`the connection ended without GOAWAY; frames: ${this.shown()}`);
    return found.payload.readUInt32BE(4);
  }

  /** Waits for a GOAWAY with this error, also behind a graceful one. */
  async endsWith(error: number): Promise<void> {
    await this.until(
      `GOAWAY with ${error}`,
      () =>
        this.frames.some(({ type, payload }) => type === TYPE.GOAWAY && payload.readUInt32BE(4) === error) || undefined,
    );
  }

  /** What became of a stream: its status, its reset, or both, once it has ended. */
  async outcome(stream: number): Promise<{ status?: number; reset?: number; body: string }> {
    return this.until(`the end of stream ${stream}`, () => {
      const own = this.frames.filter((one) => one.stream === stream);
      const reset = own.find(({ type }) => type === TYPE.RST_STREAM);
      const ended = own.some(({ type, flags }) => (type === TYPE.DATA || type === TYPE.HEADERS) && (flags & 1) !== 0);
      if (reset === undefined && !ended && !this.closed) return undefined;
      const head = own.find(({ type }) => type === TYPE.HEADERS);
      const body = Buffer.concat(own.filter(({ type }) => type === TYPE.DATA).map(({ payload }) => payload));
      return {
        ...(head === undefined ? {} : { status: statusOf(head.payload) }),
        ...(reset === undefined ? {} : { reset: reset.payload.readUInt32BE(0) }),
        body: body.toString('latin1'),
      };
    });
  }

  /** The frames that came, for messages. */
  shown(): string {
    return this.frames
      .map(({ type, flags, stream, payload }) => `${type}/${flags}/${stream}/${payload.length}`)
      .join(' ');
  }

  close(): void {
    this.socket.destroy();
  }

  #end(): void {
    this.closed = true;
    this.#note();
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      if (this.#bytes.length < 9) break;
      const length = this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < 9 + length) break;
      this.frames.push({
        type: this.#bytes[3]!,
        flags: this.#bytes[4]!,
        stream: this.#bytes.readUInt32BE(5),
        payload: Buffer.from(this.#bytes.subarray(9, 9 + length)),
      });
      this.#bytes = this.#bytes.subarray(9 + length);
    }
    this.#note();
  }
}

const STATUS_BY_INDEX: Readonly<Record<number, number>> = {
  8: 200,
  9: 204,
  10: 206,
  11: 304,
  12: 400,
  13: 404,
  14: 500,
};

/** The status that a block begins with: in the static table, or as a literal of three digits, Huffman-coded or not. */
function statusOf(payload: Buffer): number {
  const first = payload[0]!;
  if (first >= 0x80) return STATUS_BY_INDEX[first & 0x7f] ?? 0;
  const digits = payload.subarray(2, 2 + (payload[1]! & 0x7f));
  if ((payload[1]! & 0x80) === 0) return Number(digits.toString('latin1'));
  // The codes of digits: 0, 1 and 2 have five bits, the others six (RFC 7541, B).
  let bits = [...digits].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let status = '';
  while (status.length < 3) {
    const short = ['00000', '00001', '00010'].indexOf(bits.slice(0, 5));
    status += short >= 0 ? String(short) : String(Number.parseInt(bits.slice(0, 6), 2) - 25 + 3);
    bits = bits.slice(short >= 0 ? 5 : 6);
  }
  return Number(status);
}
