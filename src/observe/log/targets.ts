// What logs are written to: a file, standard output, or a syslog. None of them makes the log thread wait for long.

import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import type { LogDestination } from '../../base/log-destination.js';
import { addon } from '../../engine/addon.js';
import type { Target } from './outlet.js';

const LINE_FEED = 0x0a;
/** As many bytes go into a pipe in one piece (PIPE_BUF): lines of others in the process cannot come between. */
const PIPE_BYTES = 4096;
/** Time between two tries to reach a syslog that is gone, in milliseconds. */
const RECONNECT_MS = 1000;

/** Opens a destination. Throws when a file cannot be opened; a syslog may come later. */
export function openTarget(to: LogDestination): Target {
  switch (to.type) {
    case 'file':
      return new FileTarget(to.file, to.mode);
    case 'stdout':
      return new StdoutTarget();
    case 'syslog':
      return new SyslogTarget(to);
  }
}

/** What makes two destinations one, and how messages name it. */
export function destinationName(to: LogDestination): string {
  return to.type === 'file' ? to.file : to.type === 'stdout' ? 'stdout' : `syslog ${to.address}`;
}

/**
 * A file that lines are added to. It is written in large pieces, synchronously: what the kernel takes into its cache does not wait
 * for the disk. A named pipe is not waited for.
 */
class FileTarget implements Target {
  readonly #file: string;
  readonly #mode: number;
  #fd: number;

  constructor(file: string, mode: number) {
    this.#file = file;
    this.#mode = mode;
    this.#fd = this.#open();
  }

  #open(): number {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
    return openSync(this.#file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, this.#mode);
  }

  write(bytes: Uint8Array, from: number, to: number): number {
    return writeSync(this.#fd, bytes, from, to - from);
  }

  reopen(): void {
    const fd = this.#open();
    closeSync(this.#fd);
    this.#fd = fd;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Standard output, which the process writes its own lines to as well. */
class StdoutTarget implements Target {
  readonly #fd: number;
  readonly #pieceBytes: number;

  constructor() {
    const stat = fstatSync(1);
    const isPipe = stat.isFIFO();
    this.#pieceBytes = isPipe ? PIPE_BYTES : Number.MAX_SAFE_INTEGER;
    // A description of our own: to make the one we share with others not wait would change it for them too.
    this.#fd = isPipe || stat.isCharacterDevice() ? ownDescription(1) : 1;
  }

  write(bytes: Uint8Array, from: number, to: number): number {
    let end = to;
    if (to - from > this.#pieceBytes) {
      const feed = bytes.lastIndexOf(LINE_FEED, from + this.#pieceBytes - 1);
      end = feed >= from ? feed + 1 : bytes.indexOf(LINE_FEED, from) + 1;
    }
    return writeSync(this.#fd, bytes, from, end - from);
  }

  reopen(): void {}

  close(): void {
    if (this.#fd !== 1) closeSync(this.#fd);
  }
}

function ownDescription(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // There is no /proc, or it may not be opened: then a slow reader is waited for, by this thread alone.
    return fd;
  }
}

/** A syslog (RFC 5424), over a unix datagram socket or UDP (RFC 5426): a datagram for each line. */
class SyslogTarget implements Target {
  readonly #to: LogDestination & { readonly type: 'syslog' };
  readonly #behindTime: string;
  #socket = -1;
  #lost: NodeJS.ErrnoException | null = null;
  #tryAt = 0;
  readonly #datagram = Buffer.alloc(SYSLOG_BYTES_MAX);

  constructor(to: LogDestination & { readonly type: 'syslog' }) {
    this.#to = to;
    const host =
      hostname()
        .replace(/[^\x21-\x7e]/g, '')
        .slice(0, 255) || '-';
    this.#behindTime = ` ${host} ${to.appName} ${process.pid} access - `;
  }

  write(bytes: Uint8Array, from: number, to: number): number {
    if (this.#socket < 0) this.#connect();
    const feed = bytes.indexOf(LINE_FEED, from);
    const end = feed < 0 || feed >= to ? to : feed;
    const head = `<${this.#to.priority}>1 ${new Date().toISOString()}${this.#behindTime}`;
    const headBytes = this.#datagram.write(head, 'latin1');
    const length = Math.min(end - from, SYSLOG_BYTES_MAX - headBytes);
    this.#datagram.set(bytes.subarray(from, from + length), headBytes);
    try {
      addon().datagramSend(this.#socket, this.#datagram, headBytes + length);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Its queue is full: it is asked again.
      if (code === 'EAGAIN' || code === 'ENOBUFS') throw Object.assign(new Error('full'), { code: 'EAGAIN' });
      if (code !== 'EMSGSIZE') this.#disconnect(error as NodeJS.ErrnoException);
      throw error;
    }
    return Math.min(end + 1, to) - from;
  }

  reopen(): void {
    if (this.#socket < 0) return;
    this.close();
    this.#tryAt = 0;
  }

  close(): void {
    if (this.#socket >= 0) addon().datagramClose(this.#socket);
    this.#socket = -1;
  }

  #connect(): void {
    if (this.#lost !== null && performance.now() < this.#tryAt) throw this.#lost;
    try {
      this.#socket = addon().datagramOpen(this.#to.host, this.#to.port);
      this.#lost = null;
    } catch (error) {
      this.#disconnect(error as NodeJS.ErrnoException);
      throw error;
    }
  }

  #disconnect(why: NodeJS.ErrnoException): void {
    this.close();
    this.#lost = why;
    this.#tryAt = performance.now() + RECONNECT_MS;
  }
}

/** Longest datagram: below the usual limit of unix sockets, and that of UDP. A line beyond it is cut. */
const SYSLOG_BYTES_MAX = 65_000;
