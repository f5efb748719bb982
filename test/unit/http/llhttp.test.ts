// The parsers over bytes cut anywhere: what is understood must not depend on how the bytes arrived.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CHUNK_BYTES } from '../../../src/engine/layout.js';
import { TRAILER_BYTES_MAX } from '../../../src/http/chunked.js';
import { BODY } from '../../../src/http/framing.js';
import { FIELDS_MAX } from '../../../src/http/head.js';
import { LLHTTP_ERROR, Llhttp } from '../../../src/http/llhttp.js';
import { methodNumber } from '../../../src/http/methods.js';
import { readCorpus } from '../../wire/corpus.js';
import { byteByByte, cutAt, everyCut, Reader, type Type } from './reader.js';

const reader = new Reader();
const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Longer streams are cut at every place near their front, and at random ones behind. */
const SWEEP_BYTES = 600;

function sameInPieces(type: Type, stream: string, toHead = false): void {
  const bytes = bytesOf(stream);
  if (bytes.length > CHUNK_BYTES / 2) return;
  const whole = reader.read(type, [bytes], toHead);
  assert.deepEqual(reader.read(type, byteByByte(bytes), toHead), whole, 'byte by byte');
  for (const pieces of everyCut(bytes)) {
    if (pieces[0]!.length > SWEEP_BYTES) break;
    assert.deepEqual(reader.read(type, pieces, toHead), whole, `cut at ${pieces[0]!.length}`);
  }
  if (whole.ended !== 'between messages') return;
  const twice = reader.read(type, [bytes, bytes], toHead);
  assert.deepEqual(twice.messages, [...whole.messages, ...whole.messages], 'twice');
  const pipelined = Buffer.concat([bytes, bytes]);
  assert.deepEqual(reader.read(type, [pipelined], toHead), twice, 'pipelined');
  assert.deepEqual(reader.read(type, byteByByte(pipelined), toHead), twice, 'pipelined, byte by byte');
}

for (const file of ['requests.md', 'responses.md', 'refusals.md']) {
  describe(`${file} is understood alike whole, cut at every position, byte by byte and pipelined`, () => {
    for (const { name, sends, answers, methods } of readCorpus(file)) {
      test(name, () => {
        sameInPieces('request', sends);
        sameInPieces('response', answers, methods[0] === 'HEAD');
      });
    }
  });
}

describe('spans', () => {
  test('are those of the head as it was written, without white space around values', () => {
    const head = 'GET /a?b HTTP/1.1\r\nHost:  x.example \t\r\nEmpty:\r\nBlank:   \r\nX-Last: a  b\r\n\r\n';
    const { messages, ended } = reader.read('request', byteByByte(bytesOf(head)));
    assert.equal(ended, 'between messages');
    const [message] = messages;
    assert.equal(message!.start, `${methodNumber('GET')} /a?b`);
    assert.equal(message!.headBytes, head.length);
    assert.deepEqual(
      message!.fields.map(([name, value]) => `${name}=${value}`),
      ['Host=x.example', 'Empty=', 'Blank=', 'X-Last=a  b'],
    );
  });

  test('never hold a byte outside the head, for any field names and values', () => {
    const name = fc
      .stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/)
      .filter((text) => !/^(content-length|transfer-encoding|connection|upgrade|proxy-connection)$/i.test(text));
    const value = fc.stringMatching(/^([\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff\t]{0,30}[\x21-\x7e\x80-\xff])?)?$/);
    const places = fc.array(fc.nat(2000), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), places, (fields, cuts) => {
        const lines = fields.map(([key, text]) => `${key}: ${text}\r\n`).join('');
        const stream = bytesOf(`GET / HTTP/1.1\r\n${lines}\r\n`);
        const { messages } = reader.read('request', cutAt(stream, cuts));
        assert.deepEqual(
          messages[0]?.fields.map(([key, text]) => [key, text]),
          fields,
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe('chunked bodies', () => {
  const piece = fc.tuple(
    fc.uint8Array({ minLength: 1, maxLength: 400 }),
    fc.constantFrom('', ';a', ';a=b', ';a="b c"', ' ;a', '\t; a = b', ';a = "b\\"c" ; d'),
  );
  const trailer = fc.tuple(fc.stringMatching(/^X-[a-z]{1,8}$/), fc.stringMatching(/^[a-z]{0,12}$/));
  const upper = fc.boolean();

  for (const type of ['request', 'response'] as const) {
    test(`of a ${type} in random pieces decode to the same bytes and trailers`, () => {
      fc.assert(
        fc.property(
          fc.array(piece, { maxLength: 8 }),
          fc.array(trailer, { maxLength: 3 }),
          fc.array(fc.nat(5000), { maxLength: 12 }),
          upper,
          (chunks, trailers, cuts, isUpper) => {
            const size = (bytes: number): string =>
              isUpper ? bytes.toString(16).toUpperCase() : `00${bytes.toString(16)}`;
            const body = chunks.map(([bytes]) => Buffer.from(bytes).toString('latin1'));
            const framed = chunks.map(([bytes, extension], i) => `${size(bytes.length)}${extension}\r\n${body[i]}\r\n`);
            const lines = trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
            const start = type === 'request' ? 'POST / HTTP/1.1' : 'HTTP/1.1 200 OK';
            const stream = `${start}\r\nTransfer-Encoding: chunked\r\n\r\n${framed.join('')}0\r\n${lines}\r\n`;
            const next = type === 'request' ? 'GET /next HTTP/1.1\r\n\r\n' : 'HTTP/1.1 204 No\r\n\r\n';
            const { messages, ended } = reader.read(type, cutAt(bytesOf(stream + next), cuts));
            assert.equal(ended, 'between messages');
            assert.equal(messages.length, 2);
            assert.equal(messages[0]!.framing, BODY.chunked);
            assert.equal(messages[0]!.body, body.join(''));
            const told = messages[0]!.trailers.replaceAll(': \r\n', ':\r\n');
            assert.equal(told, lines.replaceAll(': \r\n', ':\r\n'));
            assert.ok(messages[0]!.done && messages[1]!.done);
          },
        ),
        { numRuns: 400 },
      );
    });
  }

  for (const [name, body] of [
    ['a size that is no number', 'x\r\n'],
    ['a chunk longer than its size', '2\r\nabc\r\n0\r\n\r\n'],
    ['a size beyond 64 bits', 'fffffffffffffffff\r\n'],
    ['the largest size there is', 'ffffffffffffffff\r\n'],
    ['a size that no body can have', '40000000000000\r\n'],
    ['a bare LF behind a size', '3\nabc\r\n0\r\n\r\n'],
    ['a bare LF behind the data', '3\r\nabc\n0\r\n\r\n'],
    ['a negative size', '-1\r\n'],
    ['a sign', '+3\r\nabc\r\n'],
    ['a prefix of hexadecimal', '0x3\r\nabc\r\n'],
    ['white space in front of a size', ' 3\r\nabc\r\n'],
  ] as const) {
    test(`with ${name} are refused, wherever they are cut`, () => {
      const stream = bytesOf(`POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
      const whole = reader.read('request', [stream]);
      assert.match(whole.ended, /^invalid /);
      for (const pieces of everyCut(stream)) assert.match(reader.read('request', pieces).ended, /^invalid /);
    });
  }
});

describe('limits', () => {
  const withFields = (count: number): Buffer =>
    bytesOf(`GET / HTTP/1.1\r\n${Array.from({ length: count }, (_, i) => `F${i}: ${i}\r\n`).join('')}\r\n`);

  test('of fields: as many as allowed pass, one more does not', () => {
    for (const pieces of [(bytes: Buffer) => [bytes], byteByByte]) {
      assert.equal(reader.read('request', pieces(withFields(10)), false, 10).ended, 'between messages');
      assert.equal(reader.read('request', pieces(withFields(11)), false, 10).ended, 'too many fields');
      assert.equal(reader.read('request', pieces(withFields(FIELDS_MAX))).ended, 'between messages');
      assert.equal(reader.read('request', pieces(withFields(FIELDS_MAX + 1))).ended, 'too many fields');
    }
  });

  test('of trailers: more bytes than allowed are refused, also over many pieces', () => {
    const trailers = `X-T: ${'y'.repeat(1000)}\r\n`.repeat(Math.ceil(TRAILER_BYTES_MAX / 1000));
    const stream = bytesOf(`POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${trailers}\r\n`);
    assert.equal(reader.read('request', [stream]).ended, 'trailers too long');
    assert.equal(reader.read('request', byteByByte(stream)).ended, 'trailers too long');
  });

  test('of parsers: a further one is null until one comes back, and the memory never grows', () => {
    const llhttp = new Llhttp({ slabBytes: CHUNK_BYTES, parsersMax: 300 });
    const { buffer } = llhttp.wasm.memory;
    const requests = Array.from({ length: 300 }, () => llhttp.acquireRequest()!);
    const responses = Array.from({ length: 300 }, () => llhttp.acquireResponse()!);
    assert.equal(llhttp.acquireRequest(), null);
    assert.equal(llhttp.acquireResponse(), null);
    assert.equal(llhttp.used, 600);
    assert.equal(llhttp.wasm.memory.buffer, buffer);
    for (const parser of requests) llhttp.releaseRequest(parser);
    for (const parser of responses) llhttp.releaseResponse(parser);
    assert.equal(llhttp.used, 0);
    assert.equal(llhttp.acquireRequest(), requests.at(-1));
  });

  test('of versions: HTTP/2 is told apart from what is no HTTP', () => {
    const ended = (line: string): string => reader.read('request', [bytesOf(`${line}\r\nHost: a\r\n\r\n`)]).ended;
    assert.equal(ended('GET / HTTP/2.0'), `invalid ${LLHTTP_ERROR.invalidVersion}`);
    const preface = reader.read('request', [bytesOf('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')]);
    assert.equal(preface.ended, `invalid ${LLHTTP_ERROR.h2Preface}`);
    assert.equal(ended('GETTO / HTTP/1.1'), `invalid ${LLHTTP_ERROR.invalidMethod}`);
    assert.equal(ended('GET / HTTP/1.1'), 'between messages');
  });
});

test('a parser that failed or stopped half way is fresh for the next message', () => {
  const good = bytesOf('POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nok');
  const fresh = new Reader().read('request', [good]);
  const halves = [
    'GET / HT',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab',
    '\0\0',
    'GET / HTTP/1.1\r\nA',
  ];
  for (const half of halves) {
    reader.read('request', [bytesOf(half)]);
    assert.deepEqual(reader.read('request', [good]), fresh, JSON.stringify(half));
  }
});
