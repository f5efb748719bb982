// Where the lines of logs go out: never waited for, bounded in what it holds, and lossy only in whole lines, which it counts.
// Owns what waits, and what is given up when a write fails. Leaves writing itself to file.ts, stdout.ts and syslog.ts.

/** Bytes that may wait for a destination that is slow; lines beyond are dropped. */
const WAITING_BYTES_MAX = 8_388_608;

const LINE_FEED = 0x0a;

/** Something that takes bytes. */
export interface Target {
  /**
   * Writes some of `bytes` from `from` to `to`, which is at least one whole line, and returns how many. Throws with EAGAIN when it
   * would have to wait, with another code when it cannot.
   */
  write(bytes: Uint8Array, from: number, to: number): number;
  /** Begins anew where it was: the file may have been moved away. Throws when it cannot; then it goes on as before. */
  reopen(): void;
  close(): void;
}

interface OutletOptions {
  readonly name: string;
  /** Lines were dropped. */
  dropped(lines: number): void;
  /** It failed, and had not before. */
  failed(why: string): void;
  /** It takes lines again after it failed, and `dropped` were lost meanwhile. */
  recovered(dropped: number): void;
}

/** Bytes that wait: whole lines, but for the first, of which a part may have been written. */
interface Waiting {
  bytes: Uint8Array;
  at: number;
}

/*
 *   WRITING ──EAGAIN──► WAITING, bounded ──full──► new lines are dropped, and counted
 *      │ ▲                  └── tried again until all has left
 *      │ └── written
 *      └── error ─► the rest of a line that was begun is kept, the lines behind it are dropped; each further batch is a try
 */
export class Outlet {
  /** Lines that it took, and those dropped, since the start. */
  written = 0;
  dropped = 0;
  readonly #options: OutletOptions;
  readonly #target: Target;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #failing = false;
  #droppedBefore = 0;

  constructor(target: Target, options: OutletOptions) {
    this.#target = target;
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Something waits for it. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Takes whole lines: `count` of them in the first `length` bytes, which are the caller's again afterwards. */
  take(bytes: Uint8Array, length: number, count: number): void {
    if (this.#waiting.length > 0 && !this.flush() && this.#waitingBytes + length > WAITING_BYTES_MAX) {
      this.#count(count);
      return;
    }
    this.written += count;
    const part = { bytes, at: 0 };
    if (this.#waiting.length === 0 && this.#write(part, length)) return;
    if (part.at === length) return;
    this.#keep(bytes.slice(part.at, length));
  }

  /** Writes what waits. True when all has left, or was given up. */
  flush(): boolean {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const before = next.at;
      const done = this.#write(next, next.bytes.length);
      this.#waitingBytes -= next.at - before;
      if (!done) return false;
      this.#waiting.shift();
    }
    return true;
  }

  reopen(): void {
    try {
      this.#target.reopen();
    } catch (error) {
      this.#fail(error);
    }
  }

  close(): void {
    this.flush();
    for (const { bytes, at } of this.#waiting) this.#drop(bytes, at, bytes.length);
    this.#waiting.length = 0;
    this.#target.close();
  }

  #keep(bytes: Uint8Array): void {
    this.#waiting.push({ bytes, at: 0 });
    this.#waitingBytes += bytes.length;
  }

  /** Writes a part up to `end`. False when something of it is left that has to wait. */
  #write(part: Waiting, end: number): boolean {
    try {
      while (part.at < end) part.at += this.#target.write(part.bytes, part.at, end);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      this.#fail(error);
      return this.#giveUp(part, end);
    }
    this.#recover();
    return true;
  }

  /** Gives up the lines of a part that were not begun. False when one was: its rest has to wait, so that the line is whole in the end. */
  #giveUp(part: Waiting, end: number): boolean {
    const begun = part.at > 0 && part.bytes[part.at - 1] !== LINE_FEED;
    const restEnd = begun ? part.bytes.indexOf(LINE_FEED, part.at) + 1 : part.at;
    this.#drop(part.bytes, restEnd, end);
    if (!begun) {
      part.at = end;
      return true;
    }
    const rest = part.bytes.slice(part.at - 1, restEnd);
    // What waits behind it could not be written either.
    for (const { bytes, at } of this.#waiting) if (bytes !== part.bytes) this.#drop(bytes, at, bytes.length);
    this.#waiting.length = 0;
    // With one byte in front that is written: the line stays one that was begun.
    this.#waiting.push({ bytes: rest, at: 1 });
    this.#waitingBytes = rest.length - 1;
    part.at = end;
    return false;
  }

  #drop(bytes: Uint8Array, from: number, to: number): void {
    let lines = 0;
    for (let at = bytes.indexOf(LINE_FEED, from); at >= 0 && at < to; at = bytes.indexOf(LINE_FEED, at + 1)) lines++;
    this.#count(lines);
    this.written -= lines;
  }

  #count(dropped: number): void {
    if (dropped === 0) return;
    this.dropped += dropped;
    this.#options.dropped(dropped);
  }

  #fail(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#droppedBefore = this.dropped;
    const { code, message } = error as NodeJS.ErrnoException;
    this.#options.failed(code ?? message);
  }

  #recover(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.recovered(this.dropped - this.#droppedBefore);
  }
}
