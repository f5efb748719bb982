// A DNS server on loopback for names whose address is another one with each answer. It answers for one name every 100 ms,
// in turn: so a pool of eleven such names changes its members that often, though each is asked for once a second at most.

import { createSocket, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

const HEAD_BYTES = 12;
const TYPE_A = 1;
const TURN_MS = 100;

export interface FlappingNames {
  readonly port: number;
  readonly names: readonly string[];
  /** Answers so far that named another address than the one before. */
  readonly changes: number;
  /** With false, every name keeps the address it has. */
  flap(on: boolean): void;
  stop(): void;
}

/** Starts it with `count` names, `n0.churn.example` and on; all their addresses are in 127.0.0.0/8. */
export async function startFlappingNames(count: number): Promise<FlappingNames> {
  const socket = createSocket('udp4');
  const names = Array.from({ length: count }, (_, i) => `n${i}.churn.example`);
  const turns = new Array<number>(count).fill(0);
  const roundMs = count * TURN_MS;
  let flaps = false;
  let changes = 0;
  socket.on('message', (query, from) => {
    const { name, type, end } = question(query);
    const index = names.indexOf(name);
    if (index < 0 || type !== TYPE_A) {
      answer(socket, query, end, null, from);
      return;
    }
    if (flaps) {
      turns[index]!++;
      changes++;
    }
    const address = [127, 1, index, 1 + (turns[index]! % 2)];
    const inMs = (roundMs + index * TURN_MS - (performance.now() % roundMs)) % roundMs;
    setTimeout(() => answer(socket, query, end, address, from), inMs);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    port: (socket.address() as AddressInfo).port,
    names,
    get changes() {
      return changes;
    },
    flap: (on) => {
      flaps = on;
    },
    stop: () => socket.close(),
  };
}

function question(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEAD_BYTES;
  for (let bytes = query[at]!; bytes > 0; bytes = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + bytes).toLowerCase());
    at += 1 + bytes;
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** RFC 1035, 4.1: the question again, and one record of a second's life, or none. */
function answer(
  socket: Socket,
  query: Buffer,
  end: number,
  address: readonly number[] | null,
  from: { readonly address: string; readonly port: number },
): void {
  const head = Buffer.alloc(HEAD_BYTES);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8400, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(address === null ? 0 : 1, 6);
  const record = address === null ? [] : [0xc0, HEAD_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 1, 0, 4, ...address];
  socket.send(Buffer.concat([head, query.subarray(HEAD_BYTES, end), Buffer.from(record)]), from.port, from.address);
}
