// A DNS server on loopback: answers A and SRV questions from records that a test may change at any time.
// Owns the few lines of RFC 1035 that this takes. Names that have no record do not exist.

import { createSocket, type Socket } from 'node:dgram';
import { freePlace, type Place, written } from '../support/addresses.js';

const TYPE = { A: 1, AAAA: 28, SRV: 33 } as const;
const CLASS_IN = 1;
const HEAD_BYTES = 12;
const RESPONSE_AUTHORITATIVE = 0x8400;
const NO_SUCH_NAME = 3;
/** A pointer to the name of the question, which begins behind the head. */
const NAME_OF_QUESTION = 0xc000 | HEAD_BYTES;

/** Where a service is (RFC 2782). */
export interface Service {
  readonly name: string;
  readonly port: number;
}

export class DnsOrigin {
  /** IPv4 addresses by name, in lower case. */
  readonly addresses = new Map<string, readonly string[]>();
  readonly services = new Map<string, readonly Service[]>();
  /** Types of records it never answers a question for, such as `AAAA`. */
  readonly silentAbout = new Set<string>();
  /** Questions so far, as `A name`. */
  readonly asked: string[] = [];
  readonly #socket: Socket;

  constructor(
    socket: Socket,
    readonly place: Place,
    private readonly ttlSeconds: number,
  ) {
    this.#socket = socket;
    socket.on('message', (query, from) => {
      const answer = this.#answer(query);
      if (answer !== null) socket.send(answer, from.port, from.address);
    });
  }

  /** As the configuration writes it. */
  get address(): string {
    return written(this.place);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(query: Buffer): Buffer | null {
    const labels: string[] = [];
    let at = HEAD_BYTES;
    for (let bytes = query[at]!; bytes > 0; bytes = query[at]!) {
      labels.push(query.toString('latin1', at + 1, at + 1 + bytes).toLowerCase());
      at += 1 + bytes;
    }
    const name = labels.join('.');
    const type = query.readUInt16BE(at + 1);
    const question = query.subarray(HEAD_BYTES, at + 5);
    const kind = Object.entries(TYPE).find(([, number]) => number === type)?.[0] ?? `${type}`;
    this.asked.push(`${kind} ${name}`);
    if (this.silentAbout.has(kind)) return null;
    const found =
      type === TYPE.A
        ? (this.addresses.get(name) ?? []).map((address) => Buffer.from(address.split('.').map(Number)))
        : type === TYPE.SRV
          ? (this.services.get(name) ?? []).map(serviceData)
          : [];
    const exists = this.addresses.has(name) || this.services.has(name);
    const head = Buffer.alloc(HEAD_BYTES);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(RESPONSE_AUTHORITATIVE | (exists ? 0 : NO_SUCH_NAME), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(found.length, 6);
    return Buffer.concat([head, question, ...found.map((data) => this.#record(type, data))]);
  }

  #record(type: number, data: Buffer): Buffer {
    const head = Buffer.alloc(12);
    head.writeUInt16BE(NAME_OF_QUESTION, 0);
    head.writeUInt16BE(type, 2);
    head.writeUInt16BE(CLASS_IN, 4);
    head.writeUInt32BE(this.ttlSeconds, 6);
    head.writeUInt16BE(data.length, 10);
    return Buffer.concat([head, data]);
  }
}

/** Priority 0 and weight 1, the port, and the name in full: no pointers there. */
function serviceData({ name, port }: Service): Buffer {
  const head = Buffer.from([0, 0, 0, 1, port >> 8, port & 255]);
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  return Buffer.concat([head, ...labels, Buffer.from([0])]);
}

/** Starts a server whose records live for a second. */
export async function start(ttlSeconds = 1): Promise<DnsOrigin> {
  const place = freePlace();
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(place.port, place.host, resolve);
  });
  return new DnsOrigin(socket, place, ttlSeconds);
}
