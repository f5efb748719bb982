// The ClientHello: the name in it, however it is cut, and everything that is none refused at the same byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClientHello, HELLO } from '../../../../src/codec/raw/client-hello.js';
import {
  extension,
  type HelloParts,
  helloMessage,
  number,
  realHello,
  records,
  serverNames,
  vector,
} from '../../../support/client-hello.js';

const BYTES_MAX = 16_384;

/** What reading `bytes` in these pieces comes to: the state, the name, and how many bytes it took. */
function read(bytes: Buffer, cuts: readonly number[] = [], bytesMax = BYTES_MAX): [number, string] {
  const hello = new ClientHello(bytesMax);
  let state: number = HELLO.partial;
  const ends = [...cuts, bytes.length];
  let at = 0;
  for (const end of ends) {
    state = hello.read(bytes, at, end);
    at = end;
    if (state !== HELLO.partial) break;
  }
  return [state, state === HELLO.complete ? hello.sni : ''];
}

const everyByte = (bytes: Buffer): number[] => Array.from({ length: bytes.length }, (_, i) => i + 1);

/** Reads a made one. */
const made = (parts: HelloParts): [number, string] => read(records(helloMessage(parts)));

test('finds the name in what a real client sends, cut at every byte, and byte by byte', async () => {
  const bytes = await realHello('shop.example.com');
  assert.deepEqual(read(bytes), [HELLO.complete, 'shop.example.com']);
  for (let cut = 1; cut < bytes.length; cut++) {
    assert.deepEqual(read(bytes.subarray(0, cut)), [HELLO.partial, ''], `${cut} bytes`);
    assert.deepEqual(read(bytes, [cut]), [HELLO.complete, 'shop.example.com'], `cut at ${cut}`);
  }
  assert.deepEqual(read(bytes, everyByte(bytes)), [HELLO.complete, 'shop.example.com']);
});

test('finds no name where a real client asks for none', async () => {
  assert.deepEqual(read(await realHello()), [HELLO.complete, '']);
});

test('reads a message that is spread over records of any size', async () => {
  const message = (await realHello('shop.example.com')).subarray(5);
  for (const fragmentBytes of [1, 2, 3, 4, 5, 39, 40, 100]) {
    const bytes = records(message, fragmentBytes);
    assert.deepEqual(read(bytes), [HELLO.complete, 'shop.example.com'], `records of ${fragmentBytes}`);
    assert.deepEqual(read(bytes, everyByte(bytes)), [HELLO.complete, 'shop.example.com']);
  }
});

test('leaves what follows the message alone', () => {
  const bytes = Buffer.concat([
    records(helloMessage({ extensions: [serverNames('a.example')] })),
    Buffer.alloc(99, 255),
  ]);
  assert.deepEqual(read(bytes), [HELLO.complete, 'a.example']);
});

test('takes a ClientHello without extensions, and one without a session', () => {
  assert.deepEqual(made({ extensions: null }), [HELLO.complete, '']);
  assert.deepEqual(made({ extensions: [] }), [HELLO.complete, '']);
  assert.deepEqual(made({ session: Buffer.alloc(0), extensions: [serverNames('a')] }), [HELLO.complete, 'a']);
});

test('finds the name between other extensions, empty ones too', () => {
  const others = [extension(23, Buffer.alloc(0)), extension(16, Buffer.alloc(300, 1))];
  const parts = { extensions: [...others, serverNames('A.Example'), ...others] };
  assert.deepEqual(made(parts), [HELLO.complete, 'A.Example']);
});

test('takes names of up to 255 bytes', () => {
  assert.deepEqual(made({ extensions: [serverNames('n'.repeat(255))] }), [HELLO.complete, 'n'.repeat(255)]);
  assert.deepEqual(made({ extensions: [serverNames('n'.repeat(256))] }), [HELLO.malformed, '']);
});

test('refuses a name that is empty, is two, comes twice, or has a byte that no name has', () => {
  for (const extensions of [
    [serverNames('')],
    [serverNames('a.example', 'b.example')],
    [serverNames('a.example'), serverNames('a.example')],
    [extension(0, Buffer.alloc(0))],
    [extension(0, number(0, 2)), extension(23, Buffer.alloc(0))],
    [extension(0, vector(Buffer.concat([number(1, 1), vector(Buffer.from('a.example'), 2)]), 2))],
    [
      extension(
        0,
        Buffer.concat([vector(Buffer.concat([number(0, 1), vector(Buffer.from('a'), 2)]), 2), number(0, 1)]),
      ),
    ],
    [
      extension(0, vector(Buffer.concat([number(0, 1), number(2, 2), Buffer.from('a')]), 2)),
      extension(23, Buffer.alloc(9)),
    ],
    // A length that is wrong, and what follows is a field of its own all the same.
    [extension(0, Buffer.concat([number(99, 2), number(0, 1), vector(Buffer.from('a.example'), 2)]))],
    [
      extension(
        0,
        vector(Buffer.concat([number(0, 1), vector(Buffer.from('a'), 2), extension(23, Buffer.alloc(0))]), 2),
      ),
    ],
    ...['\0', ' ', '\x7f', '\xff', '\n'].map((byte) => [serverNames(`a.example${byte}b.example`)]),
  ]) {
    assert.deepEqual(made({ extensions }), [HELLO.malformed, ''], Buffer.concat(extensions).toString('latin1'));
  }
});

test('refuses fields that do not fit into the message, and bytes left over', () => {
  for (const parts of [
    { session: Buffer.alloc(33) },
    { suites: Buffer.alloc(0) },
    { suites: Buffer.alloc(3) },
    { compressions: Buffer.alloc(0) },
    { extensions: [extension(1, Buffer.alloc(4))], extensionsBytes: 7 },
    { extensions: [extension(1, Buffer.alloc(4))], extensionsBytes: 9 },
    { extensions: [number(1, 2)] },
    { extensions: [Buffer.concat([number(1, 2), number(5, 2), Buffer.alloc(4)])] },
    { extensions: [Buffer.concat([number(0, 2), number(500, 2), number(498, 2), Buffer.alloc(2)])] },
  ]) {
    assert.deepEqual(made(parts), [HELLO.malformed, ''], JSON.stringify(parts));
  }
  for (let bytes = 0; bytes < 42; bytes++) {
    const short = Buffer.concat([number(1, 1), vector(Buffer.alloc(bytes), 3)]);
    assert.deepEqual(read(records(short)), [HELLO.malformed, ''], `a message of ${bytes} bytes`);
  }
});

test('tells what is no TLS by its first bytes, at whatever later byte it breaks', () => {
  for (const text of ['GET / HTTP/1.1\r\n', '\x80\x2e\x01\x00\x02', 'SSH-2.0', '\x16\x02\x00', '\x15\x03\x01\x00\x02'])
    assert.deepEqual(read(Buffer.from(text, 'latin1')), [HELLO.notTls, ''], text);
});

test('refuses another message first, and a record of another kind between', () => {
  const message = helloMessage({ extensions: [serverNames('a.example')] });
  const other = Buffer.from(message);
  other[0] = 2;
  assert.deepEqual(read(records(other)), [HELLO.unexpected, '']);
  const bytes = records(message, 20);
  bytes[25] = 20;
  assert.deepEqual(read(bytes), [HELLO.unexpected, '']);
  bytes[25] = 22;
  bytes[26] = 4;
  assert.deepEqual(read(bytes), [HELLO.malformed, '']);
});

test('refuses empty records, and records longer than there are', () => {
  const bytes = records(helloMessage({ extensions: [serverNames('a.example')] }));
  const withLength = (length: number): Buffer =>
    Buffer.concat([bytes.subarray(0, 3), number(length, 2), bytes.subarray(5)]);
  assert.deepEqual(read(withLength(0)), [HELLO.malformed, '']);
  assert.deepEqual(read(withLength(16_385)), [HELLO.malformed, '']);
  assert.deepEqual(read(withLength(16_384)), [HELLO.complete, 'a.example'], 'more may follow in its record');
});

test('reads no more than it may: one byte less is refused, in whatever pieces', () => {
  const message = helloMessage({ extensions: [extension(21, Buffer.alloc(3000)), serverNames('a.example')] });
  const bytes = records(message, 1000);
  for (const cuts of [[], everyByte(bytes), [1, 5, 2500]]) {
    assert.deepEqual(read(bytes, cuts, bytes.length), [HELLO.complete, 'a.example']);
    assert.deepEqual(read(bytes, cuts, bytes.length - 1), [HELLO.tooLarge, '']);
  }
  // Told at once when it says so itself.
  assert.deepEqual(read(Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0x40, 1])), [HELLO.tooLarge, '']);
});

/** A few bytes of a real one changed: more of the parser is reached than with bytes at random. */
test('never throws, and comes to the same in whatever pieces, on changed and on random bytes', async () => {
  const real = await realHello('shop.example.com');
  const changed = fc.array(fc.tuple(fc.nat(real.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
    const bytes = Buffer.from(real);
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const begun = random.map((bytes) => records(Buffer.concat([Buffer.from([1, 0, 0, bytes.length]), bytes])));
  const split = fc
    .tuple(fc.oneof(changed, random, begun), fc.array(fc.nat(600), { maxLength: 6 }), fc.constantFrom(64, BYTES_MAX))
    .map(([bytes, cuts, bytesMax]) => ({
      bytes,
      bytesMax,
      cuts: cuts.filter((cut) => cut > 0 && cut < bytes.length).sort((a, b) => a - b),
    }));
  fc.assert(
    fc.property(split, ({ bytes, cuts, bytesMax }) => {
      const whole = read(bytes, [], bytesMax);
      assert.deepEqual(read(bytes, cuts, bytesMax), whole);
      assert.deepEqual(read(bytes, everyByte(bytes), bytesMax), whole);
      assert.ok(/^[\x21-\x7e]{0,255}$/.test(whole[1]));
    }),
    { numRuns: 2000 },
  );
});
