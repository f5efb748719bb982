// The fuzz target of the ClientHello's parser: mutated messages come to the same in whatever pieces and records, and a
// name that is found stands in the bytes. Owns one round. Leaves how long it lasts to the test.

import assert from 'node:assert/strict';
import { ClientHello, HELLO } from '../../src/codec/raw/client-hello.js';
import { extension, helloMessage, records, serverNames } from '../support/client-hello.js';
import { mutate, pieces, Random } from './random.js';

const BYTES_MAX = 16_384;

/** Reads pieces; what they come to, and the name if there is one. */
export type Read = (parts: readonly Buffer[]) => readonly [number, string];

export const readWell: Read = (parts) => {
  const hello = new ClientHello(BYTES_MAX);
  let state: number = HELLO.partial;
  for (const part of parts) {
    state = hello.read(part, 0, part.length);
    if (state !== HELLO.partial) break;
  }
  return [state, state === HELLO.complete ? hello.sni : ''];
};

/** One message, made from `seed`. */
export function fuzzClientHello(seed: number, read: Read = readWell): void {
  const random = new Random(seed);
  const others = Array.from({ length: random.below(4) }, () =>
    extension(1 + random.below(60), Buffer.alloc(random.below(300))),
  );
  const message = helloMessage({ extensions: [...others, serverNames('shop.example.com'), ...others] });
  // Mutated inside its records, or together with them.
  const fragmentBytes = 1 + random.below(400);
  const stream =
    random.below(2) === 0
      ? records(mutate(random, message), fragmentBytes)
      : mutate(random, records(message, fragmentBytes));
  const whole = read([stream]);
  const text = stream.toString('hex');
  assert.deepEqual(read(pieces(random, stream)), whole, text);
  assert.deepEqual(read(Array.from(stream, (byte) => Buffer.from([byte]))), whole, `bytes of ${text}`);
  assert.match(whole[1], /^[\x21-\x7e]{0,255}$/, text);
}
