// What listeners do with a request that no rule is asked about: redirect it to https, refuse the handshake, or pass the
// connection on unread.
// Owns which listeners a request can mean, and the words. Leaves deciding to dry-run.ts.

import { portOf } from '../base/endpoint.js';
import { isRaw, type ListenerConfig } from '../config/config.js';
import { HTTPS_REDIRECT_STATUS } from '../http/https-location.js';
import type { Asked } from './dry-run.js';
import { askedName, type RequestText } from './request-text.js';

/** What becomes of a request that no rule is asked about. */
export interface ListenerAction {
  /** The listeners that see to it; at least one. */
  readonly listeners: readonly ListenerConfig[];
  /** The status of the answer; undefined when there is none of ours. */
  readonly status: number | undefined;
  /** In short: `listener :80 redirects to https`. */
  readonly says: string;
  /** In whole sentences. */
  readonly text: string;
}

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** The port that a request is sent to; undefined when nothing says. */
function askedPort({ scheme, port }: Asked): number | undefined {
  return port ?? (scheme === undefined ? undefined : DEFAULT_PORTS[scheme]);
}

/** Whether a listener is at a port; none is where nothing says which. */
const isAt =
  (port: number | undefined) =>
  ({ endpoint }: ListenerConfig): boolean =>
    port !== undefined && portOf(endpoint) === port;

/** The listeners of the request's scheme that read requests, and those of them at its port. */
function readersOf(asked: Asked, listeners: readonly ListenerConfig[]) {
  const port = askedPort(asked);
  const readers = listeners.filter(({ protocol }) => !isRaw(protocol) && (asked.scheme ?? protocol) === protocol);
  return { readers, atPort: readers.filter(isAt(port)) };
}

/**
 * The listeners that a request means: those of its scheme at its port, or when there are none at that port, all of its scheme,
 * since ports are often mapped in front. A request that says no scheme means all that read requests.
 */
export function listenersMeant(asked: Asked, listeners: readonly ListenerConfig[]): readonly ListenerConfig[] {
  const { readers, atPort } = readersOf(asked, listeners);
  return atPort.length > 0 ? atPort : readers;
}

/** The listeners pass the connection on unread; null when some listener reads the request. */
export function passedOn(asked: Asked, listeners: readonly ListenerConfig[]): ListenerAction | null {
  const { readers, atPort } = readersOf(asked, listeners);
  if (atPort.length > 0) return null;
  const passing = passingOn(listeners, asked.scheme === 'https', askedPort(asked), readers.length === 0);
  return passing.length === 0 ? null : unread(passing, asked);
}

/** All of these listeners redirect the request; `location` is where the first of them sends it. */
export function redirected(listeners: readonly ListenerConfig[], location: string): ListenerAction {
  const [who, s] = nameAll(listeners);
  const says = `${who} redirect${s} to https`;
  const text = `${capitalised(says)}: the answer is ${HTTPS_REDIRECT_STATUS}.\n  Location: ${location}`;
  return { listeners, status: HTTPS_REDIRECT_STATUS, says, text };
}

/** All of the listeners that a request means refuse its handshake; null when one does not. */
export function handshakeRefused(
  { scheme }: Asked,
  { clientCertificate }: RequestText,
  listeners: readonly ListenerConfig[],
): ListenerAction | null {
  const requireOne = listeners.every(({ tls }) => tls?.clientCertificates?.mode === 'required');
  if (scheme !== 'https' || clientCertificate !== undefined || listeners.length === 0 || !requireOne) return null;
  const [who, s] = nameAll(listeners);
  return {
    listeners,
    status: undefined,
    says: `${who} refuse${s} the handshake: no client certificate`,
    text: `${capitalised(who)} require${s} a client certificate: the handshake is refused without one. State one to see where its requests go.`,
  };
}

/** Says of listeners that they redirect, when others ask their rules; null for none. */
export function alsoRedirecting(listeners: readonly ListenerConfig[]): string | null {
  if (listeners.length === 0) return null;
  const [who, s] = nameAll(listeners);
  return `${capitalised(who)} redirect${s} it to https (${HTTPS_REDIRECT_STATUS}).`;
}

/**
 * The listeners that would pass the connection on unread: those at its port, or, when no listener reads such requests,
 * all that it can mean.
 */
function passingOn(
  listeners: readonly ListenerConfig[],
  isHttps: boolean,
  port: number | undefined,
  noneReads: boolean,
): readonly ListenerConfig[] {
  const passing = listeners.filter(({ protocol }) => (isHttps ? isRaw(protocol) : protocol === 'tcp'));
  const atPort = passing.filter(isAt(port));
  if (atPort.length > 0) return atPort;
  if (listeners.every(({ protocol }) => isRaw(protocol))) return passing.length > 0 ? passing : listeners;
  return isHttps && noneReads ? passing.filter(routesByName) : [];
}

function routesByName({ protocol }: ListenerConfig): boolean {
  return protocol === 'tls' || protocol === 'tls-passthrough';
}

function unread(passing: readonly ListenerConfig[], { hostName, port }: Asked): ListenerAction {
  const [who, s] = nameAll(passing);
  const says = `${who} pass${s === '' ? '' : 'es'} connections on unread`;
  const atPort = passing.some(isAt(port)) ? `:${port}` : '';
  const advice = passing.some(routesByName)
    ? `sevenfold explain tls://${askedName(hostName)}${atPort}`
    : 'sevenfold routes';
  return {
    listeners: passing,
    status: undefined,
    says,
    text: `No listener reads this request: ${says}. ${advice} says where they go.`,
  };
}

/** A listener as people know it: its name and address, or its address alone. */
export function describeListener({ name, address }: ListenerConfig): string {
  return name === undefined ? address : `${name} (${address})`;
}

/** The listeners by their names and addresses, and the ending of the verb that follows. */
function nameAll(listeners: readonly ListenerConfig[]): [who: string, ending: 's' | ''] {
  const addresses = listeners.map(describeListener).join(', ');
  return listeners.length === 1 ? [`listener ${addresses}`, 's'] : [`listeners ${addresses}`, ''];
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
