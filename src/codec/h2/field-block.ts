// A header block that we send, as HPACK (RFC 7541): each field as a literal that no table keeps.
// Owns the bytes of one block. Leaves which fields go to write-head.ts, and the frames to write-frames.ts.

const BYTES_FIRST = 4096;
/** The most that a length takes: one byte, and five of seven bits. */
const INTEGER_BYTES_MAX = 6;

/** `:status` in the static table (RFC 7541, A), by status. */
const STATUS_INDEX: Readonly<Record<number, number>> = { 200: 8, 204: 9, 206: 10, 304: 11, 400: 12, 404: 13, 500: 14 };
const STATUS_NAME = 8;
const COLON = 0x3a;

/** One per worker, filled again for each block. */
export class FieldBlock {
  bytes = new Uint8Array(BYTES_FIRST);
  length = 0;

  begin(): void {
    this.length = 0;
  }

  status(status: number): void {
    const index = STATUS_INDEX[status];
    if (index !== undefined) {
      this.bytes[this.length++] = 0x80 | index;
      return;
    }
    this.bytes[this.length++] = STATUS_NAME;
    this.bytes[this.length++] = 3;
    this.bytes[this.length++] = 0x30 + Math.floor(status / 100);
    this.bytes[this.length++] = 0x30 + (Math.floor(status / 10) % 10);
    this.bytes[this.length++] = 0x30 + (status % 10);
  }

  /** Adds the field whose name and value lie in `memory`; the name in lower case. Hot. */
  field(memory: Uint8Array, nameAt: number, nameBytes: number, valueAt: number, valueBytes: number): void {
    this.#room(nameBytes + valueBytes + 1 + 2 * INTEGER_BYTES_MAX);
    const { bytes } = this;
    bytes[this.length++] = 0;
    this.#integer(nameBytes);
    for (let i = nameAt; i < nameAt + nameBytes; i++) {
      const byte = memory[i]!;
      bytes[this.length++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    }
    this.#integer(valueBytes);
    for (let i = valueAt; i < valueAt + valueBytes; i++) bytes[this.length++] = memory[i]!;
  }

  /** Adds whole lines of text, each ending in CRLF. */
  lines(text: string): void {
    for (let at = 0; at < text.length; ) {
      const end = text.indexOf('\r\n', at);
      const colon = text.indexOf(':', at);
      let value = colon + 1;
      while (value < end && text.charCodeAt(value) === 0x20) value++;
      if (text.charCodeAt(colon) === COLON && colon < end) this.#text(text, at, colon, value, end);
      at = end + 2;
    }
  }

  #text(text: string, nameAt: number, nameEnd: number, valueAt: number, valueEnd: number): void {
    this.#room(valueEnd - nameAt + 1 + 2 * INTEGER_BYTES_MAX);
    const { bytes } = this;
    bytes[this.length++] = 0;
    this.#integer(nameEnd - nameAt);
    for (let i = nameAt; i < nameEnd; i++) {
      const byte = text.charCodeAt(i);
      bytes[this.length++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    }
    this.#integer(valueEnd - valueAt);
    for (let i = valueAt; i < valueEnd; i++) bytes[this.length++] = text.charCodeAt(i);
  }

  /** An integer with a prefix of seven bits (RFC 7541, 5.1). */
  #integer(value: number): void {
    if (value < 127) {
      this.bytes[this.length++] = value;
      return;
    }
    this.bytes[this.length++] = 127;
    let rest = value - 127;
    for (; rest >= 128; rest >>>= 7) this.bytes[this.length++] = (rest & 127) | 128;
    this.bytes[this.length++] = rest;
  }

  #room(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.length + more));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
