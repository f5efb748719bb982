// Judges a request in words as a worker judges one from the wire: the same parser, the same checks, no sockets.
// For explain, tests and the public router. Leaves the path and the rules to src/routing.

import { Tried } from '../balance/view.js';
import { check } from '../codec/h1/check.js';
import { refusalOf } from '../codec/h1/read-head.js';
import { Tokens } from '../codec/h1/tokens.js';
import { CHUNK_BYTES } from '../engine/layout.js';
import type { AnyExchange, ClientInfo } from '../exchange/client-info.js';
import { Exchange } from '../exchange/exchange.js';
import { NO_FILTERS } from '../exchange/phases.js';
import type { Limits } from '../exchange/settings.js';
import { Framing } from '../http/framing.js';
import { FIELDS_MAX } from '../http/head.js';
import { Llhttp } from '../http/llhttp.js';
import { PARSED } from '../http/parsed.js';
import type { ReasonCode } from '../http/reasons.js';
import type { RequestText } from '../routing/request-text.js';

/** The limits that a head can break. */
type HeadLimits = Pick<Limits, 'headBytesMax' | 'uriBytesMax' | 'fieldsMax'>;

/** Longest text that is looked at: more than any head may have. */
const TEXT_BYTES_MAX = 524_288;

/** Bytes that end a line or a value wherever they stand: no client can send them inside one. */
const BREAKS = /[\r\n\0]/;

/** Made when first needed, then kept: one parser is enough for all that ask. */
let shared: { readonly llhttp: Llhttp; readonly x: AnyExchange; readonly tokens: Tokens } | undefined;

/** Checking asks nothing of a connection. */
const CLIENT: ClientInfo = {
  slot: 0,
  trusted: false,
  tls: null,
  listener: {
    http: { name: '', clientField: null, redirect: null, repeatedSlashes: 'merge', filters: null, phases: NO_FILTERS },
  },
};

/** Why a worker with these limits refuses the request before it looks at any rule, or null. */
export function judge(request: RequestText, limits: HeadLimits): ReasonCode | null {
  const head = headOf(request);
  if (head === null) return 'REQUEST_MALFORMED';
  const bytes = Buffer.from(head, 'utf8');
  if (bytes.length > TEXT_BYTES_MAX) return 'HEAD_TOO_LARGE';
  shared ??= make();
  const { llhttp, x, tokens } = shared;
  const parser = llhttp.acquireRequest()!;
  try {
    const memory = llhttp.bytes;
    const at = llhttp.slabAt;
    memory.set(bytes, at);
    parser.begin(at, Math.min(limits.fieldsMax, FIELDS_MAX));
    let parsed: number = PARSED.partial;
    // As much at a time as a worker receives at once: the parser records no more fields in one go.
    for (let from = 0; from < bytes.length && parsed === PARSED.partial; from += CHUNK_BYTES) {
      parsed = parser.executeHead(at + from, Math.min(CHUNK_BYTES, bytes.length - from));
    }
    if (parsed === PARSED.tooManyFields) return 'HEAD_TOO_LARGE';
    if (parsed === PARSED.invalid) return refusalOf(memory, parser, at + bytes.length);
    if (parsed !== PARSED.complete || parser.endAt !== at + bytes.length) return 'REQUEST_MALFORMED';
    if (parser.head.targetBytes > limits.uriBytesMax) return 'URI_TOO_LONG';
    if (parser.head.bytes > limits.headBytesMax) return 'HEAD_TOO_LARGE';
    x.head = parser.head;
    return check({ memory, tokens, framing: new Framing() }, x);
  } finally {
    x.head = null;
    llhttp.releaseRequest(parser);
  }
}

function make(): NonNullable<typeof shared> {
  const llhttp = new Llhttp({ slabBytes: TEXT_BYTES_MAX, parsersMax: 1 });
  return { llhttp, x: new Exchange(llhttp.bytes, CLIENT, new Tried()), tokens: new Tokens() };
}

/**
 * The head that a client would send for the request, or null when none can be. A URL with a host becomes a Host field and
 * a path, unless there is a Host field already: then it goes out whole, and its own host counts (RFC 9112, 3.2.2).
 */
function headOf({ method = 'GET', url, headers = [] }: RequestText): string | null {
  const withoutFragment = url.replace(/#.*$/s, '');
  const absolute = /^https?:\/\/(?:[^/?@]*@)?([^/?]*)(.*)$/is.exec(withoutFragment);
  const splits = absolute !== null && !headers.some(([name]) => name.toLowerCase() === 'host');
  const rest = splits ? absolute[2]! : withoutFragment;
  const target = splits && !rest.startsWith('/') ? `/${rest}` : rest;
  const fields = splits ? [['Host', absolute[1]!] as const, ...headers] : headers;
  const parts = [method, target, ...fields.flat()];
  if (parts.some((part) => BREAKS.test(part))) return null;
  return `${method} ${target} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}
