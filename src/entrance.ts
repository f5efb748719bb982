// What a listener does with a request before any rule is asked: redirects it to https, refuses the handshake, or passes
// the connection on unread.
// Owns finding the listeners that a URL means, and the words. Leaves the rules to src/routing.

import { parseAddress } from './base/addresses.js';
import { portOf, splitHostPort } from './base/endpoint.js';
import { isRaw, type ListenerConfig } from './config/config.js';
import type { Trust } from './exchange/trust.js';
import { forwardedScheme } from './http/forwarded-scheme.js';
import { HTTPS_REDIRECT_STATUS, httpsLocation } from './http/https-location.js';
import { isExcepted } from './routing/exceptions.js';
import { type RequestText, requestView } from './routing/request-text.js';

/** What becomes of a request that no rule is asked about. */
export interface Entrance {
  /** The listeners that see to it; at least one. */
  readonly listeners: readonly ListenerConfig[];
  /** The status of the answer; undefined when there is none of ours. */
  readonly status: number | undefined;
  /** In short: `listener :80 redirects to https`. */
  readonly says: string;
  /** In whole sentences. */
  readonly text: string;
}

/** That of a client over a unix socket. */
const NO_ADDRESS = new Uint8Array(0);

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/**
 * What becomes of `request` before any rule is asked, or null when rules decide.
 *
 * A URL means the listeners of its scheme at its port, or when there are none at that port, all of its scheme: ports are
 * often mapped in front. A request that tells no scheme means all that read requests. Only what all of them do counts.
 */
export function entrance(request: RequestText, listeners: readonly ListenerConfig[], trust: Trust): Entrance | null {
  const { scheme, host, target } = partsOf(request);
  const { port, readers, named } = meant(request, listeners);
  if (named.length === 0) {
    const passing = passingOn(listeners, scheme === 'https', port, readers.length === 0);
    if (passing.length > 0) return unread(passing, host);
  }
  const doors = named.length > 0 ? named : readers;
  if (doors.length === 0) return null;
  const redirecting = doors.filter((listener) => redirects(listener, request, trust));
  if (redirecting.length === doors.length) {
    return redirected(doors, httpsLocation(host, target, doors[0]!.redirectToHttps!));
  }
  const isAnonymous = scheme === 'https' && request.clientCertificate === undefined;
  const asksAll = doors.every(({ tls }) => tls?.clientCertificates?.mode === 'required');
  return isAnonymous && asksAll ? refused(doors) : null;
}

/** The listeners that a request means and whose rules decide about it, when `entrance` finds that rules do. */
export function listenersMeant(
  request: RequestText,
  listeners: readonly ListenerConfig[],
  trust: Trust,
): readonly ListenerConfig[] {
  return doorsOf(request, listeners).filter((listener) => !redirects(listener, request, trust));
}

/** What those that redirect say, when others of the listeners that a request means ask their rules; null when none redirects. */
export function alsoRedirecting(
  request: RequestText,
  listeners: readonly ListenerConfig[],
  trust: Trust,
): string | null {
  const redirecting = doorsOf(request, listeners).filter((listener) => redirects(listener, request, trust));
  if (redirecting.length === 0) return null;
  const [who, s] = whoIs(redirecting);
  return `${capitalised(who)} redirect${s} it to https (${HTTPS_REDIRECT_STATUS}).`;
}

/** The listeners that a request means. */
function doorsOf(request: RequestText, listeners: readonly ListenerConfig[]): readonly ListenerConfig[] {
  const { readers, named } = meant(request, listeners);
  return named.length > 0 ? named : readers;
}

/**
 * The peer of a connection to `listener`, as its workers see it: null over a unix socket, unless a PROXY header there
 * names one.
 */
export function peerAt(
  listener: ListenerConfig | undefined,
  { clientAddress }: RequestText,
): string | undefined | null {
  return listener?.endpoint.kind === 'unix' && listener.proxySources === undefined ? null : clientAddress;
}

/** True when the listener redirects the request, as its workers decide it. */
function redirects(listener: ListenerConfig, request: RequestText, trust: Trust): boolean {
  const { redirectToHttps, redirectToHttpsExcept = [] } = listener;
  if (redirectToHttps === undefined || (isTrusted(listener, request, trust) && saysHttps(request))) return false;
  const path = partsOf(request).target.replace(/\?.*$/s, '');
  return redirectToHttpsExcept.length === 0 || !isExcepted(path === '' ? '/' : path, redirectToHttpsExcept);
}

function isTrusted(listener: ListenerConfig, request: RequestText, trust: Trust): boolean {
  const peer = peerAt(listener, request);
  const address = peer === null ? NO_ADDRESS : peer === undefined ? undefined : parseAddress(peer);
  return address !== undefined && trust.holdsPeer(address, 0, address.length);
}

function saysHttps(request: RequestText): boolean {
  // Its path does not matter here, and may be one that has no normal form.
  const { bytes, head } = requestView({ ...request, url: '/' });
  return head !== null && forwardedScheme(bytes, head) === 'https';
}

/** The listeners of the request's scheme that read requests, and those of them at its port. */
function meant(request: RequestText, listeners: readonly ListenerConfig[]) {
  const { scheme, host } = partsOf(request);
  const port = portIn(host) ?? (scheme === undefined ? undefined : DEFAULT_PORTS[scheme]);
  const readers = listeners.filter(({ protocol }) => !isRaw(protocol) && (scheme ?? protocol) === protocol);
  return { port, readers, named: readers.filter(({ endpoint }) => port !== undefined && portOf(endpoint) === port) };
}

interface Parts {
  /** Undefined when nothing tells. */
  readonly scheme: 'http' | 'https' | undefined;
  /** With its port; empty when nobody named one. */
  readonly host: string;
  readonly target: string;
}

/** Who is asked, and for what: by the URL, or by the Host field when the URL is a path. What TLS told makes it https. */
function partsOf({ url, headers = [], serverName, tlsVersion, tlsCipher, clientCertificate }: RequestText): Parts {
  const absolute = /^(https?):\/\/(?:[^/?#@]*@)?([^/?#]*)([^#]*)/is.exec(url);
  const field = headers.find(([name]) => name.toLowerCase() === 'host')?.[1].trim() ?? '';
  const isTls = [serverName, tlsVersion, tlsCipher, clientCertificate].some(Boolean);
  const isHttps = isTls || absolute?.[1]?.toLowerCase() === 'https';
  return {
    scheme: isHttps ? 'https' : absolute === null ? undefined : 'http',
    host: absolute?.[2] ?? field,
    target: absolute?.[3] ?? url.replace(/#.*$/s, ''),
  };
}

function portIn(host: string): number | undefined {
  const port = splitHostPort(host)?.port ?? '';
  return /^\d+$/.test(port) ? Number(port) : undefined;
}

/**
 * The listeners that would pass the connection on unread: those at its port, or, when no listener reads such requests,
 * all that it can mean.
 */
function passingOn(
  listeners: readonly ListenerConfig[],
  isHttps: boolean,
  port: number | undefined,
  nobodyReads: boolean,
): readonly ListenerConfig[] {
  const passing = listeners.filter(({ protocol }) => (isHttps ? isRaw(protocol) : protocol === 'tcp'));
  const named = passing.filter(({ endpoint }) => port !== undefined && portOf(endpoint) === port);
  if (named.length > 0) return named;
  if (listeners.every(({ protocol }) => isRaw(protocol))) return passing.length > 0 ? passing : listeners;
  return isHttps && nobodyReads ? passing.filter(leadsByName) : [];
}

function leadsByName({ protocol }: ListenerConfig): boolean {
  return protocol === 'tls' || protocol === 'tls-passthrough';
}

function redirected(doors: readonly ListenerConfig[], location: string): Entrance {
  const [who, s] = whoIs(doors);
  const says = `${who} redirect${s} to https`;
  const text = `${capitalised(says)}: the answer is ${HTTPS_REDIRECT_STATUS}.\n  Location: ${location}`;
  return { listeners: doors, status: HTTPS_REDIRECT_STATUS, says, text };
}

function refused(doors: readonly ListenerConfig[]): Entrance {
  const [who, s] = whoIs(doors);
  const says = `${who} refuse${s} the handshake: no client certificate`;
  const text = `${capitalised(who)} require${s} a client certificate: the handshake is refused without one. State one to see where its requests go.`;
  return { listeners: doors, status: undefined, says, text };
}

function unread(passing: readonly ListenerConfig[], host: string): Entrance {
  const [who, s] = whoIs(passing);
  const says = `${who} pass${s === '' ? '' : 'es'} connections on unread`;
  const port = portIn(host);
  // Clients ask for names only, not for addresses (RFC 6066, 3).
  const name = host.replace(/:\d*$/, '').replace(/^(\[.*\]|[\d.]+)$/, '');
  const named = passing.some(({ endpoint }) => port !== undefined && portOf(endpoint) === port) ? `:${port}` : '';
  const advice = passing.some(leadsByName) ? `sevenfold explain tls://${name}${named}` : 'sevenfold routes';
  return {
    listeners: passing,
    status: undefined,
    says,
    text: `No listener reads this request: ${says}. ${advice} says where they go.`,
  };
}

/** A listener as people know it: its name and address, or its address alone. */
export function listenerText({ name, address }: ListenerConfig): string {
  return name === undefined ? address : `${name} (${address})`;
}

/** The listeners by their names and addresses, and the ending of the verb that follows. */
function whoIs(listeners: readonly ListenerConfig[]): [who: string, ending: 's' | ''] {
  const addresses = listeners.map(listenerText).join(', ');
  return listeners.length === 1 ? [`listener ${addresses}`, 's'] : [`listeners ${addresses}`, ''];
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
