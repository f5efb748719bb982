// Reads a stream of messages the way the worker does, with the bytes cut at will: the head is parked and moved between
// pieces, chunked bodies are decoded in place. Owns that reading. Leaves what it should find to the tests.

import { CHUNK_BYTES } from '../../../src/engine/layout.js';
import { BODY, Framing, requestFraming, responseFraming } from '../../../src/http/framing.js';
import { FIELD, FIELDS_MAX } from '../../../src/http/head.js';
import { type HeadParser, Llhttp } from '../../../src/http/llhttp.js';
import { PARSED } from '../../../src/http/parsed.js';

export type Type = 'request' | 'response';

/** Everything that was understood of one message, in words that do not depend on where its bytes lay. */
export interface Message {
  start: string;
  fields: [name: string, value: string, id: number][];
  minor: number;
  upgrade: boolean;
  keepAlive: boolean;
  headBytes: number;
  framing: number;
  length: number;
  body: string;
  trailers: string;
  done: boolean;
}

/** What became of a stream: its messages, how it ended, and the bytes nobody parses (a tunnel's). */
export interface Reading {
  messages: Message[];
  ended:
    | 'between messages'
    | 'in a head'
    | 'in a body'
    | 'unparsed'
    | `invalid ${number | 'chunk'}`
    | 'too many fields'
    | 'trailers too long';
  rest: string;
}

const CR = 0x0d;
const LF = 0x0a;

/** One WASM instance for all readings of a file; parsers are taken and given back. */
export class Reader {
  readonly llhttp = new Llhttp({ slabBytes: 2 * CHUNK_BYTES, parsersMax: 2 });
  readonly #framing = new Framing();

  /** Reads `pieces` as they would be received one after the other. `toHead`: responses answer a HEAD. */
  read(type: Type, pieces: readonly Buffer[], toHead = false, fieldsMax = FIELDS_MAX): Reading {
    const parser = type === 'request' ? this.llhttp.acquireRequest()! : this.llhttp.acquireResponse()!;
    try {
      return this.#read(type, parser, pieces, toHead, fieldsMax);
    } finally {
      if (type === 'request') this.llhttp.releaseRequest(parser);
      else this.llhttp.releaseResponse(parser);
    }
  }

  #read(type: Type, parser: HeadParser, pieces: readonly Buffer[], toHead: boolean, fieldsMax: number): Reading {
    const memory = this.llhttp.bytes;
    const out: Reading = { messages: [], ended: 'between messages', rest: '' };
    let parked: Buffer | null = null;
    let message: Message | null = null;
    let left = 0;
    for (const [index, piece] of pieces.entries()) {
      // Chunks in turns, the other one full of something else: nothing may be read from where a piece was before.
      const chunk = this.llhttp.slabAt + (index % 2) * CHUNK_BYTES;
      memory.fill(0xaa, this.llhttp.slabAt, this.llhttp.slabAt + 2 * CHUNK_BYTES);
      const start: number = chunk + (parked?.length ?? 0);
      memory.set(piece, start);
      const end = start + piece.length;
      let at = start;
      while (at < end) {
        if (out.ended === 'unparsed') {
          out.rest += text(memory, at, end);
          at = end;
        } else if (out.ended !== 'between messages' && out.ended !== 'in a head' && out.ended !== 'in a body') {
          return out;
        } else if (message === null) {
          if (parked === null) {
            while (at < end && (memory[at] === CR || memory[at] === LF)) at++;
            if (at === end) break;
            parser.begin(at, fieldsMax);
          } else {
            parser.head.base = at - parked.length;
            memory.set(parked, parser.head.base);
            parked = null;
          }
          const code = type === 'request' ? parser.executeHead(at, end - at) : parser.executeResponseHead(at, end - at);
          if (code === PARSED.partial) {
            parked = Buffer.from(memory.subarray(parser.head.base, end));
            out.ended = 'in a head';
            break;
          }
          if (code !== PARSED.complete) {
            out.ended = code === PARSED.tooManyFields ? 'too many fields' : `invalid ${parser.errorCode}`;
            return out;
          }
          message = this.#message(type, parser, toHead);
          out.messages.push(message);
          at = parser.endAt;
          left = message.length;
          if (message.framing === BODY.chunked) parser.chunked.begin(type === 'response');
          [message, out.ended] = this.#after(message);
        } else if (message.framing === BODY.chunked) {
          const { chunked } = parser;
          const code = chunked.read(memory, at, end - at);
          if (code === PARSED.invalid) out.ended = 'invalid chunk';
          if (code === PARSED.trailersTooLong) out.ended = 'trailers too long';
          if (code !== PARSED.partial && code !== PARSED.complete) return out;
          message.body += text(memory, chunked.bodyAt, chunked.bodyAt + chunked.bodyBytes);
          at = end;
          if (code === PARSED.complete) {
            at = chunked.endAt;
            message.trailers = chunked.trailers;
            message.done = true;
            message = null;
            out.ended = 'between messages';
          }
        } else {
          const ours = Math.min(left, end - at);
          message.body += text(memory, at, at + ours);
          left -= ours;
          at += ours;
          if (left === 0) {
            message.done = true;
            message = null;
            out.ended = 'between messages';
          }
        }
      }
    }
    return out;
  }

  /** Whether a message goes on behind its head, and what the stream is in then. */
  #after(message: Message): [Message | null, Reading['ended']] {
    if (message.framing === BODY.counted || message.framing === BODY.chunked) return [message, 'in a body'];
    message.done = true;
    const whole = message.framing === BODY.none && !message.upgrade;
    return [null, whole ? 'between messages' : 'unparsed'];
  }

  #message(type: Type, parser: HeadParser, toHead: boolean): Message {
    const { head } = parser;
    const memory = this.llhttp.bytes;
    const framing = this.#framing;
    if (type === 'request') requestFraming(memory, head, framing);
    else responseFraming(memory, head, toHead, framing);
    const interim = type === 'response' && head.status < 200;
    const at = (word: number, field: number): number => head.fields[field * FIELD.WORDS + word]!;
    const span = (from: number, bytes: number): string => text(memory, head.base + from, head.base + from + bytes);
    const fields: Message['fields'] = [];
    for (let i = 0; i < head.fieldCount; i++) {
      const name = span(at(FIELD.nameAt, i), at(FIELD.nameBytes, i));
      fields.push([name, span(at(FIELD.valueAt, i), at(FIELD.valueBytes, i)), at(FIELD.id, i)]);
    }
    return {
      start: type === 'request' ? `${head.method} ${span(head.targetAt, head.targetBytes)}` : `${head.status}`,
      fields,
      minor: head.minor,
      upgrade: head.upgrade,
      keepAlive: head.keepAlive,
      headBytes: head.bytes,
      framing: interim ? BODY.none : framing.kind,
      length: interim ? 0 : framing.length,
      body: '',
      trailers: '',
      done: false,
    };
  }
}

const text = (memory: Uint8Array, from: number, to: number): string =>
  Buffer.from(memory.subarray(from, to)).toString('latin1');

/** `bytes` in two pieces, for every place to cut. */
export function* everyCut(bytes: Buffer): Generator<Buffer[]> {
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

/** `bytes` one by one. */
export const byteByByte = (bytes: Buffer): Buffer[] => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));

/** `bytes` cut at `places`, in any order and also beyond the end. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const pieces = [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index] ?? bytes.length));
  return pieces.filter(({ length }) => length > 0);
}
