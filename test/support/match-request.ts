// A request for the matcher alone, laid out from text: no parser, no checks, and bytes of its own.
// For tests and benchmarks of src/routing. Everything else goes through the exchange (src/explain/dry-run.ts).

import { parseAddress } from '../../src/base/addresses.js';
import type { RequestText } from '../../src/explain/request-text.js';
import { FIELD_ID, fieldId } from '../../src/http/fields.js';
import { FIELD, FIELDS_MAX, Head } from '../../src/http/head.js';
import { methodNumber } from '../../src/http/methods.js';
import { normalisePath, PATH_AS_IS, PATH_GROWTH, PATH_REFUSED } from '../../src/routing/path.js';
import { type ClientCertificate, type MatchRequest, sniOf, type TlsView } from '../../src/routing/request.js';

export type { RequestText };

/** What a request over TLS has unless it says otherwise: what most clients come with. */
const TLS_DEFAULTS = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' };

/** A request in words, laid out as the matcher wants it. */
export class TextRequest implements MatchRequest {
  bytes: Uint8Array = new Uint8Array(0);
  head: Head | null = null;
  pathAt = 0;
  pathBytes = 0;
  queryAt = 0;
  queryBytes = 0;
  hostAt = 0;
  hostNameBytes = 0;
  method = 0;
  readonly clientAddress = new Uint8Array(16);
  readonly clientAddressAt = 0;
  clientAddressBytes = 0;
  tls: TlsView | null = null;
  listener = '';
}

/**
 * A view over freshly allocated bytes. Values are encoded as UTF-8.
 *
 * Throws Error for a method that cannot be parsed, a path that is refused (see normalisePath), an address
 * that is none, or more than FIELDS_MAX headers.
 */
export function matchRequest(text: RequestText): TextRequest {
  const { host, path, query } = splitUrl(text);
  const headers = text.headers ?? [];
  if (headers.length > FIELDS_MAX) throw new Error(`${headers.length} headers; at most ${FIELDS_MAX} fit.`);
  const layout = new ByteLayout();
  const view = new TextRequest();
  const head = new Head();
  view.head = head;
  while (head.room < headers.length) head.grow();
  const method = text.method ?? 'GET';
  head.method = methodNumber(method);
  if (head.method === -1) throw new Error(`'${method}' is not a method; methods are in capitals, as in GET.`);
  view.method = head.method;
  [view.hostAt, view.hostNameBytes] = layout.add(host);
  [view.queryAt, view.queryBytes] = layout.add(query);
  [view.pathAt, view.pathBytes] = layout.addBytes(normalBytes(path));
  for (const [name, value] of headers) {
    const [nameAt, nameBytes] = layout.add(name);
    const [valueAt, valueBytes] = layout.add(value);
    const at = head.fieldCount++ * FIELD.WORDS;
    head.fields.set([nameAt, nameBytes, valueAt, valueBytes, FIELD_ID.NONE], at);
  }
  view.bytes = layout.bytes();
  for (let field = 0; field < head.fieldCount; field++) {
    const at = field * FIELD.WORDS;
    const nameAt = head.fields[at + FIELD.nameAt]!;
    const nameBytes = head.nameBytes(at);
    const id = fieldId(view.bytes, nameAt, nameBytes);
    head.fields[at + FIELD.id] = id;
    if (id === FIELD_ID.NONE) continue;
    head.repeated |= head.ids & (1 << id);
    head.ids |= 1 << id;
    head.places[id] = at;
  }
  setClientAddress(view, text.clientAddress);
  view.tls = tlsOf(text, host);
  return view;
}

/** What TLS would tell of this request; null for one that comes without. */
function tlsOf(text: RequestText, host: string): TlsView | null {
  const { serverName, tlsVersion, tlsCipher, clientCertificate } = text;
  const isHttps = /^https:/i.test(text.url);
  if (!isHttps && [serverName, tlsVersion, tlsCipher, clientCertificate].every((said) => !said)) return null;
  // Clients ask for names only, not for addresses (RFC 6066, 3).
  const asked = isHttps && !/^(\[.*\]|[\d.]+)$/.test(host) ? host : '';
  return {
    version: tlsVersion ?? TLS_DEFAULTS.version,
    cipher: tlsCipher ?? TLS_DEFAULTS.cipher,
    sni: sniOf(serverName ?? asked),
    certificate: clientCertificate === undefined ? null : certificateOf(clientCertificate),
  };
}

function certificateOf({ subject = '', names = [], fingerprint = '' }: Partial<ClientCertificate>): ClientCertificate {
  const lower = (name: string): string => (name.startsWith('DNS:') ? `DNS:${name.slice(4).toLowerCase()}` : name);
  return { subject, names: names.map(lower), fingerprint: fingerprint.replaceAll(':', '').toLowerCase() };
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
    throw new Error(`The path ${JSON.stringify(path)} is answered with 400 before any rule is looked at.`);
  }
  return written === PATH_AS_IS ? bytes : out.subarray(0, written);
}

function setClientAddress(view: TextRequest, text: string | undefined): void {
  if (text === undefined) return;
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`'${text}' is not a client address.`);
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
