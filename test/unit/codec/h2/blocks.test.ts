// Blocks become heads of HTTP/1.1, or are refused: each rule of RFC 9113, 8 with its own result.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK_NAMES, BLOCK_SCOPE, blockSays, blockScope } from '../../../../src/codec/h2/block-results.js';
import { FIELD_ID } from '../../../../src/http/fields.js';
import { Llhttp } from '../../../../src/http/llhttp.js';
import { METHOD_NAMES } from '../../../../src/http/methods.js';
import { PARSED } from '../../../../src/http/parsed.js';
import { Random } from '../../../fuzz/random.js';
import { but, GET, get, malformed } from './block-cases.js';
import { Blocks, literals } from './blocks.js';
import { type Field, ReferenceEncoder } from './reference-hpack.js';

test('a request becomes a head of HTTP/1.1 with one host line', () => {
  const blocks = new Blocks();
  assert.equal(blocks.request(get(['user-agent', 'x'], ['accept', '*/*'])), 'ok');
  assert.equal(blocks.text, 'GET /a?b=c HTTP/1.1\r\nhost: shop.example\r\nuser-agent: x\r\naccept: */*\r\n\r\n');
  assert.deepEqual(blocks.fields, [
    ['host', 'shop.example'],
    ['user-agent', 'x'],
    ['accept', '*/*'],
  ]);
  const { head } = blocks;
  assert.equal(METHOD_NAMES[head.method], 'GET');
  assert.equal(head.ids, (1 << FIELD_ID.HOST) | (1 << FIELD_ID.ACCEPT));
  assert.equal(head.repeated, 0);
  assert.equal(head.last(FIELD_ID.ACCEPT), 10);
  assert.equal(head.minor, 1);
  assert.ok(head.keepAlive && !head.upgrade);
});

test('the head is the one that llhttp makes of the same lines', () => {
  const llhttp = new Llhttp({ slabBytes: 65_536, parsersMax: 1 });
  const blocks = new Blocks();
  const random = new Random(3);
  const names = ['accept', 'x-forwarded-for', 'via', 'cookie', 'x_real_ip', 'etag', 'x-a', 'set-cookie', 'date'];
  for (let i = 0; i < 300; i++) {
    const fields = Array.from(
      { length: random.below(12) },
      (): Field => [random.pick(names), `v${random.below(1000)}`],
    );
    assert.equal(blocks.request(get(...fields)), 'ok');
    const parser = llhttp.acquireRequest()!;
    const text = Buffer.from(blocks.text, 'latin1');
    llhttp.bytes.set(text, llhttp.slabAt);
    parser.begin(llhttp.slabAt, 1000);
    assert.equal(parser.executeHead(llhttp.slabAt, text.length), PARSED.complete);
    const { head } = blocks;
    for (const key of [
      'method',
      'targetAt',
      'targetBytes',
      'fieldCount',
      'bytes',
      'ids',
      'repeated',
      'minor',
    ] as const) {
      assert.equal(head[key], parser.head[key], `${key} of ${blocks.text}`);
    }
    const words = head.fieldCount * 5;
    assert.deepEqual([...head.fields.subarray(0, words)], [...parser.head.fields.subarray(0, words)]);
    for (let id = 1; id < 32; id++) if (head.has(id)) assert.equal(head.last(id), parser.head.last(id));
    llhttp.releaseRequest(parser);
  }
});

test('a block that only names what the tables have comes to the same, line by line and in runs', () => {
  const fields = [...GET, ...Array.from({ length: 20 }, (_, i): Field => [`x-${i}`, 'v'.repeat(i * 7)])];
  const blocks = new Blocks();
  const encoder = new ReferenceEncoder();
  const [incremental, always] = [() => 0, (below: number) => below - 1];
  assert.equal(blocks.request(encoder.write(fields, incremental)), 'ok');
  const first = blocks.text;
  for (let i = 0; i < 3; i++) {
    const block = encoder.write(fields, always);
    assert.equal(block.length, fields.length);
    assert.equal(blocks.request(block), 'ok');
    assert.equal(blocks.text, first);
  }
});

test('pieces of a cookie are one field, beside each other or apart', () => {
  const blocks = new Blocks();
  const beside: Field[] = [
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
    ['cookie', 'c=3'],
    ['accept', '*/*'],
  ];
  assert.equal(blocks.request(get(...beside)), 'ok');
  assert.deepEqual(blocks.fields.slice(1), [
    ['cookie', 'a=1; b=2; c=3'],
    ['accept', '*/*'],
  ]);
  assert.match(blocks.text, /\r\ncookie: a=1; b=2; c=3\r\naccept: \*\/\*\r\n\r\n$/);
  const apart: Field[] = [
    ['x-a', '1'],
    ['cookie', 'a=1'],
    ['via', '2 x'],
    ['cookie', 'b=2'],
    ['cookie', 'c=3'],
    ['etag', 'e'],
  ];
  assert.equal(blocks.request(get(...apart)), 'ok');
  assert.deepEqual(blocks.fields.slice(1), [
    ['x-a', '1'],
    ['cookie', 'a=1; b=2; c=3'],
    ['via', '2 x'],
    ['etag', 'e'],
  ]);
  assert.match(blocks.text, /\r\nx-a: 1\r\ncookie: a=1; b=2; c=3\r\nvia: 2 x\r\netag: e\r\n\r\n$/);
  assert.equal(blocks.head.repeated, 0);
  assert.equal(blocks.head.last(FIELD_ID.VIA), 15);
});

test('empty pieces of a cookie add nothing', () => {
  const blocks = new Blocks();
  const cookie = (...values: string[]): string => {
    assert.equal(blocks.request(get(...values.map((value): Field => ['cookie', value]), ['x-a', '1'])), 'ok');
    return blocks.text.slice(blocks.text.indexOf('\r\nhost'));
  };
  assert.match(cookie('', 'a=1', '', 'b=2', ''), /example\r\ncookie: a=1; b=2\r\nx-a: 1\r\n\r\n$/);
  assert.match(cookie('', ''), /example\r\nx-a: 1\r\n\r\n$/);
});

test('90 pieces of a cookie pass, as browsers send them; one above the limit does not', () => {
  const blocks = new Blocks();
  const crumbs = (count: number): Field[] => Array.from({ length: count }, (_, i): Field => ['cookie', `c${i}=v`]);
  assert.equal(blocks.request(get(...crumbs(90))), 'ok');
  assert.equal(blocks.fields.length, 2);
  assert.equal(blocks.request(get(...crumbs(128))), 'ok');
  assert.equal(blocks.request(get(...crumbs(129))), 'cookiesTooMany');
});

test('one host line: of :authority, of host, or of both when they are equal', () => {
  const blocks = new Blocks();
  assert.equal(blocks.request(get(['x-a', '1'], ['host', 'SHOP.example'])), 'ok');
  assert.deepEqual(blocks.fields, [
    ['host', 'shop.example'],
    ['x-a', '1'],
  ]);
  assert.equal(blocks.request(but({ ':authority': null }, ['host', 'other.example'])), 'ok');
  assert.deepEqual(blocks.fields, [['host', 'other.example']]);
  // Without either there is no host line, which check() answers with 400.
  assert.equal(blocks.request(but({ ':authority': null })), 'ok');
  assert.equal(blocks.head.has(FIELD_ID.HOST), false);
});

test('a length said twice alike is said once', () => {
  const blocks = new Blocks();
  assert.equal(blocks.request(get(['content-length', '5'], ['content-length', '5']), { ended: false }), 'ok');
  assert.equal(blocks.fields.length, 2);
  assert.equal(blocks.reader.contentLength, 5);
});

test('te: trailers passes', () => {
  assert.equal(new Blocks().request(get(['te', 'trailers'])), 'ok');
});

test('OPTIONS * passes', () => {
  const blocks = new Blocks();
  assert.equal(blocks.request(but({ ':method': 'OPTIONS', ':path': '*' })), 'ok');
  assert.match(blocks.text, /^OPTIONS \* HTTP\/1\.1\r\n/);
});

test('CONNECT has an authority alone', () => {
  const blocks = new Blocks();
  assert.equal(blocks.request(but({ ':method': 'CONNECT', ':scheme': null, ':path': null })), 'ok');
  assert.match(blocks.text, /^CONNECT shop\.example HTTP\/1\.1\r\nhost: shop\.example\r\n/);
});

test('extended CONNECT becomes a GET that upgrades, with a key of its own', () => {
  const blocks = new Blocks();
  const block = literals([
    [':method', 'CONNECT'],
    [':protocol', 'websocket'],
    ...GET.slice(1),
    ['sec-websocket-version', '13'],
    ['sec-websocket-key', 'of the client'],
  ]);
  assert.equal(blocks.request(block, { ended: false, extendedConnect: true }), 'ok');
  const [host, upgrade, key, ...rest] = blocks.fields;
  assert.deepEqual(
    [host, upgrade, rest],
    [['host', 'shop.example'], ['upgrade', 'websocket'], [['sec-websocket-version', '13']]],
  );
  assert.equal(key![0], 'sec-websocket-key');
  assert.match(key![1], /^[A-Za-z0-9+/]{22}==$/);
  assert.match(blocks.text, /^GET \/a\?b=c HTTP\/1\.1\r\n/);
  assert.ok(blocks.head.upgrade);
  assert.ok(blocks.reader.pseudo.isWebSocket);
  assert.equal(blocks.request(block, { ended: false }), 'connectInvalid', 'not where we did not say so');
});

test('a method that is a token and none we know is a result of its own', () => {
  assert.equal(new Blocks().request(but({ ':method': 'BREW' })), 'methodUnknown');
  assert.equal(new Blocks().request(but({ ':method': 'PRI' })), 'methodUnknown');
  assert.equal(new Blocks().request(but({ ':method': 'get' })), 'methodUnknown');
});

for (const [result, what, block] of malformed) {
  test(`refuses ${what} (${result})`, () => {
    assert.equal(new Blocks().request(block, { extendedConnect: true }), result);
  });
}

test('what is refused keeps the table in step, whether it was indexed or not', () => {
  const incremental = (): number => 0;
  for (const [result, what, block] of malformed) {
    const blocks = new Blocks();
    const encoder = new ReferenceEncoder();
    assert.equal(blocks.request(encoder.write([...GET, ['x-before', '1']], incremental)), 'ok');
    // Refused, and with fields behind it that the next block names by index.
    const indexed = encoder.write([['x-late', 'a']], incremental);
    const written = Buffer.concat([block, indexed, literals([['x-more', 'm'.repeat(50)]])]);
    assert.equal(blocks.request(written), result, what);
    assert.equal(blocks.head.fieldCount, 0);
    const again = encoder.write([...GET, ['x-late', 'a'], ['x-before', '1']], (below) => below - 1);
    assert.equal(blocks.request(again), 'ok', what);
    assert.deepEqual(blocks.fields.slice(1), [
      ['x-late', 'a'],
      ['x-before', '1'],
    ]);
  }
});

test('a field that is none is refused again when it comes from the table', () => {
  const blocks = new Blocks();
  const encoder = new ReferenceEncoder();
  const bad = [...GET, ['X', 'y']] as const;
  assert.equal(blocks.request(encoder.write(bad, () => 0)), 'nameInvalid');
  assert.equal(blocks.request(encoder.write(bad, (below) => below - 1)), 'nameInvalid');
});

test('the limits on fields and on their bytes hold, and one below passes', () => {
  const blocks = new Blocks();
  blocks.limits = { ...blocks.limits, fieldsMax: 10, listBytesMax: 1000 };
  const fields = (count: number): Field[] => Array.from({ length: count }, (): Field => ['x', '1']);
  assert.equal(blocks.request(get(...fields(6))), 'ok');
  assert.equal(blocks.request(get(...fields(7))), 'fieldsTooMany');
  const used = GET.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0) + 33;
  assert.equal(blocks.request(get(['x', 'v'.repeat(1000 - used)])), 'ok');
  assert.equal(blocks.request(get(['x', 'v'.repeat(1001 - used)])), 'listTooLarge');
});

test('a small block that names a large field over and over ends at the limit, and keeps the table in step', () => {
  const blocks = new Blocks();
  const encoder = new ReferenceEncoder();
  assert.equal(blocks.request(encoder.write([...GET, ['x-big', 'v'.repeat(4000)]], () => 0)), 'ok');
  const bomb = encoder.write(
    [...GET, ...Array.from({ length: 3000 }, (): Field => ['x-big', 'v'.repeat(4000)])],
    (below) => below - 1,
  );
  assert.ok(bomb.length < 3100);
  assert.equal(blocks.request(bomb), 'listTooLarge');
  assert.equal(blocks.request(encoder.write(GET, (below) => below - 1)), 'ok');
});

test('a head that does not fit its room goes on in the overflow, at whatever field it ends', () => {
  const fields: Field[] = [
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
    ['x-long', 'v'.repeat(100)],
    ['cookie', 'c=3'],
    ['te', 'trailers'],
    ['x', 'y'],
  ];
  const whole = new Blocks();
  assert.equal(whole.request(get(...fields)), 'ok');
  for (let bytes = 0; bytes < 500; bytes++) {
    const blocks = new Blocks();
    const encoder = new ReferenceEncoder();
    for (const choose of [() => 0, (below: number) => below - 1]) {
      const block = encoder.write([...GET, ...fields], choose);
      assert.equal(blocks.request(block, { room: { at: 1024, bytes } }), 'ok', `room of ${bytes}`);
      assert.equal(blocks.text, whole.text);
      assert.deepEqual(blocks.fields, whole.fields);
      assert.ok(
        blocks.memory.subarray(1024 + bytes, 65_536).every((byte) => byte === 0),
        `beyond a room of ${bytes}`,
      );
      assert.ok(blocks.memory.subarray(0, 1024).every((byte) => byte === 0));
    }
  }
});

test('responses: three digits, and no 101', () => {
  const blocks = new Blocks();
  const answer = (status: string, ...fields: Field[]): string =>
    blocks.response(literals([[':status', status], ...fields]));
  assert.equal(answer('200', ['content-type', 'a/b'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']), 'ok');
  assert.equal(blocks.text, 'HTTP/1.1 200 \r\ncontent-type: a/b\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\n');
  assert.equal(blocks.head.status, 200);
  assert.equal(blocks.head.repeated, 1 << FIELD_ID.SET_COOKIE);
  assert.equal(answer('103', ['link', '</a>']), 'ok');
  for (const status of ['101', '99', '600', '20', '2000', '2x0', '', '+20'])
    assert.equal(answer(status), 'statusInvalid', status);
  assert.equal(blocks.response(literals([['x', 'y']])), 'pseudoMissing');
  assert.equal(blocks.response(literals([...GET])), 'pseudoUnknown');
  assert.equal(answer('200', ['connection', 'close']), 'connectionField');
  assert.equal(answer('200', ['content-length', '5'], ['content-length', '7']), 'lengthInvalid');
  assert.equal(answer('200', ['content-length', '5']), 'ok');
  assert.equal(blocks.reader.contentLength, 5);
});

test('trailers are lines without pseudo-fields', () => {
  const blocks = new Blocks();
  assert.equal(
    blocks.trailers(
      literals([
        ['grpc-status', '0'],
        ['grpc-message', ''],
      ]),
    ),
    'ok',
  );
  assert.equal(blocks.reader.trailers, 'grpc-status: 0\r\ngrpc-message: \r\n');
  assert.equal(
    blocks.trailers(
      literals([
        ['a', 'b'],
        [':path', '/'],
      ]),
    ),
    'pseudoInTrailers',
  );
  assert.equal(blocks.trailers(literals([['transfer-encoding', 'chunked']])), 'connectionField');
  assert.equal(blocks.trailers(literals([['x', 'a\nb']])), 'valueInvalid');
  assert.equal(blocks.trailers(Buffer.alloc(0)), 'ok');
  assert.equal(blocks.reader.trailers, '');
});

test('a block of no message still counts for the table', () => {
  const blocks = new Blocks();
  const encoder = new ReferenceEncoder();
  const large: Field = ['x-large', 'v'.repeat(9000)];
  assert.equal(
    blocks.skip(
      encoder.write(
        [
          ['x-a', 'one'],
          ['x-b', 'two'],
        ],
        () => 0,
      ),
    ),
    'ok',
  );
  const block = encoder.write([...GET, ['x-a', 'one'], ['x-b', 'two']], (below) => below - 1);
  assert.equal(blocks.request(block), 'ok');
  assert.deepEqual(blocks.fields.slice(1), [
    ['x-a', 'one'],
    ['x-b', 'two'],
  ]);
  // What no table can hold empties it, also here.
  assert.equal(blocks.skip(encoder.write([large, ['x-c', 'three']], () => 0)), 'ok');
  assert.equal(blocks.table.count, 1);
  assert.equal(blocks.skip(Buffer.from([0xff])), 'compression');
});

test('each result has words, and says what becomes of the stream', () => {
  const scopes = BLOCK_NAMES.map((_, result) => blockScope(result));
  assert.equal(scopes[0], BLOCK_SCOPE.none);
  assert.deepEqual(
    BLOCK_NAMES.filter((_, result) => scopes[result] === BLOCK_SCOPE.tooLarge),
    ['fieldsTooMany', 'cookiesTooMany', 'listTooLarge', 'noRoom'],
  );
  assert.equal(scopes.filter((scope) => scope === BLOCK_SCOPE.malformed).length, 18);
  assert.ok(BLOCK_NAMES.every((_, result) => blockSays(result).length > 5));
});
