// A socket below TLS whose encrypted bytes can be held back and sent in pieces of the test's choice.
// Owns the raw socket. Leaves what is in the records to the TLS socket above it.

import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Place } from './addresses.js';

export class RecordCutter extends Duplex {
  private readonly raw: Socket;
  private held: Buffer[] | undefined;
  private onHeld = (): void => {};

  /** `passes`: so many writes go through; what TLS writes after them is held back, for `heldRecords`. */
  constructor(
    to: Place,
    private passes = Number.POSITIVE_INFINITY,
  ) {
    super();
    this.raw = connect(to.port, to.host);
    this.raw.setNoDelay(true);
    this.raw.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) this.raw.pause();
    });
    this.raw.on('end', () => this.push(null));
    this.raw.on('error', (error) => this.destroy(error));
    this.raw.on('close', () => this.destroy());
  }

  override _read(): void {
    this.raw.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.held === undefined && this.passes === 0) this.held = [];
    if (this.held === undefined) {
      this.passes--;
      this.raw.write(bytes, done);
    } else {
      this.held.push(bytes);
      this.onHeld();
      done();
    }
  }

  override _final(done: () => void): void {
    this.raw.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.raw.destroy();
    done(error);
  }

  /** What `write` makes TLS send, held back: the bytes of its records. */
  async recordsOf(write: () => Promise<void>): Promise<Buffer> {
    this.held = [];
    await write();
    const records = Buffer.concat(this.held);
    this.held = undefined;
    return records;
  }

  /** What TLS wrote behind the writes that passed, once it is there; all that it writes in one turn of the loop. */
  async heldRecords(): Promise<Buffer> {
    if (this.held === undefined) {
      await new Promise<void>((resolve) => {
        this.onHeld = resolve;
      });
    }
    await new Promise((resolve) => setImmediate(resolve));
    return Buffer.concat(this.held ?? []);
  }

  /** Ends our direction of the raw connection, and resolves when the other side has ended too. */
  endRaw(): Promise<void> {
    return new Promise((resolve) => {
      if (this.raw.destroyed) resolve();
      else this.raw.once('close', () => resolve()).end();
    });
  }

  /** Sends encrypted bytes; resolves when the kernel took them, and also when the connection died first. */
  sendRaw(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (this.raw.destroyed || !this.raw.writable) resolve();
      else this.raw.write(bytes, () => resolve());
    });
  }
}
