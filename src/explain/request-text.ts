// A request in words, and the head that a client would send for it.
// Owns the one reading of a URL in words. What the head says is read from its bytes, as a worker reads them.

import { parseAddress } from '../base/addresses.js';
import { type ClientCertificate, sniOf, type TlsView } from '../routing/request.js';

/** A request in words. */
export interface RequestText {
  /** Default GET. */
  readonly method?: string | undefined;
  /** `http://shop.example.com/images?x=1`, or only `/images?x=1` when a Host header says the host. */
  readonly url: string;
  /** In the order they are sent; a name may come more than once. */
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Address of the peer; none when left out. */
  readonly clientAddress?: string | undefined;
  /** With any of these, or an https URL, the request comes over TLS. Default with https: the host of the URL. */
  readonly serverName?: string | undefined;
  /** `TLSv1.2` or `TLSv1.3`, the default. */
  readonly tlsVersion?: string | undefined;
  /** Default TLS_AES_128_GCM_SHA256. */
  readonly tlsCipher?: string | undefined;
  /** A verified one; what it leaves out is empty. */
  readonly clientCertificate?: Partial<ClientCertificate> | undefined;
}

/** What a request over TLS has unless it says otherwise: what most clients come with. */
const TLS_DEFAULTS = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' };

/** The request cannot be asked about. */
export class RequestTextError extends Error {
  override readonly name = 'RequestTextError';
}

/** Bytes that end a line or a value wherever they stand: no client can send them inside one. */
const BREAKS = /[\r\n\0]/;

/** A URL with a host: its scheme, its authority without user information, and what follows. No fragment. */
const ABSOLUTE = /^(https?):\/\/(?:[^/?#@]*@)?([^/?#]*)([^#]*)/is;

/** The parts of a URL with a host; null for one without. */
function absoluteOf(url: string): { scheme: 'http' | 'https'; authority: string; rest: string } | null {
  const match = ABSOLUTE.exec(url);
  if (match === null) return null;
  const scheme = match[1]!.toLowerCase() === 'https' ? 'https' : 'http';
  return { scheme, authority: match[2]!, rest: match[3]! };
}

/**
 * The head that a client would send for the request, in UTF-8; null when none can be. A URL with a host becomes a Host field and a
 * path, unless there is a Host field already: then it goes out whole, and its own host counts (RFC 9112, 3.2.2).
 */
export function headOf({ method = 'GET', url, headers = [] }: RequestText): Buffer | null {
  const absolute = absoluteOf(url);
  const splits = absolute !== null && !headers.some(([name]) => name.toLowerCase() === 'host');
  const rest = splits ? absolute.rest : url.replace(/#.*$/s, '');
  const target = splits && !rest.startsWith('/') ? `/${rest}` : rest;
  const fields = splits ? [['Host', absolute.authority] as const, ...headers] : headers;
  const parts = [method, target, ...fields.flat()];
  if (parts.some((part) => BREAKS.test(part))) return null;
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`, 'utf8');
}

/** The scheme that the request comes by; undefined when nothing says: any listener that reads requests is meant. */
export function schemeOf(text: RequestText): 'http' | 'https' | undefined {
  const { serverName, tlsVersion, tlsCipher, clientCertificate } = text;
  if ([serverName, tlsVersion, tlsCipher, clientCertificate].some(Boolean)) return 'https';
  return absoluteOf(text.url)?.scheme;
}

/**
 * What TLS would say of this request; null for one that comes without. `hostName` is its host without the port; `byTls`: its
 * listener speaks TLS, so a request that says no scheme comes by it.
 */
export function tlsOf(text: RequestText, hostName: string, byTls: boolean): TlsView | null {
  const scheme = schemeOf(text);
  if (scheme === 'http' || (scheme === undefined && !byTls)) return null;
  const { serverName, tlsVersion, tlsCipher, clientCertificate } = text;
  const isForHost = scheme === undefined || absoluteOf(text.url)?.scheme === 'https';
  return {
    version: tlsVersion ?? TLS_DEFAULTS.version,
    cipher: tlsCipher ?? TLS_DEFAULTS.cipher,
    sni: sniOf(serverName ?? (isForHost ? askedName(hostName) : '')),
    certificate: clientCertificate === undefined ? null : certificateOf(clientCertificate),
  };
}

/** What a client asks for in TLS to get to `host`: clients ask for names only, not for addresses (RFC 6066, 3). */
export function askedName(host: string): string {
  return /^(\[.*\]|[\d.]+)$/.test(host) ? '' : host;
}

function certificateOf({ subject = '', names = [], fingerprint = '' }: Partial<ClientCertificate>): ClientCertificate {
  const lower = (name: string): string => (name.startsWith('DNS:') ? `DNS:${name.slice(4).toLowerCase()}` : name);
  return { subject, names: names.map(lower), fingerprint: fingerprint.replaceAll(':', '').toLowerCase() };
}

/** The bytes of the peer's address; none when the request leaves it out. Throws RequestTextError for what is no address. */
export function peerOf({ clientAddress }: RequestText): Uint8Array {
  if (clientAddress === undefined) return new Uint8Array(0);
  const address = parseAddress(clientAddress);
  if (address === undefined) throw new RequestTextError(`'${clientAddress}' is not a client address.`);
  return address;
}
