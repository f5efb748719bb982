// What a service says while it runs: status to standard output, errors to standard error, each with its time.
// Owns the form of a line. Leaves the words to events/, and writing to output.ts.

import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { ProcessEvent } from '../observe/events.js';
import { describeEvent } from './events/describe.js';
import { isAtLeast, type LogLevel, levelOf } from './events/levels.js';
import { Output } from './output.js';
import { counted } from './terminal.js';

/** When lines have a time: `auto` is where no person looks on, and no journal adds its own. */
export type LogTimes = 'auto' | 'always' | 'never';

/** How the lines of a process look. */
export interface LogOptions {
  readonly times: LogTimes;
  /** Sentences for people, or an object of JSON in each line for programs. */
  readonly format: LogFormat;
  /** Events that matter less are left out. */
  readonly level: LogLevel;
}

export const LOG_FORMATS = ['text', 'json'] as const;
type LogFormat = (typeof LOG_FORMATS)[number];

/** The lines of one process. None of them can end it. */
export class Log {
  readonly #options: LogOptions;
  readonly #out: Output;
  readonly #err: Output;
  readonly #outTimes: boolean;
  readonly #errTimes: boolean;

  constructor(options: LogOptions) {
    this.#options = options;
    const { times } = options;
    const worded = (event: string, text: string, isTimed: boolean): string =>
      options.format === 'json' ? jsonLine('error', event, text, {}) : stamped(`sevenfold: ${text}\n`, isTimed);
    this.#outTimes = hasTimes(1, times);
    this.#errTimes = hasTimes(2, times);
    const output = (fd: 1 | 2, name: string, isTimed: boolean, other: () => Output): Output =>
      new Output(fd, {
        lost: (lines, why) => worded('output.lost', `${counted(lines, 'line')} of output were lost (${why})`, isTimed),
        failed: (why) => {
          const advice = 'Lines are lost until it can; SIGUSR2 counts them.';
          other().write(worded('output.failed', `standard ${name} cannot be written (${why}). ${advice}`, isTimed));
        },
      });
    this.#out = output(1, 'output', this.#outTimes, () => this.#err);
    this.#err = output(2, 'error', this.#errTimes, () => this.#out);
    // Others in the process write there too: a module of the user's, or a library.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  }

  /** Lines lost on both outputs since the start. */
  get linesLost(): number {
    return this.#out.lostTotal + this.#err.lostTotal;
  }

  /** What happened, in the words of its area. */
  event(event: ProcessEvent): void {
    const level = levelOf(event);
    if (!isAtLeast(level, this.#options.level)) return;
    const sentences = describeEvent(event);
    if (this.#options.format === 'json') {
      const { type, ...fields } = event;
      const isError = sentences.some(({ to }) => to !== 'status');
      const message = sentences.map(({ text }) => text).join(' ');
      // Lines that a program reads have no other form, whatever they are about.
      (isError ? this.#err : this.#out).write(jsonLine(level, type, message, fields));
      return;
    }
    for (const { to, text } of sentences) {
      if (to === 'status') this.log(text);
      else if (to === 'error') this.logError(`sevenfold: ${text}`);
      else this.printError(text);
    }
  }

  /** Status: one line. */
  log(line: string): void {
    this.#out.write(stamped(`${line}\n`, this.#outTimes));
  }

  /** An error: one line. */
  logError(line: string): void {
    this.#err.write(stamped(`${line}\n`, this.#errTimes));
  }

  /** What is for programs, or for the person at the keyboard: lines without a time. */
  print(text: string): void {
    this.#out.write(`${text}\n`);
  }

  /** Mistakes in a file: lines without a time, so that editors find their places. */
  printError(text: string): void {
    this.#err.write(`${text}\n`);
  }

  /** The process ends. */
  end(): void {
    this.#out.end();
    this.#err.end();
  }
}

/** One event for programs: what all have, then what it carries. */
function jsonLine(level: LogLevel, event: string, message: string, fields: object): string {
  return `${JSON.stringify({ time: new Date().toISOString(), level, event, message, ...fields })}\n`;
}

/** A line with its time: ISO 8601, UTC, milliseconds. */
function stamped(line: string, isTimed: boolean): string {
  return isTimed ? `${new Date().toISOString()} ${line}` : line;
}

function hasTimes(fd: 1 | 2, times: LogTimes): boolean {
  if (times !== 'auto') return times === 'always';
  return !isatty(fd) && !isJournal(fd);
}

/** systemd names the socket of its journal by device and inode (systemd.exec(5)). */
function isJournal(fd: number): boolean {
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return process.env.JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
