// Reproducible randomness for fuzzing: one seed, one sequence. Mutations of messages.

/** A generator of the numbers that `seed` stands for (mulberry32). */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** An unsigned 32-bit number. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return this.next() % limit;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
}

/** What breaks parsers: separators, framing, and the edges of numbers. */
const TOKENS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  '0\r\n\r\n',
  '\r\n\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: -1\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  ' folded\r\n',
  'ffffffff\r\n',
  'fffffffffffffffff\r\n',
  '1;x="\r\n',
  'Connection: close\r\n',
  'Connection: upgrade\r\nUpgrade: websocket\r\n',
  'Connection: content-length, host\r\n',
  'Expect: 100-continue\r\n',
  'Host: b\r\n',
  'HTTP/1.0',
  'HTTP/2.0',
  'GET / HTTP/1.1\r\nHost: smuggled.example\r\n\r\n',
  'HEAD',
  'CONNECT',
  '\xff\xfe',
  'x'.repeat(2000),
];

/** A message like `message`, changed in a few places; sometimes bytes that are nothing at all. */
export function mutate(random: Random, message: Buffer): Buffer {
  if (random.below(40) === 0) return Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256)));
  let bytes: Buffer = Buffer.from(message);
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(bytes.length + 1);
    const to = Math.min(bytes.length, at + random.below(12));
    const cut = (between: Buffer): Buffer => Buffer.concat([bytes.subarray(0, at), between, bytes.subarray(to)]);
    switch (random.below(6)) {
      case 0:
        bytes = cut(Buffer.alloc(0));
        break;
      case 1:
        bytes = cut(Buffer.from([random.below(256)]));
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(TOKENS), 'latin1'), bytes.subarray(at)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at, to), bytes.subarray(to)]);
        break;
      case 4:
        if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
        break;
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}

/** Cuts `bytes` into up to five pieces. */
export function pieces(random: Random, bytes: Buffer): Buffer[] {
  const cuts = Array.from({ length: random.below(5) }, () => random.below(bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...cuts]
    .map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length))
    .filter(({ length }) => length > 0);
}
