// llhttp (the WASM build that undici ships) over a slab it shares with the engine.
// Owns the WASM instance, the parsers and the heads they fill. Leaves the meaning of a head to check.ts and framing.ts.

import { createRequire } from 'node:module';
import { ChunkedBody } from './chunked.js';
import { FIELD_ID, fieldId } from './fields.js';
import { FIELD, FIELDS_USUAL, Head } from './head.js';
import { mendResponse } from './mend-response.js';
import { PARSED } from './parsed.js';
import { makeRecorder, RECORD, RECORDS_AT, VALUE_BIT } from './recorder.js';

interface LlhttpExports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  free(at: number): void;
  llhttp_alloc(type: number): number;
  llhttp_reset(parser: number): void;
  llhttp_resume(parser: number): void;
  llhttp_execute(parser: number, at: number, bytes: number): number;
  llhttp_get_error_pos(parser: number): number;
  llhttp_get_http_major(parser: number): number;
  llhttp_get_http_minor(parser: number): number;
  llhttp_get_method(parser: number): number;
}

/** llhttp's type of a parser. */
const PARSER_TYPE = { request: 1, response: 2 } as const;

const HPE_OK = 0;
const HPE_PAUSED = 21;

/** llhttp's numbers of errors that get an answer of their own. */
export const LLHTTP_ERROR = {
  contentLength: 4,
  invalidMethod: 6,
  invalidVersion: 9,
  invalidLength: 11,
  transferEncoding: 15,
  h2Preface: 23,
} as const;

/** What one parser takes at most, the allocator's own words included; llhttp 9.3 takes 80 bytes. */
const PARSER_BYTES = 128;

enum FieldPart {
  headStart,
  fieldName,
  fieldValue,
}

/** The length of a value without the optional white space behind it, which is not part of it (RFC 9110, 5.5). */
function withoutBlanks(bytes: Uint8Array, at: number, length: number): number {
  let end = at + length;
  while (end > at && (bytes[end - 1] === 0x20 || bytes[end - 1] === 0x09)) end--;
  return end - at;
}

/**
 * One parser and the head it fills. Pooled: an idle connection has none.
 *
 *   FRESH ──execute──► HEAD ──complete──► (release, when the body is not chunked)
 *                       ▲ │        └─ chunked.begin ─► chunked.read …
 *                       └─┘ partial
 */
export class HeadParser {
  readonly head = new Head();
  /** llhttp's number of the last error. */
  errorCode = 0;
  /** Address behind the last byte of the head, once complete. */
  endAt = 0;
  /** Reads the body behind the head, when it is chunked. */
  readonly chunked = new ChunkedBody();
  /** Bytes at the end of a response head that were received and not read yet: what they mean depends on what follows. */
  heldBack = 0;
  readonly #owner: Llhttp;
  readonly #address: number;
  #fieldPart: FieldPart = FieldPart.headStart;
  #fieldsMax = FIELDS_USUAL;
  #overflow = false;
  /** The fields of a complete head have their ids. */
  #resolved = false;

  constructor(owner: Llhttp, address: number) {
    this.#owner = owner;
    this.#address = address;
  }

  /** Makes the parser fresh for a new message whose head starts at `base` and may have `fieldsMax` fields. */
  begin(base: number, fieldsMax: number): void {
    this.#owner.wasm.llhttp_reset(this.#address);
    this.head.clear();
    this.head.base = base;
    this.errorCode = 0;
    this.#fieldsMax = fieldsMax;
    this.#fieldPart = FieldPart.headStart;
    this.#overflow = false;
    this.#resolved = false;
    this.heldBack = 0;
  }

  /**
   * Parses `bytes` new bytes of the head at `at`, which continue those parsed before, in memory too.
   * Stops at the end of the head; what follows is not looked at.
   */
  executeHead(at: number, bytes: number): number {
    const parsed = this.executeHeadPiece(at, bytes);
    if (parsed === PARSED.complete && !this.#resolved) this.resolveFields();
    return parsed;
  }

  /**
   * The same for a head whose earlier bytes are elsewhere: `head.base` must lie as far in front of `at` as the head has
   * bytes before. When it is complete, put it together, point `head.base` at it, and call `resolveFields`.
   */
  executeHeadPiece(at: number, bytes: number): number {
    const wasm = this.#owner.wasm;
    this.#owner.current = this;
    this.#owner.records[0] = RECORDS_AT * 4;
    const code = wasm.llhttp_execute(this.#address, at, bytes);
    this.#readRecords();
    if (code === HPE_OK) return this.#overflow ? PARSED.tooManyFields : PARSED.partial;
    if (this.#overflow) return PARSED.tooManyFields;
    if (code !== HPE_PAUSED) {
      this.errorCode = code;
      return PARSED.invalid;
    }
    if (wasm.llhttp_get_http_major(this.#address) !== 1) {
      this.errorCode = LLHTTP_ERROR.invalidVersion;
      return PARSED.invalid;
    }
    const head = this.head;
    this.endAt = wasm.llhttp_get_error_pos(this.#address);
    head.bytes = this.endAt - head.base;
    head.minor = wasm.llhttp_get_http_minor(this.#address);
    head.method = wasm.llhttp_get_method(this.#address);
    return PARSED.complete;
  }

  /** As `executeHead`, for the head of a response: what servers may write and llhttp refuses is mended first. */
  executeResponseHead(at: number, bytes: number): number {
    const end = at + bytes;
    const from = at - this.heldBack;
    this.heldBack = 0;
    const code = this.executeHead(from, end - from);
    if (code !== PARSED.invalid) return code;
    const mended = mendResponse(this.#owner.bytes, this.head.base, end);
    if (mended === null) return code;
    const { base, readableEnd } = mended;
    this.begin(base, this.#fieldsMax);
    this.heldBack = end - readableEnd;
    return this.executeHead(base, readableEnd - base);
  }

  /** Called by llhttp: part of the request target. */
  onTarget(at: number, bytes: number): number {
    const head = this.head;
    if (head.targetBytes === 0) head.targetAt = at - head.base;
    head.targetBytes += bytes;
    return 0;
  }

  /** Takes in what was recorded of names and values, and forgets it. */
  #readRecords(): void {
    const { records } = this.#owner;
    const end = records[0]! >> 2;
    for (let record = RECORDS_AT; record < end; record += RECORD.WORDS) {
      const at = records[record + RECORD.at]!;
      const bytes = records[record + RECORD.bytes]!;
      if (bytes >= 0) this.#fieldName(at, bytes);
      else this.#fieldValue(at, bytes & ~VALUE_BIT);
      if (this.#overflow) break;
    }
    records[0] = RECORDS_AT * 4;
  }

  /** Part of a field's name. */
  #fieldName(at: number, bytes: number): void {
    const head = this.head;
    let fields = head.fields;
    const relative = at - head.base;
    if (this.#fieldPart === FieldPart.fieldName) {
      const last = (head.fieldCount - 1) * FIELD.WORDS;
      // A name that goes on is the same run of bytes; otherwise the last field had an empty value.
      if (fields[last + FIELD.nameAt]! + fields[last + FIELD.nameBytes]! === relative) {
        fields[last + FIELD.nameBytes]! += bytes;
        return;
      }
    }
    if (head.fieldCount >= this.#fieldsMax) {
      this.#overflow = true;
      return;
    }
    if (head.fieldCount === head.room) {
      head.grow();
      fields = head.fields;
    }
    const field = head.fieldCount++ * FIELD.WORDS;
    fields[field + FIELD.nameAt] = relative;
    fields[field + FIELD.nameBytes] = bytes;
    fields[field + FIELD.valueAt] = relative + bytes;
    fields[field + FIELD.valueBytes] = 0;
    this.#fieldPart = FieldPart.fieldName;
  }

  /** Part of a field's value. */
  #fieldValue(at: number, bytes: number): void {
    const head = this.head;
    const fields = head.fields;
    const field = (head.fieldCount - 1) * FIELD.WORDS;
    if (this.#fieldPart === FieldPart.fieldName) {
      fields[field + FIELD.valueAt] = at - head.base;
      this.#fieldPart = FieldPart.fieldValue;
    }
    // Counted from the first byte: pieces of one value follow each other in memory.
    fields[field + FIELD.valueBytes] = at - head.base + bytes - fields[field + FIELD.valueAt]!;
  }

  /** Called by llhttp: the empty line. Pauses, so that the caller decides what the body is. */
  onHeadersComplete(status: number, upgrade: number, keepAlive: number): number {
    const head = this.head;
    head.status = status;
    head.upgrade = upgrade === 1;
    head.keepAlive = keepAlive === 1;
    if (head.fieldCount === 0) this.#readWholeFields();
    else this.#readRecords();
    return HPE_PAUSED;
  }

  /**
   * Takes in the fields of a head that came in one piece, as nearly all do: then a name and a value make a field, and one
   * look at the records is enough. What is not so simple is left to the way that takes pieces.
   */
  #readWholeFields(): void {
    const { records, bytes } = this.#owner;
    const { head } = this;
    const { base, fields } = head;
    const end = records[0]! >> 2;
    if (end - RECORDS_AT > Math.min(this.#fieldsMax, head.room) * 2 * RECORD.WORDS) {
      this.#readRecords();
      return;
    }
    let field = 0;
    let ids = 0;
    let repeated = 0;
    let record = RECORDS_AT;
    for (; record < end; record += 2 * RECORD.WORDS) {
      const nameAt = records[record + RECORD.at]!;
      const nameBytes = records[record + RECORD.bytes]!;
      const valueAt = records[record + RECORD.WORDS + RECORD.at]!;
      const valueMark = records[record + RECORD.WORDS + RECORD.bytes]!;
      if (nameBytes < 0 || valueMark >= 0) break;
      const id = fieldId(bytes, nameAt, nameBytes);
      if (id !== FIELD_ID.NONE) {
        repeated |= ids & (1 << id);
        ids |= 1 << id;
        head.places[id] = field;
      }
      fields[field + FIELD.nameAt] = nameAt - base;
      fields[field + FIELD.nameBytes] = nameBytes;
      fields[field + FIELD.valueAt] = valueAt - base;
      fields[field + FIELD.valueBytes] = withoutBlanks(bytes, valueAt, valueMark & ~VALUE_BIT);
      fields[field + FIELD.id] = id;
      field += FIELD.WORDS;
    }
    if (record !== end) {
      this.#readRecords();
      return;
    }
    head.fieldCount = field / FIELD.WORDS;
    head.ids = ids;
    head.repeated = repeated;
    this.#resolved = true;
    records[0] = RECORDS_AT * 4;
  }

  /** Looks at all fields of a complete head that came in pieces: which they are, and where their values end. */
  resolveFields(): void {
    if (this.#resolved) return;
    this.#resolved = true;
    const { head } = this;
    const { bytes } = this.#owner;
    const { base, fields } = head;
    for (let i = 0, field = 0; i < head.fieldCount; i++, field += FIELD.WORDS) {
      const id = fieldId(bytes, base + fields[field + FIELD.nameAt]!, fields[field + FIELD.nameBytes]!);
      fields[field + FIELD.id] = id;
      fields[field + FIELD.valueBytes] = withoutBlanks(
        bytes,
        base + fields[field + FIELD.valueAt]!,
        fields[field + FIELD.valueBytes]!,
      );
      if (id === FIELD_ID.NONE) continue;
      head.repeated |= head.ids & (1 << id);
      head.ids |= 1 << id;
      head.places[id] = field;
    }
  }
}

interface LlhttpOptions {
  /** Bytes of the block set aside for the engine's slab. */
  slabBytes: number;
  /** Parsers of each type: messages whose head or chunked body may be under way at once. */
  parsersMax: number;
}

/** One WASM instance: a memory that holds the slab and the parsers, sized at start and never again. */
export class Llhttp {
  readonly wasm: LlhttpExports;
  /** The whole memory. Addresses count from its first byte. */
  readonly bytes: Uint8Array;
  /** Address of the slab. */
  readonly slabAt: number;
  /** What llhttp said of fields since the last time somebody read it (recorder.ts). */
  readonly records: Int32Array;
  readonly #recorder = makeRecorder();
  /** The parser whose callbacks llhttp is about to make. */
  current: HeadParser | null = null;
  readonly #idleRequests: HeadParser[] = [];
  readonly #idleResponses: HeadParser[] = [];
  #made = 0;
  #requestsLeft: number;
  #responsesLeft: number;

  constructor(options: LlhttpOptions) {
    this.records = this.#recorder.words;
    const module = new WebAssembly.Module(
      createRequire(import.meta.url)('undici/lib/llhttp/llhttp_simd-wasm.js') as Uint8Array,
    );
    const instance = new WebAssembly.Instance(module, {
      env: {
        wasm_on_message_begin: this.#recorder.begin,
        wasm_on_status: this.#recorder.ignore,
        wasm_on_url: (_: number, at: number, bytes: number) => this.current!.onTarget(at, bytes),
        wasm_on_header_field: this.#recorder.field,
        wasm_on_header_value: this.#recorder.value,
        wasm_on_headers_complete: (_: number, status: number, upgrade: number, keepAlive: number) =>
          this.current!.onHeadersComplete(status, upgrade, keepAlive),
        // Never called: llhttp pauses at the end of a head, and reads no body.
        wasm_on_body: this.#recorder.ignore,
        wasm_on_message_complete: this.#recorder.begin,
      },
    });
    this.wasm = instance.exports as unknown as LlhttpExports;
    this.wasm._initialize();
    this.slabAt = this.wasm.malloc(options.slabBytes);
    if (this.slabAt === 0) throw new RangeError(`no memory for a slab of ${options.slabBytes} bytes`);
    // Parsers are made when first needed, from memory set aside now: taken and given back, it stays the allocator's.
    const parserBlock = this.wasm.malloc(2 * options.parsersMax * PARSER_BYTES);
    if (parserBlock === 0) throw new RangeError(`no memory for ${2 * options.parsersMax} parsers`);
    this.wasm.free(parserBlock);
    this.#requestsLeft = options.parsersMax;
    this.#responsesLeft = options.parsersMax;
    this.bytes = new Uint8Array(this.wasm.memory.buffer);
  }

  /** A parser for requests, to be given back with `releaseRequest`; null when all are in use. */
  acquireRequest(): HeadParser | null {
    const parser = this.#idleRequests.pop();
    if (parser !== undefined) return parser;
    if (this.#requestsLeft === 0) return null;
    this.#requestsLeft--;
    return this.#make(PARSER_TYPE.request);
  }

  releaseRequest(parser: HeadParser): void {
    this.#idleRequests.push(parser);
  }

  /** A parser for responses, to be given back with `releaseResponse`; null when all are in use. */
  acquireResponse(): HeadParser | null {
    const parser = this.#idleResponses.pop();
    if (parser !== undefined) return parser;
    if (this.#responsesLeft === 0) return null;
    this.#responsesLeft--;
    return this.#make(PARSER_TYPE.response);
  }

  releaseResponse(parser: HeadParser): void {
    this.#idleResponses.push(parser);
  }

  /** Parsers in use, of both types. */
  get used(): number {
    return this.#made - this.#idleRequests.length - this.#idleResponses.length;
  }

  #make(type: number): HeadParser {
    const address = this.wasm.llhttp_alloc(type);
    if (address === 0 || this.wasm.memory.buffer !== this.bytes.buffer) {
      throw new Error('the parser memory grew: PARSER_BYTES is smaller than what llhttp allocates');
    }
    this.#made++;
    return new HeadParser(this, address);
  }
}
