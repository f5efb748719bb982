// A ring of records in shared memory, from one worker to the log thread: it never makes the worker wait.
// Owns where records lie. Leaves what they hold to record.ts.

import { RECORD, RECORD_TYPE } from './record.js';

/** Bytes of the ring of each worker: some 4,000 requests. A power of two. */
const RING_BYTES = 2_097_152;

/** Words in front of the records, and who may write each. Places are counts of bytes that wrap: only their difference means something. */
const CONTROL = {
  /** Bytes written: the worker. */
  written: 0,
  /** Bytes read: the log thread. */
  read: 1,
  /** Records dropped because the ring was full: the worker. Wraps. */
  dropped: 2,
  /** Records of exchanges written: the worker. Wraps. */
  recorded: 3,
  /** Changes when the log thread has forgotten all names: the log thread. */
  epoch: 4,
  WORDS: 16,
} as const;

/** One word for all workers of a process, on which the log thread sleeps: who has filled half of its ring wakes it. */
export class LogWake {
  readonly shared: SharedArrayBuffer;
  readonly #word: Int32Array;

  constructor(shared = new SharedArrayBuffer(4)) {
    this.shared = shared;
    this.#word = new Int32Array(shared);
  }

  wake(): void {
    Atomics.add(this.#word, 0, 1);
    Atomics.notify(this.#word, 0);
  }

  /** Resolves when it is woken, or after `timeoutMs`. */
  async sleep(timeoutMs: number): Promise<void> {
    const { waitAsync } = Atomics as unknown as { waitAsync: WaitAsync };
    const { value } = waitAsync(this.#word, 0, Atomics.load(this.#word, 0), timeoutMs);
    await value;
  }
}

/** ECMAScript 2024; Node 20 has it, the language level here does not declare it. */
type WaitAsync = (
  words: Int32Array,
  at: number,
  value: number,
  timeoutMs: number,
) => { value: string | Promise<string> };

/** An empty ring for one worker. `bytes` is a power of two. */
export function createRing(bytes = RING_BYTES): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL.WORDS * 4 + bytes);
}

/** What both ends see. */
class Ring {
  protected readonly control: Int32Array;
  /** The records. Words of a record are at a quarter of its place, doubles at an eighth. */
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly bytes: Uint8Array;
  protected readonly size: number;

  constructor(shared: SharedArrayBuffer) {
    const front = CONTROL.WORDS * 4;
    this.control = new Int32Array(shared, 0, CONTROL.WORDS);
    this.words = new Int32Array(shared, front);
    this.doubles = new Float64Array(shared, front);
    this.bytes = new Uint8Array(shared, front);
    this.size = shared.byteLength - front;
  }

  /** Records dropped since the start, modulo 2^32. */
  get dropped(): number {
    return Atomics.load(this.control, CONTROL.dropped) >>> 0;
  }

  /** Records of exchanges written since the start, modulo 2^32. */
  get recorded(): number {
    return Atomics.load(this.control, CONTROL.recorded) >>> 0;
  }
}

/** The end of the worker. */
export class RingWriter extends Ring {
  #written: number;
  /** As far as the other end had read when that was looked at last. */
  #read: number;
  /** The record that is being written ends here. */
  #end = 0;
  readonly #wake: LogWake;

  constructor(shared: SharedArrayBuffer, wake: LogWake) {
    super(shared);
    this.#wake = wake;
    // A worker that is started again goes on where the one before stopped; what that had begun was never published.
    this.#written = Atomics.load(this.control, CONTROL.written);
    this.#read = Atomics.load(this.control, CONTROL.read);
  }

  /** Changes when the reader has forgotten the names. */
  get epoch(): number {
    return Atomics.load(this.control, CONTROL.epoch);
  }

  /** Begins a record of `bytes` bytes, a multiple of 8. Returns its place, or -1 when there is no room for it. Hot. */
  begin(bytes: number, type: number): number {
    const at = this.#written & (this.size - 1);
    const toEnd = this.size - at;
    const filler = toEnd < bytes ? toEnd : 0;
    if (!this.#hasRoom(filler + bytes)) return -1;
    if (filler > 0) {
      this.words[(at >> 2) + RECORD.bytes] = filler;
      this.words[(at >> 2) + RECORD.type] = RECORD_TYPE.FILLER;
    }
    const place = filler > 0 ? 0 : at;
    this.words[(place >> 2) + RECORD.bytes] = bytes;
    this.words[(place >> 2) + RECORD.type] = type;
    this.#end = (this.#written + filler + bytes) | 0;
    return place;
  }

  /** Hands the record over. Hot. */
  end(): void {
    const before = this.#written;
    this.#written = this.#end;
    Atomics.store(this.control, CONTROL.written, this.#written);
    // Once for each half: a ring that is not read must not cost a call for each record.
    if (((before ^ this.#end) & (this.size >> 1)) !== 0) this.#wakeIfFull();
  }

  #wakeIfFull(): void {
    this.#read = Atomics.load(this.control, CONTROL.read);
    if (((this.#written - this.#read) | 0) > this.size >> 2) this.#wake.wake();
  }

  /** Counts a record that was written, or dropped. Hot. */
  count(wasWritten: boolean): void {
    const word = wasWritten ? CONTROL.recorded : CONTROL.dropped;
    Atomics.store(this.control, word, (this.control[word]! + 1) | 0);
  }

  #hasRoom(bytes: number): boolean {
    if (this.size - ((this.#written - this.#read) | 0) >= bytes) return true;
    this.#read = Atomics.load(this.control, CONTROL.read);
    return this.size - ((this.#written - this.#read) | 0) >= bytes;
  }
}

/** The end of the log thread. */
export class RingReader extends Ring {
  /** Makes the writer give names anew: this reader has none of those before. */
  forgetNames(): void {
    Atomics.add(this.control, CONTROL.epoch, 1);
  }

  /** Bytes that wait to be read. */
  get waiting(): number {
    return (Atomics.load(this.control, CONTROL.written) - this.control[CONTROL.read]!) | 0;
  }

  /** Calls `visit` with the place of each record written until now, in order, and gives their room back. Returns their bytes. */
  read(visit: (at: number, type: number) => void): number {
    const written = Atomics.load(this.control, CONTROL.written);
    const from = this.control[CONTROL.read]!;
    let read = from;
    while (read !== written) {
      const at = read & (this.size - 1);
      const type = this.words[(at >> 2) + RECORD.type]!;
      if (type !== RECORD_TYPE.FILLER) visit(at, type);
      read = (read + this.words[(at >> 2) + RECORD.bytes]!) | 0;
    }
    Atomics.store(this.control, CONTROL.read, read);
    return (read - from) | 0;
  }
}
