// Reads messages from bytes as they come, strictly, and hands each part on at once.
// Owns where a message is. Leaves what its parts should be to those who listen.

import {
  type FieldLines,
  framingFields,
  MalformedMessage,
  REQUEST_LINE,
  readFields,
  STATUS_LINE,
} from '../../support/messages.js';

/** The head of a message, as it stood on the wire. */
export interface Head {
  readonly startLine: string;
  readonly fields: FieldLines;
  /** How its body ends, as far as its fields say; `none`: they say nothing. */
  readonly framing: 'none' | 'length' | 'chunked';
  /** With `length`. */
  readonly length: number;
}

export interface Listener {
  /** A head is complete. Returns what follows: nothing, a body as the fields say, one that ends with the connection, a tunnel. */
  head(head: Head): 'none' | 'fields' | 'eof' | 'tunnel';
  /** A piece of the body, without its framing. */
  body(text: string): void;
  /** The message is complete. */
  end(): void;
}

const HEAD_BYTES_MAX = 32_768;

type State = 'head' | 'counted' | 'size' | 'chunk' | 'chunkEnd' | 'trailers' | 'eof' | 'tunnel';

/** One direction of one connection. Text is latin1: one character per byte. */
export class Reader {
  #state: State = 'head';
  #text = '';
  #left = 0;

  constructor(
    private readonly firstLine: 'request' | 'response',
    private readonly listener: Listener,
  ) {}

  /** Bytes that were received and belong to no message yet, or to one that is not complete. */
  get waiting(): string {
    return this.#text;
  }

  /** No message has begun. */
  get between(): boolean {
    return this.#state === 'head' && this.#text === '';
  }

  /** In the middle of a body that ends with the connection. */
  get untilEof(): boolean {
    return this.#state === 'eof';
  }

  /** Throws MalformedMessage when the bytes break the grammar. */
  feed(text: string): void {
    this.#text += text;
    while (this.#step());
  }

  /** One part of a message, if it is here. */
  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#head();
      case 'counted':
        return this.#piece('head');
      case 'size':
        return this.#size();
      case 'chunk':
        return this.#piece('chunkEnd');
      case 'chunkEnd':
        if (this.#text.length < 2) return false;
        if (!this.#text.startsWith('\r\n')) throw new MalformedMessage('a chunk without its CRLF', this.#text, 0);
        this.#take(2);
        this.#state = 'size';
        return true;
      case 'trailers': {
        const trailers = readFields(this.#text, 0);
        if (trailers === undefined) return false;
        this.#take(trailers.end);
        this.#ended();
        return true;
      }
      case 'eof':
      case 'tunnel':
        if (this.#text === '') return false;
        this.listener.body(this.#take(this.#text.length));
        return false;
    }
  }

  #head(): boolean {
    const lineEnd = this.#text.indexOf('\r\n');
    if (lineEnd < 0 && this.#text.length > HEAD_BYTES_MAX)
      throw new MalformedMessage('a line without end', this.#text, 0);
    if (lineEnd < 0) return false;
    const startLine = this.#text.slice(0, lineEnd);
    const pattern = this.firstLine === 'request' ? REQUEST_LINE : STATUS_LINE;
    if (!pattern.test(startLine))
      throw new MalformedMessage(`not the first line of a ${this.firstLine}`, this.#text, 0);
    const rest = readFields(this.#text, lineEnd + 2);
    if (rest === undefined) return false;
    const { chunked, length } = framingFields(this.#text, 0, rest.fields);
    if (length !== undefined && !/^\d{1,9}$/.test(length)) throw new MalformedMessage('Content-Length', this.#text, 0);
    const framing = chunked ? 'chunked' : length === undefined ? 'none' : 'length';
    this.#take(rest.end);
    const head: Head = { startLine, fields: rest.fields, framing, length: Number(length ?? 0) };
    const body = this.listener.head(head);
    if (body === 'eof' || body === 'tunnel') this.#state = body;
    else if (body === 'none' || framing === 'none' || (framing === 'length' && head.length === 0)) this.#ended();
    else {
      this.#state = framing === 'chunked' ? 'size' : 'counted';
      this.#left = head.length;
    }
    return true;
  }

  #size(): boolean {
    const lineEnd = this.#text.indexOf('\r\n');
    if (lineEnd < 0 && this.#text.length > 16) throw new MalformedMessage('a chunk size without end', this.#text, 0);
    if (lineEnd < 0) return false;
    const size = this.#text.slice(0, lineEnd);
    if (!/^[0-9A-Fa-f]{1,8}$/.test(size))
      throw new MalformedMessage('a chunk size that is not plain hex', this.#text, 0);
    this.#take(lineEnd + 2);
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk';
    return true;
  }

  /** A piece of the body; `then` follows when it was the last of its count. */
  #piece(then: 'head' | 'chunkEnd'): boolean {
    if (this.#text === '') return false;
    const text = this.#take(Math.min(this.#left, this.#text.length));
    this.#left -= text.length;
    this.listener.body(text);
    if (this.#left > 0) return false;
    if (then === 'head') this.#ended();
    else this.#state = then;
    return true;
  }

  #ended(): void {
    this.#state = 'head';
    this.listener.end();
  }

  #take(bytes: number): string {
    const taken = this.#text.slice(0, bytes);
    this.#text = this.#text.slice(bytes);
    return taken;
  }
}
