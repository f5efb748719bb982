// The keys of one issuer: those of a file, or fetched from a URL, when they are due and when a token names an unknown one.
// Owns when to fetch. Leaves verifying to tokens.ts.

import { createLocalJWKSet, errors, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';

type Keys = ReturnType<typeof createLocalJWKSet>;
type Key = Awaited<ReturnType<Keys>>;

/** Keys are fetched anew, beside requests, once they are this old. */
const FRESH_MS = 600_000;
/** After a fetch, an unknown key causes no other one for this time: floods of made-up keys reach no issuer. */
const COOLDOWN_MS = 30_000;
/** After a fetch that failed, while no keys are known. */
const FAILED_COOLDOWN_MS = 1_000;
const FETCH_MS = 5_000;
const BYTES_MAX = 1_048_576;

/** No keys are known, and none could be fetched. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

/** Fetches the text of a key set; a test has its own. */
export type FetchKeys = (url: string) => Promise<string>;

/** One per URL or file, and worker. */
export class KeySet {
  readonly #url: string;
  readonly #fetch: FetchKeys;
  readonly #now: () => number;
  #keys: Keys | null = null;
  /** When keys were fetched last, and when that was tried last. */
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | null = null;

  /** `keys` is a key set as JSON, or empty to fetch it from `url`. */
  constructor(
    url: string,
    keys: string,
    fetchKeys: FetchKeys = fetchText,
    now: () => number = () => performance.now(),
  ) {
    this.#url = url;
    this.#fetch = fetchKeys;
    this.#now = now;
    if (keys !== '') this.#keys = createLocalJWKSet(JSON.parse(keys) as JSONWebKeySet);
  }

  /** The key for a token. Rejects with KeysUnavailable, or with an error of jose. To be passed to jose as it is. */
  readonly keyFor = async (header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<Key> => {
    if (this.#keys === null) await this.#fetchIfDue(FAILED_COOLDOWN_MS);
    else if (this.#now() - this.#fetchedAt > FRESH_MS) void this.#fetchIfDue(COOLDOWN_MS);
    const keys = this.#keys;
    if (keys === null) throw new KeysUnavailable('no key set could be fetched');
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#fetchIfDue(COOLDOWN_MS);
      if (this.#keys === keys || this.#keys === null) throw error;
      return this.#keys(header, token);
    }
  };

  /** Waits for the fetch under way, or makes one unless the last was less than `cooldownMs` ago. Never rejects: old keys stay. */
  async #fetchIfDue(cooldownMs: number): Promise<void> {
    if (this.#url === '') return;
    if (this.#fetching === null) {
      if (this.#now() - this.#triedAt < cooldownMs) return;
      this.#triedAt = this.#now();
      this.#fetching = this.#refresh();
    }
    await this.#fetching;
  }

  async #refresh(): Promise<void> {
    try {
      this.#keys = createLocalJWKSet(JSON.parse(await this.#fetch(this.#url)) as JSONWebKeySet);
      this.#fetchedAt = this.#now();
    } catch {
      // The old keys stay; who has none is refused.
    } finally {
      this.#fetching = null;
    }
  }
}

/** A key set as an issuer serves it. Redirects are not followed: they could lead into the house. */
async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(FETCH_MS),
    headers: { accept: 'application/jwk-set+json, application/json' },
  });
  if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > BYTES_MAX) throw new Error('too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
