// Verified tokens: what they say, and what is remembered of them.
// Owns the cache. Leaves keys to key-set.ts, cryptography to jose, and answers to run.ts.

import { createHash } from 'node:crypto';
import { type JWTPayload, jwtVerify } from 'jose';
import type { KeySet } from './key-set.js';
import type { Plan } from './plan.js';

/** Tokens that are remembered; of more the one used least lately is forgotten. */
const REMEMBERED_MAX = 8192;

/** What a good token means. */
export interface Verified {
  /** Milliseconds since 1970 from which on it is none any more, skew included. */
  readonly until: number;
  /** It has every claim that is required. */
  readonly suffices: boolean;
  /** For the server: names and values. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** The tokens of one filter. */
export class Tokens {
  readonly #plan: Plan;
  readonly #keys: KeySet;
  readonly #now: () => number;
  readonly #verified = new Map<string, Verified>();

  constructor(plan: Plan, keys: KeySet, now: () => number = Date.now) {
    this.#plan = plan;
    this.#keys = keys;
    this.#now = now;
  }

  /** What is remembered of a token; undefined when it has to be verified. */
  known(token: string): Verified | undefined {
    const key = digest(token);
    const verified = this.#verified.get(key);
    if (verified === undefined) return undefined;
    this.#verified.delete(key);
    if (verified.until <= this.#now()) return undefined;
    this.#verified.set(key, verified);
    return verified;
  }

  /** Verifies a token. Rejects with an error of jose for one that is no good, or with KeysUnavailable. */
  async verify(token: string): Promise<Verified> {
    const { issuer, audience, algorithms, clockSkewSeconds } = this.#plan;
    const { payload } = await jwtVerify(token, this.#keys.keyFor, {
      issuer,
      audience: [...audience],
      algorithms: [...algorithms],
      clockTolerance: clockSkewSeconds,
      requiredClaims: ['exp'],
      currentDate: new Date(this.#now()),
    });
    const verified = this.#meaning(payload);
    this.#verified.set(digest(token), verified);
    if (this.#verified.size > REMEMBERED_MAX) {
      const [oldest] = this.#verified.keys();
      this.#verified.delete(oldest!);
    }
    return verified;
  }

  #meaning(payload: JWTPayload): Verified {
    const { required, claimHeaders, clockSkewSeconds } = this.#plan;
    return {
      until: (payload.exp! + clockSkewSeconds) * 1000,
      suffices: required.every(({ claim, values }) => {
        const own = valuesOf(payload, claim);
        return own.length > 0 && (values === undefined || values.some((value) => own.includes(value)));
      }),
      fields: claimHeaders.flatMap(({ claim, header }) => {
        const own = valuesOf(payload, claim);
        return own.length === 0 ? [] : [[header, own.join(',')] as const];
      }),
    };
  }
}

const digest = (token: string): string => createHash('sha256').update(token).digest('base64');

/** The values of a claim as text; of a list each, of an object none. Words of a `scope` count one by one (RFC 8693, 4.2). */
function valuesOf(payload: JWTPayload, claim: string): string[] {
  if (!Object.hasOwn(payload, claim)) return [];
  const value = payload[claim];
  if (claim === 'scope' && typeof value === 'string') return value.split(' ').filter((word) => word !== '');
  return (Array.isArray(value) ? value : [value]).flatMap((each: unknown) => {
    const isPlain = typeof each === 'string' || typeof each === 'number' || typeof each === 'boolean';
    return isPlain ? [String(each)] : [];
  });
}
