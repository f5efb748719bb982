// Passwords that wait to be compared with their hashes, off the loop of the worker.
// Owns the queue and the thread. Leaves comparing to password-thread.ts, and what is known already to logins.ts.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { PasswordQuestion } from './password-thread.js';

/** Comparisons that may wait in one worker. */
const WAITING_MAX = 256;

interface Waiting extends PasswordQuestion {
  done(matches: boolean | null): void;
  /** Clients left that asked for it. */
  given: boolean;
}

/** The compiled thread; from the sources (tests) the one that `make build` left in dist/. */
function threadFile(): string {
  const beside = fileURLToPath(new URL('./password-thread.js', import.meta.url));
  if (existsSync(beside)) return beside;
  return fileURLToPath(new URL('../../../dist/filters/basic-auth/password-thread.js', import.meta.url));
}

/** One per worker; its thread is started with the first password. */
export class PasswordCheck {
  readonly #queue: Waiting[] = [];
  #current: Waiting | null = null;
  #thread: Worker | null = null;

  /**
   * Compares a password with a hash. `done` gets whether it matches, or null when that could not be found out: too many wait, or the thread died.
   * Returns what gives it up; then `done` is not called.
   */
  compare(password: string, hash: string, done: (matches: boolean | null) => void): () => void {
    const waiting: Waiting = { password, hash, done, given: false };
    if (this.#queue.length >= WAITING_MAX) {
      done(null);
      return () => {};
    }
    this.#queue.push(waiting);
    this.#next();
    return () => {
      waiting.given = true;
    };
  }

  #next(): void {
    while (this.#current === null) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      if (next.given) continue;
      this.#current = next;
      this.#thread ??= this.#start();
      this.#thread.postMessage({ password: next.password, hash: next.hash } satisfies PasswordQuestion);
    }
  }

  #start(): Worker {
    const thread = new Worker(threadFile());
    // It must not keep a worker that has drained from ending.
    thread.unref();
    thread.on('message', (matches: boolean) => this.#answered(matches));
    thread.on('error', () => {
      this.#thread = null;
      this.#answered(null);
    });
    return thread;
  }

  #answered(matches: boolean | null): void {
    const current = this.#current;
    this.#current = null;
    if (current !== null && !current.given) current.done(matches);
    this.#next();
  }
}
