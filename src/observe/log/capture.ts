// What the access log keeps of the head of a request until the request is over: the head itself is given back long before.
// Owns copying it, and cutting what is too long. Hot where a listener has a log: allocates nothing once it has been busy.

import type { Exchange } from '../../exchange/exchange.js';
import { FIELD_ID } from '../../http/fields.js';
import { FIELD, type Head } from '../../http/head.js';
import { cutLength, HEADER_BYTES_MAX, TEXT, TEXT_BYTES_MAX } from './record.js';

const USER_AGENT = Buffer.from('user-agent', 'latin1');
const REFERER = Buffer.from('referer', 'latin1');
/** What stands for a value that does not belong in a log. */
const REDACTED = 'redacted';
const ROOM_FIRST = 512;
const COMMA = 0x2c;
const SPACE = 0x20;

/** A field that logs have by its name. */
export interface CapturedHeader {
  /** In lower case. */
  readonly name: Uint8Array;
  /** Only that it is there is kept. */
  readonly redact: boolean;
}

/** Copies bytes from one memory to another, four at a time: without a view of its own, as `set` would need. Hot. */
export function copyBytes(from: DataView, at: number, to: DataView, toAt: number, bytes: number): void {
  let i = 0;
  for (; i + 4 <= bytes; i += 4) to.setInt32(toAt + i, from.getInt32(at + i, true), true);
  for (; i < bytes; i++) to.setUint8(toAt + i, from.getUint8(at + i));
}

/** The texts of one exchange, one behind the other. Made for an exchange when it is first needed, and used again with it. */
export class Capture {
  /** Of which request: its number in this worker; 0 for none. */
  number = 0;
  /** Lengths by TEXT; of a text that was cut the complement. */
  readonly lengths = new Int32Array(TEXT.COUNT);
  bytes = new Uint8Array(ROOM_FIRST);
  view = new DataView(this.bytes.buffer);
  used = 0;

  /** Forgets what it holds. */
  begin(number: number): void {
    this.number = number;
    this.used = 0;
    this.lengths.fill(0);
  }

  /**
   * Keeps what logs want of the head of an exchange in the memory `from`. `headers` are those that they name; `trusted`: its peer is believed;
   * `serverName` is what its client asked for by TLS; `namesMethod`: it begins with a method and a space, though not with one that is
   * known. In the order of TEXT, in which they are found again.
   */
  head(
    x: Exchange,
    memory: Uint8Array,
    from: DataView,
    headers: readonly CapturedHeader[],
    trusted: boolean,
    serverName: string,
    namesMethod: boolean,
  ): void {
    const head = x.head!;
    const { base } = head;
    this.#put(TEXT.target, from, base + head.targetAt, head.targetBytes);
    // The authority of an absolute target, or of HTTP/2, is the host; a head that was refused may have neither.
    if (x.hostBytes > 0) this.#put(TEXT.host, from, x.hostAt, x.hostBytes);
    else this.#field(TEXT.host, head, from, head.next(FIELD_ID.HOST));
    this.#field(TEXT.userAgent, head, from, head.nextNamed(memory, 0, USER_AGENT));
    this.#field(TEXT.referer, head, from, head.nextNamed(memory, 0, REFERER));
    if (trusted) this.#field(TEXT.requestId, head, from, head.next(FIELD_ID.X_REQUEST_ID));
    // Where the head is not complete, its method is not known: what stands in front of the target says so.
    if (head.bytes === 0) this.#put(TEXT.method, from, base, methodBytes(head, memory, namesMethod));
    this.text(TEXT.serverName, serverName);
    for (let i = 0; i < headers.length; i++) {
      const { name, redact } = headers[i]!;
      if (!redact) this.#named(TEXT.headers + i, head, memory, from, name);
      else if (head.nextNamed(memory, 0, name) >= 0) this.text(TEXT.headers + i, REDACTED);
    }
  }

  /** Keeps a text of ours, Latin-1. */
  text(which: number, text: string): void {
    const max = limitOf(which);
    const bytes = Math.min(text.length, max);
    this.#reserve(bytes);
    for (let i = 0; i < bytes; i++) this.bytes[this.used + i] = text.charCodeAt(i);
    this.used += bytes;
    this.lengths[which] = text.length > max ? cutLength(bytes) : bytes;
  }

  #field(which: number, head: Head, from: DataView, field: number): void {
    if (field >= 0) this.#put(which, from, head.valueAt(field), head.valueBytes(field));
  }

  /** All values of a field, with commas between them as in a list (RFC 9110, 5.3). */
  #named(which: number, head: Head, memory: Uint8Array, from: DataView, name: Uint8Array): void {
    let field = head.nextNamed(memory, 0, name);
    if (field < 0) return;
    this.#put(which, from, head.valueAt(field), head.valueBytes(field));
    for (;;) {
      field = head.nextNamed(memory, field + FIELD.WORDS, name);
      const length = this.lengths[which]!;
      if (field < 0 || length < 0) return;
      const room = HEADER_BYTES_MAX - length - 2;
      const bytes = Math.min(head.valueBytes(field), room);
      if (bytes <= 0) {
        this.lengths[which] = cutLength(length);
        return;
      }
      this.#reserve(bytes + 2);
      this.bytes[this.used] = COMMA;
      this.bytes[this.used + 1] = SPACE;
      copyBytes(from, head.valueAt(field), this.view, this.used + 2, bytes);
      this.used += bytes + 2;
      const all = length + bytes + 2;
      this.lengths[which] = head.valueBytes(field) > bytes ? cutLength(all) : all;
    }
  }

  #put(which: number, from: DataView, at: number, length: number): void {
    const max = limitOf(which);
    const bytes = Math.min(length, max);
    this.#reserve(bytes);
    copyBytes(from, at, this.view, this.used, bytes);
    this.used += bytes;
    this.lengths[which] = length > max ? cutLength(bytes) : bytes;
  }

  #reserve(bytes: number): void {
    if (this.used + bytes <= this.bytes.length) return;
    let room = this.bytes.length;
    while (room < this.used + bytes) room *= 2;
    const larger = new Uint8Array(room);
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

const limitOf = (which: number): number => (which < TEXT.headers ? TEXT_BYTES_MAX[which]! : HEADER_BYTES_MAX);

/** Length of the method that a head begins with which was refused; 0 where that is not known. */
function methodBytes({ base, targetAt }: Head, memory: Uint8Array, namesMethod: boolean): number {
  if (targetAt > 1) return targetAt - 1;
  let bytes = 0;
  while (namesMethod && bytes < TEXT_BYTES_MAX[TEXT.method] && memory[base + bytes] !== SPACE) bytes++;
  return bytes;
}
