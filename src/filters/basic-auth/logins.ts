// Users and passwords as one filter knows them: who is in the file, and which pairs were verified before.
// Owns that a wrong password and an unknown user cost the same. Leaves comparing to password-check.ts.

import { createHmac, randomBytes } from 'node:crypto';
import type { User } from '../parts/htpasswd.js';
import { PasswordCheck } from './password-check.js';

/** Pairs that are remembered; of more the one used least lately is forgotten. */
const VERIFIED_MAX = 4096;

const passwords = new PasswordCheck();
/** Remembered pairs are kept as digests under a secret of the thread: no password stays in memory. */
const secret = randomBytes(32);

/** A comparison under way, for all that wait for it; given up when none does any more. */
interface Comparison {
  readonly waiting: Set<(result: boolean | null) => void>;
  giveUp: () => void;
}

export class Logins {
  readonly #hashes: ReadonlyMap<string, string>;
  /** For unknown users: a hash of the same cost. */
  readonly #otherHash: string;
  readonly #verified = new Set<string>();
  /** Pairs that are being compared: several requests with one pair wait for one comparison. */
  readonly #under = new Map<string, Comparison>();

  constructor(users: readonly User[]) {
    this.#hashes = new Map(users);
    this.#otherHash = users[0]![1];
  }

  /** True when this pair was found good before. */
  knows(user: string, password: string): boolean {
    const hash = this.#hashes.get(user);
    if (hash === undefined) return false;
    const key = keyOf(user, password, hash);
    if (!this.#verified.delete(key)) return false;
    this.#verified.add(key);
    return true;
  }

  /** Verifies a pair. `done` gets the result, null when it could not be found out. Returns what gives it up. */
  verify(user: string, password: string, done: (result: boolean | null) => void): () => void {
    const hash = this.#hashes.get(user);
    const key = keyOf(user, password, hash ?? this.#otherHash);
    let comparison = this.#under.get(key);
    if (comparison === undefined) {
      comparison = { waiting: new Set([done]), giveUp: () => {} };
      this.#under.set(key, comparison);
      const { waiting } = comparison;
      comparison.giveUp = passwords.compare(password, hash ?? this.#otherHash, (matches) => {
        this.#under.delete(key);
        const result = matches === null ? null : matches && hash !== undefined;
        if (result === true) this.#remember(key);
        for (const each of waiting) each(result);
      });
    }
    const { waiting, giveUp } = comparison;
    waiting.add(done);
    return () => {
      if (!waiting.delete(done) || waiting.size > 0 || this.#under.get(key) !== comparison) return;
      this.#under.delete(key);
      giveUp();
    };
  }

  #remember(key: string): void {
    this.#verified.add(key);
    if (this.#verified.size <= VERIFIED_MAX) return;
    const [oldest] = this.#verified;
    this.#verified.delete(oldest!);
  }
}

const keyOf = (user: string, password: string, hash: string): string =>
  createHmac('sha256', secret).update(`${user}\0${hash}\0`).update(password).digest('base64');

/** The pair in an Authorization field; null when it is none. */
export function readCredentials(value: string): { user: string; password: string } | null {
  const token = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(value)?.[1];
  if (token === undefined) return null;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(token, 'base64'));
  } catch {
    return null;
  }
  const colon = text.indexOf(':');
  // A hash of bcrypt ends at a NUL for some, and goes on for others.
  if (colon < 0 || text.includes('\0')) return null;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
