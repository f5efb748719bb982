// Reads the frames of one direction of a connection, cut anywhere.
// Owns the syntax of frames and their order (RFC 9113, 4 and 6). Leaves what one frame alone can have wrong to frame-rules.ts,
// and streams, windows and HPACK to the connection.

import type { Http2Limits } from '../../http/h2-limits.js';
import { frameError, PRIORITY_BYTES } from './frame-rules.js';
import { FLAG, FRAME_BYTES_USUAL, FRAME_HEAD_BYTES, FRAME_TYPE, H2_ERROR, PREFACE } from './frames.js';
import type { Area } from './hpack/copy.js';
import { KeptPieces, NO_BYTES } from './kept-pieces.js';

/** What `read` found. The fields of the reader that belong to it are named with each. */
export const FRAME = {
  /** All bytes are read; more are needed. */
  none: 0,
  /** A piece of DATA: `stream`, `at`, `bytes`, `ended`; `first` with what the frame counts for windows, `frameBytes`, and what
   * of that is no padding, `dataBytes`. */
  data: 1,
  /** A whole block: `stream`, `ended`, and `area`, `at`, `end`. It must go through HPACK, whatever the stream is. */
  headers: 2,
  /** `stream`. Of no meaning (RFC 9113, 5.3.2), but counted. */
  priority: 3,
  /** `stream`, `errorCode`. */
  rstStream: 4,
  /** `area`, `at`, `bytes`: six for each setting. */
  settings: 5,
  settingsAck: 6,
  /** `area`, `at`: eight bytes to send back. */
  ping: 7,
  pingAck: 8,
  /** `stream`, the last one that the peer takes, and `errorCode`. */
  goaway: 9,
  /** `stream` (0 for the connection), `increment`. */
  windowUpdate: 10,
  /** `stream`, the one it is about, and `area`, `at`, `bytes` of the field value (RFC 9218, 7.1). */
  priorityUpdate: 11,
  /** A frame of a type that means nothing here. */
  unknown: 12,
  /** The frame ends its stream with `errorCode`. `frameBytes` of DATA still count for the window of the connection, else 0. */
  streamError: 13,
  /** The frame ends the connection with `errorCode`. Nothing is read any more. */
  connectionError: 14,
  /** The connection does not begin as one of HTTP/2. Nothing is read any more. */
  noPreface: 15,
} as const;

/*
 * Where in the stream of bytes the next one is. A frame goes from HEAD to HEAD; which states lie between depends on its type.
 *
 *   PREFACE ──► HEAD ──┬─► [PAD] ─► DATA ──────────────────────────────┬─► [PADDING] ─► HEAD
 *               ▲      ├─► [PAD] ─► [PRIORITY] ─► FRAGMENT ────────────┘
 *               │      ├─► WHOLE   what is looked at once all of it is here
 *               │      └─► SKIP    what means nothing
 *               └──────────┘
 *   every state ──what ends the connection──► FAILED
 */
const AT = {
  PREFACE: 0,
  HEAD: 1,
  PAD: 2,
  PRIORITY: 3,
  FRAGMENT: 4,
  DATA: 5,
  PADDING: 6,
  WHOLE: 7,
  SKIP: 8,
  FAILED: 9,
} as const;

/** A longer value of `priority` is none that means anything: it is skipped. */
const PRIORITY_VALUE_MAX = 128;
const STREAM_MASK = 0x7fffffff;

export class FrameReader {
  /** Where reading goes on in the bytes given to `read`. */
  next = 0;
  stream = 0;
  ended = false;
  first = false;
  frameBytes = 0;
  /** Of DATA: what of that is no padding. */
  dataBytes = 0;
  errorCode = 0;
  increment = 0;
  /** What the last event is about, where it lies: in the bytes given to `read`, or in a memory of the reader's. */
  area: Area = NO_BYTES;
  at = 0;
  end = 0;
  /** A HEADERS frame that depends on its own stream, as RFC 7540, 5.3.1 forbade. */
  selfDependent = false;
  /** The connection was ended for frames that are fine one by one: too many in one block, or too much in them. */
  flooded = false;
  readonly #isServer: boolean;
  readonly #limits: Pick<Http2Limits, 'continuationsMax' | 'listBytesMax'>;
  #state: number;
  #settingsSeen = false;
  /** Bytes of the head, or of the preface, that are read. */
  #headBytes = 0;
  #type = 0;
  #flags = 0;
  /** Of the frame: bytes still to come, and how many of them are padding. */
  #left = 0;
  #padding = 0;
  /** No piece of the DATA has been reported. */
  #isFirst = false;
  /** What is kept of a frame, or of a block, that did not come whole. */
  #kept: KeptPieces | null = null;
  /** The stream whose block is open, 0 for none, and how it goes on. */
  #blockStream = 0;
  #blockEnds = false;
  #continuations = 0;
  #dependency = 0;

  /** `isServer`: clients are read, whose connection begins with a preface; `prefaceRead`: it has been read already. */
  constructor(isServer: boolean, prefaceRead: boolean, limits: Pick<Http2Limits, 'continuationsMax' | 'listBytesMax'>) {
    this.#isServer = isServer;
    this.#limits = limits;
    this.#state = isServer && !prefaceRead ? AT.PREFACE : AT.HEAD;
  }

  /** Bytes of the last event. */
  get bytes(): number {
    return this.end - this.at;
  }

  /** No frame is under way: the bytes read so far end where one does. */
  get isBetweenFrames(): boolean {
    return this.#state === AT.HEAD && this.#headBytes === 0 && this.#blockStream === 0;
  }

  /** A block is open, or a frame under way that belongs to one: its sender has to come to an end. */
  get isInBlock(): boolean {
    return this.#blockStream !== 0;
  }

  /** Forgets what did not come whole: the connection is over. */
  release(): void {
    this.#forget();
    this.area = NO_BYTES;
  }

  #forget(): void {
    this.#kept?.drop();
    this.#kept = null;
  }

  get #keptBytes(): number {
    return this.#kept === null ? 0 : this.#kept.length;
  }

  /**
   * Reads on with the bytes between `at` and `end`, up to the next event. `next` says where to go on; call again until it is
   * `none`. Hot: allocates nothing but for blocks that come in pieces.
   */
  read(memory: Area, at: number, end: number): number {
    this.next = at;
    this.area = NO_BYTES;
    for (;;) {
      let event: number = FRAME.none;
      switch (this.#state) {
        case AT.HEAD:
          if (!this.#readHead(memory, end)) return FRAME.none;
          event = this.#begin();
          break;
        case AT.DATA:
          return this.#data(end);
        case AT.FRAGMENT:
          event = this.#fragment(memory, end);
          if (event === FRAME.none && this.#state === AT.FRAGMENT) return FRAME.none;
          break;
        case AT.PAD:
          if (this.next === end) return FRAME.none;
          event = this.#pad(memory.bytes[this.next++]!);
          break;
        case AT.PRIORITY:
          if (!this.#priority(memory, end)) return FRAME.none;
          break;
        case AT.WHOLE:
          if (!this.#keepUntilWhole(memory, end)) return FRAME.none;
          event = this.flooded ? FRAME.connectionError : this.#whole();
          break;
        case AT.PADDING:
        case AT.SKIP: {
          const skipped = Math.min(this.#left, end - this.next);
          this.next += skipped;
          this.#left -= skipped;
          if (this.#left > 0) return FRAME.none;
          this.#state = AT.HEAD;
          break;
        }
        case AT.PREFACE:
          event = this.#preface(memory, end);
          if (event === FRAME.none && this.#state === AT.PREFACE) return FRAME.none;
          break;
        default: // AT.FAILED
          this.next = end;
          return FRAME.none;
      }
      if (event !== FRAME.none) return event;
    }
  }

  #preface(memory: Area, end: number): number {
    while (this.#headBytes < PREFACE.length) {
      if (this.next === end) return FRAME.none;
      if (memory.bytes[this.next++] !== PREFACE[this.#headBytes++]) {
        this.#state = AT.FAILED;
        return FRAME.noPreface;
      }
    }
    this.#headBytes = 0;
    this.#state = AT.HEAD;
    return FRAME.none;
  }

  /** The nine bytes in front of each frame. False: they are not all here. */
  #readHead(memory: Area, end: number): boolean {
    const { view } = memory;
    if (this.#headBytes === 0 && end - this.next >= FRAME_HEAD_BYTES) {
      const first = view.getUint32(this.next);
      this.#left = first >>> 8;
      this.#type = first & 0xff;
      this.#flags = memory.bytes[this.next + 4]!;
      this.stream = view.getInt32(this.next + 5) & STREAM_MASK;
      this.next += FRAME_HEAD_BYTES;
      return true;
    }
    while (this.next < end) {
      const byte = memory.bytes[this.next++]!;
      const place = this.#headBytes++;
      if (place === 0) this.#left = byte;
      else if (place < 3) this.#left = (this.#left << 8) | byte;
      else if (place === 3) this.#type = byte;
      else if (place === 4) this.#flags = byte;
      else if (place === 5) this.stream = byte & 0x7f;
      else this.stream = (this.stream << 8) | byte;
      if (place === FRAME_HEAD_BYTES - 1) {
        this.#headBytes = 0;
        return true;
      }
    }
    return false;
  }

  #fail(errorCode: number): number {
    this.errorCode = errorCode;
    this.#state = AT.FAILED;
    this.release();
    return FRAME.connectionError;
  }

  #calm(): number {
    this.flooded = true;
    return this.#fail(H2_ERROR.ENHANCE_YOUR_CALM);
  }

  /** The head of a frame is here: what is wrong with it already, and what comes next. */
  #begin(): number {
    const type = this.#type;
    const bytes = this.#left;
    this.#padding = 0;
    if (this.#blockStream !== 0 && (type !== FRAME_TYPE.CONTINUATION || this.stream !== this.#blockStream)) {
      return this.#fail(H2_ERROR.PROTOCOL_ERROR);
    }
    if (!this.#settingsSeen) {
      if (type !== FRAME_TYPE.SETTINGS || (this.#flags & FLAG.ACK) !== 0) return this.#fail(H2_ERROR.PROTOCOL_ERROR);
      this.#settingsSeen = true;
    }
    const error = frameError(type, this.#flags, this.stream, bytes, this.#isServer);
    if (error !== H2_ERROR.NO_ERROR) return this.#fail(error);
    switch (type) {
      case FRAME_TYPE.DATA:
        return this.#beginData(bytes);
      case FRAME_TYPE.HEADERS:
        return this.#beginHeaders(bytes);
      case FRAME_TYPE.CONTINUATION:
        return this.#beginContinuation(bytes);
      case FRAME_TYPE.PRIORITY:
        if (bytes !== PRIORITY_BYTES) return this.#skipWith(H2_ERROR.FRAME_SIZE_ERROR, 0);
        break;
      case FRAME_TYPE.PRIORITY_UPDATE:
        if (bytes > 4 + PRIORITY_VALUE_MAX) return this.#skipAs(FRAME.unknown);
        break;
      case FRAME_TYPE.RST_STREAM:
      case FRAME_TYPE.SETTINGS:
      case FRAME_TYPE.PING:
      case FRAME_TYPE.GOAWAY:
      case FRAME_TYPE.WINDOW_UPDATE:
        break;
      default:
        return this.#skipAs(FRAME.unknown);
    }
    this.#state = AT.WHOLE;
    return FRAME.none;
  }

  #skipAs(event: number): number {
    this.#state = AT.SKIP;
    return event;
  }

  #skipWith(errorCode: number, frameBytes: number): number {
    this.errorCode = errorCode;
    this.frameBytes = frameBytes;
    return this.#skipAs(FRAME.streamError);
  }

  #beginData(bytes: number): number {
    if (bytes > FRAME_BYTES_USUAL) return this.#skipWith(H2_ERROR.FRAME_SIZE_ERROR, bytes);
    this.#isFirst = true;
    this.frameBytes = bytes;
    this.#state = AT.DATA;
    return this.#beginPadding(0);
  }

  #beginHeaders(bytes: number): number {
    this.#blockStream = this.stream;
    this.#blockEnds = (this.#flags & FLAG.END_STREAM) !== 0;
    this.#continuations = 0;
    this.selfDependent = false;
    const priority = (this.#flags & FLAG.PRIORITY) !== 0;
    this.#state = priority ? AT.PRIORITY : AT.FRAGMENT;
    this.#headBytes = 0;
    if (bytes > this.#limits.listBytesMax) return this.#calm();
    return this.#beginPadding(priority ? PRIORITY_BYTES : 0);
  }

  #beginContinuation(bytes: number): number {
    if (this.#blockStream === 0) return this.#fail(H2_ERROR.PROTOCOL_ERROR);
    if (++this.#continuations > this.#limits.continuationsMax) return this.#calm();
    if (this.#keptBytes + bytes > this.#limits.listBytesMax) return this.#calm();
    this.#flags &= ~FLAG.PADDED;
    this.#state = AT.FRAGMENT;
    return FRAME.none;
  }

  /** Looks whether there is room for what the flags promise, `fixed` bytes besides padding. The state is the one behind it. */
  #beginPadding(fixed: number): number {
    const padded = (this.#flags & FLAG.PADDED) !== 0;
    if (this.#left < fixed + (padded ? 1 : 0)) return this.#fail(H2_ERROR.FRAME_SIZE_ERROR);
    if (padded) this.#state = AT.PAD;
    return FRAME.none;
  }

  /** The length of the padding. */
  #pad(bytes: number): number {
    this.#left--;
    this.#padding = bytes;
    const isData = this.#type === FRAME_TYPE.DATA;
    const priority = !isData && (this.#flags & FLAG.PRIORITY) !== 0;
    if (bytes + (priority ? PRIORITY_BYTES : 0) > this.#left) return this.#fail(H2_ERROR.PROTOCOL_ERROR);
    this.#state = isData ? AT.DATA : priority ? AT.PRIORITY : AT.FRAGMENT;
    return FRAME.none;
  }

  /** The five bytes of priority in a HEADERS frame: of no meaning, but for a stream that depends on itself. */
  #priority(memory: Area, end: number): boolean {
    while (this.#headBytes < PRIORITY_BYTES) {
      if (this.next === end) return false;
      const byte = memory.bytes[this.next++]!;
      if (this.#headBytes === 0) this.#dependency = byte & 0x7f;
      else if (this.#headBytes < 4) this.#dependency = (this.#dependency << 8) | byte;
      this.#headBytes++;
      this.#left--;
    }
    this.#headBytes = 0;
    this.selfDependent = this.#dependency === this.stream;
    this.#state = AT.FRAGMENT;
    return true;
  }

  /** A piece of a block. One that is here whole is not copied. */
  #fragment(memory: Area, end: number): number {
    const bytes = this.#left - this.#padding;
    const here = Math.min(bytes, end - this.next);
    const last = (this.#flags & FLAG.END_HEADERS) !== 0;
    if (last && here === bytes && this.#keptBytes === 0) {
      this.#event(memory, this.next, bytes);
    } else {
      if (!this.#keep(memory, here, this.#limits.listBytesMax)) return this.#calm();
      this.#left -= here;
      if (here < bytes) return FRAME.none;
      this.#afterPayload();
      if (!last) return FRAME.none;
      this.#takeKept();
      this.#blockDone();
      return FRAME.headers;
    }
    this.next += bytes;
    this.#left -= bytes;
    this.#afterPayload();
    this.#blockDone();
    return FRAME.headers;
  }

  #blockDone(): void {
    this.#forget();
    this.ended = this.#blockEnds;
    this.#blockStream = 0;
  }

  #event(area: Area, at: number, bytes: number): void {
    this.area = area;
    this.at = at;
    this.end = at + bytes;
  }

  #afterPayload(): void {
    this.#state = this.#left > 0 ? AT.PADDING : AT.HEAD;
  }

  /** Keeps bytes of what has not come whole. False: there is no room for them. */
  #keep(memory: Area, bytes: number, most: number): boolean {
    this.#kept ??= new KeptPieces();
    if (!this.#kept.add(memory, this.next, bytes, most)) return false;
    this.next += bytes;
    return true;
  }

  /** What was kept is whole: it is what the event is about, and forgotten with that. */
  #takeKept(): void {
    const { area, length } = this.#kept!;
    this.#event(area, 0, length);
    this.#forget();
  }

  #data(end: number): number {
    const bytes = this.#left - this.#padding;
    const here = Math.min(bytes, end - this.next);
    if (here === 0 && bytes > 0) return FRAME.none;
    this.at = this.next;
    this.end = this.at + here;
    this.next = this.end;
    this.first = this.#isFirst;
    if (this.first) this.dataBytes = bytes;
    this.#isFirst = false;
    this.#left -= here;
    this.ended = here === bytes && (this.#flags & FLAG.END_STREAM) !== 0;
    if (here === bytes) this.#afterPayload();
    return FRAME.data;
  }

  /** Keeps a payload until it is whole, unless it is. False: more has to come, or there is no room for it. */
  #keepUntilWhole(memory: Area, end: number): boolean {
    const bytes = this.#left;
    if (this.#kept === null && end - this.next >= bytes) {
      this.#event(memory, this.next, bytes);
      this.next += bytes;
      return true;
    }
    const here = Math.min(bytes - this.#keptBytes, end - this.next);
    if (!this.#keep(memory, here, bytes)) {
      this.#calm();
      return true;
    }
    if (this.#keptBytes < bytes) return false;
    this.#takeKept();
    return true;
  }

  /** A frame that is here whole. */
  #whole(): number {
    const { view } = this.area;
    const { at } = this;
    const ack = (this.#flags & FLAG.ACK) !== 0;
    this.#state = AT.HEAD;
    switch (this.#type) {
      case FRAME_TYPE.SETTINGS:
        return ack ? FRAME.settingsAck : FRAME.settings;
      case FRAME_TYPE.PING:
        return ack ? FRAME.pingAck : FRAME.ping;
      case FRAME_TYPE.RST_STREAM:
        this.errorCode = view.getUint32(at);
        return FRAME.rstStream;
      case FRAME_TYPE.GOAWAY:
        this.stream = view.getInt32(at) & STREAM_MASK;
        this.errorCode = view.getUint32(at + 4);
        return FRAME.goaway;
      case FRAME_TYPE.WINDOW_UPDATE: {
        this.increment = view.getInt32(at) & STREAM_MASK;
        if (this.increment > 0) return FRAME.windowUpdate;
        if (this.stream === 0) return this.#fail(H2_ERROR.PROTOCOL_ERROR);
        this.errorCode = H2_ERROR.PROTOCOL_ERROR;
        this.frameBytes = 0;
        return FRAME.streamError;
      }
      case FRAME_TYPE.PRIORITY:
        if ((view.getInt32(at) & STREAM_MASK) !== this.stream) return FRAME.priority;
        this.errorCode = H2_ERROR.PROTOCOL_ERROR;
        this.frameBytes = 0;
        return FRAME.streamError;
      default: // FRAME_TYPE.PRIORITY_UPDATE
        this.stream = view.getInt32(at) & STREAM_MASK;
        if (this.stream === 0) return this.#fail(H2_ERROR.PROTOCOL_ERROR);
        this.at = at + 4;
        return FRAME.priorityUpdate;
    }
  }
}
