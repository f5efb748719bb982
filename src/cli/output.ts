// Standard output and standard error of the process: written so that nothing on the other side can stop or end it.
// Owns writing, what waits to be written, and counting what was lost. Leaves words and times to log.ts.

import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Bytes that may wait for a reader that is slow; lines beyond are lost. */
const WAITING_BYTES_MAX = 262_144;
/** Time between two tries to write to a reader that is slow, in milliseconds. */
const AGAIN_MS = 50;
/** Longest wait for a slow reader as the process ends, in milliseconds. */
const LAST_TRY_MS = 200;
/** The code of lines that were lost because too many wait already. */
const SLOW = 'no reader takes them';

/** Text to be written. */
interface Waiting {
  bytes: Buffer;
  readonly lines: number;
  /** What has to stand in front of it does. */
  begun: boolean;
  /** A part of it has been written. */
  partial: boolean;
  /** Lost lines that its front reports. */
  reports: number;
}

interface OutputOptions {
  /** Words the line that reports lost lines, line feed included. */
  lost(lines: number, why: string): string;
  /** A write failed, and the one before had not. */
  failed?(why: string): void;
}

/**
 * One output of a service.
 *
 *   WRITING ──reader is slow──► WAITING, bounded ──full──► lines are lost, and counted
 *      │ ▲                         └── tried again until all has left
 *      │ └── written, the number of lost lines in front
 *      └── error (no reader, no space left) ─► lines are lost, and counted; each further line is a try
 */
export class Output {
  readonly #options: OutputOptions;
  readonly #target: Target;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Lines lost that were not reported yet, and all ever. */
  #lost = 0;
  #lostTotal = 0;
  #why = '';
  #failing = false;
  /** The last line written was cut: the next one must not be glued to it. */
  #cut = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: 1 | 2, options: OutputOptions) {
    this.#options = options;
    this.#target = targetOf(fd);
  }

  /** Lines lost since the start. */
  get lostTotal(): number {
    return this.#lostTotal;
  }

  /** Writes lines, each with its line feed. Never throws, never blocks. */
  write(text: string): void {
    const bytes = Buffer.from(text);
    const lines = text.split('\n').length - 1;
    if (this.#waiting.length > 0 && this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      this.#lose(lines, SLOW);
      return;
    }
    this.#waiting.push({ bytes, lines, begun: false, partial: false, reports: 0 });
    this.#waitingBytes += bytes.length;
    if (this.#timer === undefined) this.#flush();
  }

  /** The process ends: a last try to write what waits. */
  end(): void {
    const until = performance.now() + LAST_TRY_MS;
    while (!this.#flush() && performance.now() < until) pause(AGAIN_MS / 10);
    clearTimeout(this.#timer);
    this.#target.close();
  }

  /** Writes what waits. False when the reader is slow: it is tried again. */
  #flush(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!next.begun) this.#begin(next);
      try {
        const written = this.#target.write(next.bytes);
        this.#waitingBytes -= written;
        next.bytes = next.bytes.subarray(written);
        next.partial ||= written > 0;
      } catch (error) {
        const why = (error as NodeJS.ErrnoException).code ?? String(error);
        if (why === 'EAGAIN') {
          this.#timer = setTimeout(() => this.#flush(), AGAIN_MS);
          this.#timer.unref();
          return false;
        }
        this.#waiting.shift();
        this.#waitingBytes -= next.bytes.length;
        this.#cut ||= next.partial;
        this.#lose(next.lines, why);
        continue;
      }
      if (next.bytes.length > 0) continue;
      this.#waiting.shift();
      this.#lost -= next.reports;
      this.#cut = false;
      this.#failing = false;
    }
    return true;
  }

  /** Puts in front of a text what has to stand there. */
  #begin(next: Waiting): void {
    next.begun = true;
    if (!this.#cut && this.#lost === 0) return;
    const report = this.#lost === 0 ? '' : this.#options.lost(this.#lost, this.#why);
    const front = Buffer.from(`${this.#cut ? '\n' : ''}${report}`);
    next.reports = this.#lost;
    next.bytes = Buffer.concat([front, next.bytes]);
    this.#waitingBytes += front.length;
  }

  #lose(lines: number, why: string): void {
    this.#lost += lines;
    this.#lostTotal += lines;
    this.#why = why;
    if (this.#failing) return;
    this.#failing = true;
    this.#options.failed?.(why);
  }
}

/** Prints all of a text, waiting for its reader: for commands that end with it. Returns the code of an error, or null. */
export function printAll(fd: 1 | 2, text: string): string | null {
  for (let bytes = Buffer.from(text); bytes.length > 0; ) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EAGAIN') return code ?? String(error);
      pause(AGAIN_MS / 10);
    }
  }
  return null;
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Where bytes go: `write` takes some or all of them, or throws, with EAGAIN when it would have to wait. */
interface Target {
  write(bytes: Buffer): number;
  close(): void;
}

function targetOf(fd: 1 | 2): Target {
  const kind = kindOf(fd);
  if (kind === 'socket') return targetOfStream(fd === 1 ? process.stdout : process.stderr);
  if (kind === 'stream') {
    try {
      // A description of our own: to make the one we share with others not wait would change it for them too.
      const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      return { write: (bytes) => writeSync(own, bytes), close: () => closeSync(own) };
    } catch {
      // There is no /proc, or it may not be opened: then a slow reader is waited for.
    }
  }
  return { write: (bytes) => writeSync(fd, bytes), close: () => {} };
}

function kindOf(fd: number): 'file' | 'stream' | 'socket' {
  try {
    const stat = fstatSync(fd);
    return stat.isSocket() ? 'socket' : stat.isFIFO() || stat.isCharacterDevice() ? 'stream' : 'file';
  } catch {
    return 'file';
  }
}

/** A socket, as that of the journal: Node's stream does not wait for it. */
function targetOfStream(stream: NodeJS.WriteStream): Target {
  let failure: Error | null = null;
  stream.on('error', (error) => {
    failure = error;
  });
  return {
    write: (bytes) => {
      if (failure !== null) throw failure;
      if (stream.writableLength > WAITING_BYTES_MAX) throw Object.assign(new Error(SLOW), { code: SLOW });
      stream.write(bytes);
      return bytes.length;
    },
    close: () => {},
  };
}
