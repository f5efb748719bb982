// Peers that go away without a word: vanishes.c, compiled once and run as a process.

import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Place, scratchDirectory } from './addresses.js';

const SOURCE = fileURLToPath(new URL('./vanishes.c', import.meta.url));
const DEADLINE_MS = 15_000;

let program: string | undefined;

function compiled(): string {
  if (program === undefined) {
    program = join(scratchDirectory(), 'vanishes');
    const { LD_PRELOAD: _, ...env } = process.env;
    execFileSync('cc', ['-O1', '-o', program, SOURCE], { env });
  }
  return program;
}

export class VanishingPeer {
  /** What came from the connection, and what the program says. */
  said = '';
  readonly #child;
  readonly #waiting = new Set<() => void>();

  /** Connects, or takes one connection at 127.0.0.1. */
  constructor(to?: Place) {
    const { LD_PRELOAD: _, ...env } = process.env;
    this.#child = spawn(compiled(), to === undefined ? [] : [to.host, String(to.port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env,
    });
    this.#child.stdin.on('error', () => {});
    this.#child.stdout.setEncoding('latin1').on('data', (text: string) => {
      this.said += text;
      for (const check of [...this.#waiting]) check();
    });
  }

  send(text: string): void {
    this.#child.stdin.write(text, 'latin1');
  }

  /** From here on it is not there any more, and no one was told. */
  async vanish(): Promise<void> {
    this.send('vanish\n');
    await this.heard(/gone\n/);
  }

  /** Waits until what it received, or said, matches. */
  heard(what: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no ${what} within ${DEADLINE_MS} ms: ${JSON.stringify(this.said)}`)),
        DEADLINE_MS,
      );
      const check = (): void => {
        const found = what.exec(this.said);
        if (found === null) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      check();
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) resolve();
      else {
        this.#child.once('exit', () => resolve());
        this.#child.kill('SIGKILL');
      }
    });
  }
}
