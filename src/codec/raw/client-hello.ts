// The ClientHello of TLS, read for what leads a connection to its pool: the server name (RFC 6066, 3).
// Owns its syntax (RFC 8446, 4.1.2 and 5.1; RFC 5246, 7.4.1.2), cut anywhere. Leaves the bytes to read-hello.ts, and
// where a name leads to tls-routes.ts.

/** What the bytes so far are. */
export const HELLO = {
  /** The beginning of a ClientHello: more has to come. */
  partial: 0,
  complete: 1,
  /** No TLS: the first record is none of a handshake. */
  notTls: 2,
  /** TLS, but not a ClientHello first. */
  unexpected: 3,
  /** A ClientHello with a field that does not fit, or with a server name that is none. */
  malformed: 4,
  /** Longer than is read of one. */
  tooLarge: 5,
} as const;

/*
 * Two machines, one inside the other. Records are peeled off by the outer one:
 *
 *   HEADER ──5 bytes──► FRAGMENT ──its last byte──► HEADER
 *
 * What lies in their fragments, side by side, is one message, and the inner one goes through its fields. A field is a
 * number, or bytes that are passed over (the name is kept). No field may end behind the message.
 *
 *   type ► length ► random ► session ► suites ► compressions ─┬─ nothing is left ──────────────────► complete
 *                                                             ▼
 *                                               extensions: their length is all that is left
 *                                                             │
 *        ┌──────────────────────────────────── extension ◄────┴─ nothing is left, here or below ──► complete
 *        │ server_name: once               ▲        │ any other
 *        ▼                                 │        ▼
 *   listLength ► nameType ► nameLength ► name    passed over
 */
const FIELD = {
  type: 0,
  length: 1,
  random: 2,
  sessionLength: 3,
  session: 4,
  suitesLength: 5,
  suites: 6,
  compressionsLength: 7,
  compressions: 8,
  extensionsLength: 9,
  extensionType: 10,
  extensionLength: 11,
  extension: 12,
  listLength: 13,
  nameType: 14,
  nameLength: 15,
  name: 16,
} as const;

const RECORD_HANDSHAKE = 22;
const RECORD_BYTES_MAX = 16_384;
const VERSION_MAJOR = 3;
const MESSAGE_HEADER_BYTES = 4;
const MESSAGE_CLIENT_HELLO = 1;
/** The version that is not read any more (RFC 8446, 4.1.2: legacy_version), and the random bytes. */
const RANDOM_BYTES = 2 + 32;
const SESSION_BYTES_MAX = 32;
const EXTENSION_SERVER_NAME = 0;
/** In the extension, in front of the name: the length of the list, the type of its one entry, the length of that. */
const NAME_HEADER_BYTES = 2 + 1 + 2;
const NAME_TYPE_HOST = 0;
const NAME_BYTES_MAX = 255;

/** Fields that are bytes, not a number. */
const OPAQUE: ReadonlySet<number> = new Set([
  FIELD.random,
  FIELD.session,
  FIELD.suites,
  FIELD.compressions,
  FIELD.extension,
  FIELD.name,
]);

/** One ClientHello under way. Made once per connection; reading allocates nothing but the name. */
export class ClientHello {
  /** The name the client asks for, as it wrote it; empty when it asks for none. Good once the message is complete. */
  sni = '';
  readonly #bytesMax: number;
  #state: number = HELLO.partial;
  #bytesRead = 0;

  #firstRecord = true;
  #headerBytes = 0;
  #fragmentBytes = 0;
  #fragmentLeft = 0;

  #field: number = FIELD.type;
  #fieldLeft = 1;
  #messageLeft = MESSAGE_HEADER_BYTES;
  /** The number that the field is, as far as it is read. */
  #value = 0;
  #extensionType = 0;
  #extensionBytes = 0;
  #named = false;

  /** `bytesMax`: as much is read of it, records and all. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Reads on with the bytes of `memory` from `at` up to `end`. Returns HELLO; once that is not partial, it stays so. */
  read(memory: Uint8Array, at: number, end: number): number {
    const stop = Math.min(end, at + this.#bytesMax - this.#bytesRead);
    let from = at;
    while (from < stop && this.#state === HELLO.partial) {
      if (this.#fragmentLeft === 0) {
        this.#readHeader(memory[from]!);
        from++;
        continue;
      }
      const to = Math.min(stop, from + this.#fragmentLeft);
      this.#fragmentLeft -= to - from;
      this.#readMessage(memory, from, to);
      from = to;
    }
    this.#bytesRead += from - at;
    if (this.#state === HELLO.partial && this.#bytesRead >= this.#bytesMax) this.#state = HELLO.tooLarge;
    return this.#state;
  }

  /** One byte of a record's header: type, version, length. */
  #readHeader(byte: number): void {
    switch (this.#headerBytes++) {
      case 0:
        if (byte !== RECORD_HANDSHAKE) this.#state = this.#firstRecord ? HELLO.notTls : HELLO.unexpected;
        return;
      case 1:
        if (byte !== VERSION_MAJOR) this.#state = this.#firstRecord ? HELLO.notTls : HELLO.malformed;
        return;
      case 2:
        return; // the minor version: clients write what old servers like to see
      case 3:
        this.#fragmentBytes = byte << 8;
        return;
      default:
        this.#fragmentBytes |= byte;
    }
    // A record of a handshake is not empty (RFC 8446, 5.1).
    if (this.#fragmentBytes === 0 || this.#fragmentBytes > RECORD_BYTES_MAX) this.#state = HELLO.malformed;
    this.#fragmentLeft = this.#fragmentBytes;
    this.#headerBytes = 0;
    this.#firstRecord = false;
  }

  /** Bytes of the message, as they lie side by side in one fragment. */
  #readMessage(memory: Uint8Array, at: number, end: number): void {
    let from = at;
    while (from < end && this.#state === HELLO.partial) {
      const to = Math.min(end, from + this.#fieldLeft);
      if (this.#field === FIELD.name) this.#readName(memory, from, to);
      else if (!OPAQUE.has(this.#field)) for (let i = from; i < to; i++) this.#value = (this.#value << 8) | memory[i]!;
      this.#fieldLeft -= to - from;
      this.#messageLeft -= to - from;
      from = to;
      // A field may be empty, and then the next one begins at the same byte.
      while (this.#fieldLeft === 0 && this.#state === HELLO.partial) this.#next();
    }
  }

  /** A name with a byte that no name has would be read as one thing here and as another by the server. */
  #readName(memory: Uint8Array, at: number, end: number): void {
    for (let i = at; i < end; i++) if (memory[i]! <= 0x20 || memory[i]! >= 0x7f) this.#state = HELLO.malformed;
    this.sni += String.fromCharCode(...memory.subarray(at, end));
  }

  /** The field is read: to the next. */
  #next(): void {
    const value = this.#value;
    switch (this.#field) {
      case FIELD.type:
        if (value !== MESSAGE_CLIENT_HELLO) this.#state = HELLO.unexpected;
        else this.#to(FIELD.length, 3);
        break;
      case FIELD.length:
        this.#messageLeft = value;
        if (value > this.#bytesMax) this.#state = HELLO.tooLarge;
        else this.#to(FIELD.random, RANDOM_BYTES);
        break;
      case FIELD.random:
        this.#to(FIELD.sessionLength, 1);
        break;
      case FIELD.sessionLength:
        this.#toIf(value <= SESSION_BYTES_MAX, FIELD.session, value);
        break;
      case FIELD.session:
        this.#to(FIELD.suitesLength, 2);
        break;
      case FIELD.suitesLength:
        this.#toIf(value > 0 && value % 2 === 0, FIELD.suites, value);
        break;
      case FIELD.suites:
        this.#to(FIELD.compressionsLength, 1);
        break;
      case FIELD.compressionsLength:
        this.#toIf(value > 0, FIELD.compressions, value);
        break;
      case FIELD.compressions:
        if (this.#messageLeft === 0) this.#state = HELLO.complete;
        else this.#to(FIELD.extensionsLength, 2);
        break;
      case FIELD.extensionsLength:
        if (value !== this.#messageLeft) this.#state = HELLO.malformed;
        else this.#toExtension();
        break;
      case FIELD.extensionType:
        this.#extensionType = value;
        this.#to(FIELD.extensionLength, 2);
        break;
      case FIELD.extensionLength:
        this.#extensionBytes = value;
        if (this.#extensionType !== EXTENSION_SERVER_NAME) this.#to(FIELD.extension, value);
        else this.#toIf(!this.#named && value > NAME_HEADER_BYTES, FIELD.listLength, 2);
        this.#named ||= this.#extensionType === EXTENSION_SERVER_NAME;
        break;
      case FIELD.listLength:
        this.#toIf(value === this.#extensionBytes - 2, FIELD.nameType, 1);
        break;
      case FIELD.nameType:
        this.#toIf(value === NAME_TYPE_HOST, FIELD.nameLength, 2);
        break;
      case FIELD.nameLength:
        // One name, and nothing behind it: of two, who could tell which the server looks at?
        this.#toIf(value === this.#extensionBytes - NAME_HEADER_BYTES && value <= NAME_BYTES_MAX, FIELD.name, value);
        break;
      default:
        this.#toExtension();
    }
  }

  /** The next extension, unless the message ends here. */
  #toExtension(): void {
    if (this.#messageLeft === 0) this.#state = HELLO.complete;
    else this.#to(FIELD.extensionType, 2);
  }

  #toIf(holds: boolean, field: number, bytes: number): void {
    if (holds) this.#to(field, bytes);
    else this.#state = HELLO.malformed;
  }

  /** Begins a field of that many bytes, if the message has them. */
  #to(field: number, bytes: number): void {
    this.#field = field;
    this.#fieldLeft = bytes;
    this.#value = 0;
    if (bytes > this.#messageLeft) this.#state = HELLO.malformed;
  }
}
