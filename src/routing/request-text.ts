// Fills a request view from text, for explain, for tests and for the public API.
// Owns laying the bytes out as a parsed head would have them. The worker fills its view from the wire instead.

import { parseAddress } from '../http/addresses.js';
import { FIELD_ID, fieldId, hashName } from '../http/fields.js';
import { FIELD, FIELDS_MAX, Head } from '../http/head.js';
import { methodNumber } from '../http/methods.js';
import { normalisePath, PATH_AS_IS, PATH_GROWTH, PATH_REFUSED } from './path.js';
import { RequestView } from './request.js';

/** A request in words. */
export interface RequestText {
  /** Default GET. */
  readonly method?: string | undefined;
  /** `http://shop.example.com/images?x=1`, or only `/images?x=1` when a Host header tells the host. */
  readonly url: string;
  /** In the order they are sent; a name may come more than once. */
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Address of the client; none when left out. */
  readonly clientAddress?: string | undefined;
  readonly serverName?: string | undefined;
}

/** The request cannot be: a server would answer 400 before it looks at any route. */
export class RequestTextError extends Error {
  override readonly name = 'RequestTextError';
}

/**
 * A view over freshly allocated bytes. Values are encoded as UTF-8.
 *
 * Throws RequestTextError for a method that cannot be parsed, a path that is refused (see normalisePath), an address
 * that is none, or more than FIELDS_MAX headers.
 */
export function requestView(text: RequestText): RequestView {
  const { host, path, query } = splitUrl(text);
  const headers = text.headers ?? [];
  if (headers.length > FIELDS_MAX) throw new RequestTextError(`${headers.length} headers; at most ${FIELDS_MAX} fit.`);
  const layout = new ByteLayout();
  const view = new RequestView();
  const head = new Head();
  view.head = head;
  const method = text.method ?? 'GET';
  head.method = methodNumber(method);
  if (head.method === -1)
    throw new RequestTextError(`'${method}' is not a method; methods are in capitals, as in GET.`);
  view.method = head.method;
  [view.hostAt, view.hostBytes] = layout.add(host);
  [view.queryAt, view.queryBytes] = layout.add(query);
  [view.serverNameAt, view.serverNameBytes] = layout.add(text.serverName ?? '');
  [view.pathAt, view.pathBytes] = layout.addBytes(normalBytes(path));
  for (const [name, value] of headers) {
    const [nameAt, nameBytes] = layout.add(name);
    const [valueAt, valueBytes] = layout.add(value);
    const at = head.fieldCount++ * FIELD.WORDS;
    head.fields.set([nameAt, nameBytes, valueAt, valueBytes, 0, FIELD_ID.NONE], at);
  }
  view.bytes = layout.bytes();
  for (let field = 0; field < head.fieldCount; field++) {
    const at = field * FIELD.WORDS;
    const nameAt = head.fields[at + FIELD.nameAt]!;
    const nameBytes = head.fields[at + FIELD.nameBytes]!;
    const hash = hashName(view.bytes, nameAt, nameBytes);
    head.fields[at + FIELD.hash] = hash;
    head.fields[at + FIELD.id] = fieldId(hash, view.bytes, nameAt, nameBytes);
  }
  setClientAddress(view, text.clientAddress);
  return view;
}

/** Host without its port, path and query of a URL in origin or absolute form (RFC 9112, 3.2). */
function splitUrl(text: RequestText): { host: string; path: string; query: string } {
  const withoutFragment = text.url.replace(/#.*$/s, '');
  const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?]*)(.*)$/s.exec(withoutFragment);
  const header = text.headers?.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? '';
  const authority = absolute === null ? header : absolute[1]!.replace(/^.*@/s, '');
  const target = absolute === null ? withoutFragment : absolute[2]!;
  const mark = target.indexOf('?');
  return {
    host: authority.trim().replace(/:\d*$/, ''),
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? '' : target.slice(mark + 1),
  };
}

function normalBytes(path: string): Uint8Array {
  const bytes = Buffer.from(path, 'utf8');
  const out = Buffer.alloc(bytes.length * PATH_GROWTH + 1);
  const written = normalisePath(bytes, 0, bytes.length, out, 0);
  if (written === PATH_REFUSED) {
    throw new RequestTextError(`The path ${JSON.stringify(path)} is answered with 400 before any rule is looked at.`);
  }
  return written === PATH_AS_IS ? bytes : out.subarray(0, written);
}

function setClientAddress(view: RequestView, text: string | undefined): void {
  if (text === undefined) return;
  const address = parseAddress(text);
  if (address === undefined) throw new RequestTextError(`'${text}' is not a client address.`);
  view.clientAddress.set(address);
  view.clientAddressBytes = address.length;
}

/** Collects spans, then hands out one block that holds them all. */
class ByteLayout {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  add(text: string): [at: number, length: number] {
    return this.addBytes(Buffer.from(text, 'utf8'));
  }

  addBytes(bytes: Uint8Array): [at: number, length: number] {
    const at = this.#length;
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return [at, bytes.length];
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}
