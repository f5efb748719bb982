// A listener that only says where its requests are served by https: which of them, and the answer.

import { STATUS_CODES } from 'node:http';
import { forwardedScheme } from '../http/forwarded-scheme.js';
import { HTTPS_REDIRECT_STATUS, httpsLocation } from '../http/https-location.js';
import type { ReasonCode } from '../http/reasons.js';
import { isExcepted } from '../routing/exceptions.js';
import type { Context } from './context.js';
import type { Exchange } from './exchange.js';
import { reply } from './local-reply.js';

const NOTHING = new Uint8Array(0);
const QUESTION = 0x3f;

/** The redirect of one listener, and what it leaves to the rules. */
export class HttpsRedirect {
  readonly #port: number;
  readonly #except: readonly string[];

  /** `except` are prefixes of paths, compared by whole elements; in normal form and without a closing slash. */
  constructor(port: number, except: readonly string[]) {
    this.#port = port;
    this.#except = except;
  }

  /**
   * True for a request that is to be redirected. Not those that a trusted proxy in front took by https, which would come back
   * here the same way, and not those under an excepted path: both go to the rules.
   */
  applies(w: Context, x: Exchange): boolean {
    if (x.client.trusted && forwardedScheme(w.memory, x.head!) === 'https') return false;
    if (this.#except.length === 0) return true;
    return !isExcepted(textOf(w, x.targetAt, pathBytes(w.memory, x)), this.#except);
  }

  /** Answers a request that was checked with its place by https. Returns why it cannot be, or null. */
  answer(w: Context, x: Exchange): ReasonCode | null {
    // HTTP/1.0 may leave it out, and anyone may leave it empty: then nobody knows where to send the client.
    if (x.hostBytes === 0) return 'REDIRECT_HOST_MISSING';
    const host = textOf(w, x.hostAt, x.hostBytes);
    const to = httpsLocation(host, textOf(w, x.targetAt, x.targetBytes), this.#port);
    const reason = STATUS_CODES[HTTPS_REDIRECT_STATUS] ?? '';
    reply(w, x, HTTPS_REDIRECT_STATUS, reason, `Location: ${to}\r\n`, NOTHING, false);
    return null;
  }
}

function textOf(w: Context, at: number, bytes: number): string {
  return Buffer.from(w.memory.buffer, at, bytes).toString('latin1');
}

function pathBytes(memory: Uint8Array, { targetAt, targetBytes }: Exchange): number {
  let bytes = 0;
  while (bytes < targetBytes && memory[targetAt + bytes] !== QUESTION) bytes++;
  return bytes;
}
