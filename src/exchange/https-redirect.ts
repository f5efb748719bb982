// A listener that only says where its requests are served by https: which of them, and the answer.

import { forwardedScheme } from '../http/forwarded-scheme.js';
import { HTTPS_REDIRECT_STATUS, httpsLocation } from '../http/https-location.js';
import type { ReasonCode } from '../http/reasons.js';
import { isExcepted } from '../routing/exceptions.js';
import type { AnyExchange } from './client-info.js';
import type { LocalReply } from './filter.js';

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
  applies(x: AnyExchange): boolean {
    if (x.client.trusted && forwardedScheme(x.bytes, x.head!) === 'https') return false;
    if (this.#except.length === 0) return true;
    return !isExcepted(textOf(x, x.targetAt, pathBytes(x)), this.#except);
  }

  /** The reply to a request that was checked: its place by https. Or why there can be none. */
  replyTo(x: AnyExchange): LocalReply | ReasonCode {
    // HTTP/1.0 may leave it out, and a client may leave it empty: then there is no place to send it to.
    if (x.hostBytes === 0) return 'REDIRECT_HOST_MISSING';
    const host = textOf(x, x.hostAt, x.hostBytes);
    const to = httpsLocation(host, textOf(x, x.targetAt, x.targetBytes), this.#port);
    return { status: HTTPS_REDIRECT_STATUS, fields: `Location: ${to}\r\n`, body: NOTHING };
  }
}

function textOf({ bytes }: AnyExchange, at: number, length: number): string {
  return Buffer.from(bytes.buffer, at, length).toString('latin1');
}

function pathBytes({ bytes, targetAt, targetBytes }: AnyExchange): number {
  let length = 0;
  while (length < targetBytes && bytes[targetAt + length] !== QUESTION) length++;
  return length;
}
