// What no schema can say of listeners that read requests: their names, what they redirect, whom they believe, and which routes
// are for them. Owns these checks. Leaves TLS to semantics-tls.ts, and raw listeners to semantics-raw.ts.

import type { DocumentPath } from '../base/document-path.js';
import { alternatives, didYouMean } from '../base/problems.js';
import { connectionFilterNames, kindOf } from '../filters/registry.js';
import { exceptionOf } from '../routing/exceptions.js';
import { isRaw } from './config.js';
import type { ParsedConfig } from './schema.js';
import type { Scope } from './scope.js';
import { checkFilters } from './semantics-filters.js';
import { UNIX_PEERS } from './units.js';

type Listener = ParsedConfig['listeners'][number];
type Route = NonNullable<ParsedConfig['routes']>[number];

/** Reports what is wrong with the filters of a listener. */
export function checkListenerFilters({ filters, protocol }: Listener, at: DocumentPath, scope: Scope): void {
  if (filters === undefined) return;
  const here = [...at, 'filters'];
  checkFilters(filters, here, { kind: 'listener' }, scope);
  if (!isRaw(protocol)) return;
  for (const [index, { type }] of filters.entries()) {
    if (kindOf(type).onConnections) continue;
    const possible = connectionFilterNames();
    scope.report(
      [...here, index, 'type'],
      `A listener of protocol ${protocol} reads no requests.`,
      `Remove ${type}. Expected ${alternatives(possible)} alone.`,
    );
  }
}

/** Reports a word about HTTP/2 where no request is read. */
export function checkHttp2({ http2, protocol }: Listener, at: DocumentPath, scope: Scope): void {
  if (http2 === undefined || !isRaw(protocol)) return;
  scope.report(
    [...at, 'http2'],
    `A listener of protocol ${protocol} reads no requests.`,
    protocol === 'tls' ? "Remove 'http2'; 'tls.alpnProtocols' says what clients may agree on." : "Remove 'http2'.",
  );
}

/** Reports a name that an earlier listener has. */
export function checkListenerName({ name }: Listener, index: number, { listeners }: ParsedConfig, scope: Scope): void {
  const namesake = name === undefined ? -1 : listeners.findIndex((other) => other.name === name);
  if (namesake < 0 || namesake === index) return;
  scope.report(
    ['listeners', index, 'name'],
    `listeners[${namesake}] has the name '${name}' already.`,
    'Expected a name of its own for each listener.',
  );
}

/** Reports what is no name of a listener that reads requests. */
export function checkListenerRef(name: string, path: DocumentPath, listeners: readonly Listener[], scope: Scope): void {
  const found = listeners.find((listener) => listener.name === name);
  if (found !== undefined) {
    if (!isRaw(found.protocol)) return;
    scope.report(
      path,
      `Listener '${name}' of protocol ${found.protocol} reads no requests.`,
      'Expected one of protocol http or https.',
    );
    return;
  }
  // A broken listener may be the one that is meant.
  if (listeners.some((_, index) => scope.isBroken(['listeners', index]))) return;
  const names = listeners.flatMap((listener) => (isRaw(listener.protocol) ? [] : (listener.name ?? [])));
  const known = [...new Set(names)];
  const expected =
    known.length === 0
      ? "Expected a listener with that 'name'."
      : `Expected ${alternatives(known)}.${didYouMean(name, known)}`;
  scope.report(path, `There is no listener '${name}'.`, expected);
}

/** Reports names in `listeners` of a route that are none, or stand twice. */
export function checkRouteListeners(
  { listeners: names }: Route,
  at: DocumentPath,
  listeners: readonly Listener[],
  scope: Scope,
): void {
  for (const [index, name] of (names ?? []).entries()) {
    const path = [...at, 'listeners', index];
    if (names!.indexOf(name) < index) {
      scope.report(path, `'${name}' stands twice in this list.`, 'Expected each listener once.');
      continue;
    }
    checkListenerRef(name, path, listeners, scope);
    const listener = listeners.find((other) => other.name === name);
    if (listener !== undefined && redirectsAll(listener)) {
      scope.warn(
        path,
        `Listener '${name}' redirects its requests to https before any rule is asked.`,
        "Expected another listener, or 'redirectToHttpsExcept' there.",
      );
    }
  }
}

/** True when a route is for requests of a listener. */
export function isFor({ listeners }: Route, { name }: Listener): boolean {
  return listeners === undefined || (name !== undefined && listeners.includes(name));
}

/** True for a listener that asks rules about no request, unless a trusted proxy sends it. */
export function redirectsAll({ redirectToHttps, redirectToHttpsExcept }: Listener): boolean {
  return redirectToHttps !== undefined && redirectToHttpsExcept === undefined;
}

/** Warns of a listener whose every request is answered with 404, since all routes are for others. */
export function warnOfUnrouted(
  listener: Listener,
  at: DocumentPath,
  { routes = [] }: ParsedConfig,
  scope: Scope,
): void {
  if (isRaw(listener.protocol) || redirectsAll(listener) || scope.isBroken(['routes'])) return;
  if (routes.length === 0 || routes.some((route) => isFor(route, listener))) return;
  scope.warn(
    at,
    'Every route is for other listeners: all requests here are answered with 404.',
    "Expected a route for it, by 'name' and 'listeners'.",
  );
}

/** Reports options of a socket file where there is none, and warns of sources of PROXY headers that never connect. */
export function checkSocket({ address, socket, proxyProtocol }: Listener, at: DocumentPath, scope: Scope): void {
  const isUnix = address.endpoint.kind === 'unix';
  if (socket !== undefined && !isUnix) {
    scope.report([...at, 'socket'], `'${address.address}' has no file.`, "Expected 'address: unix:/PATH' beside it.");
  }
  if (socket !== undefined && socket.mode === undefined && socket.owner === undefined) {
    scope.report([...at, 'socket'], 'Nothing is said about the socket.', 'Expected mode, owner or both.');
  }
  for (const [index, source] of (proxyProtocol?.from ?? []).entries()) {
    if ((source === UNIX_PEERS) === isUnix) continue;
    scope.warn(
      [...at, 'proxyProtocol', 'from', index],
      `No connection to '${address.address}' comes from ${source}.`,
      isUnix ? "Expected 'unix:' alone." : "'unix:' stands for connections to listeners whose address is unix:/PATH.",
    );
  }
}

/** Reports TCP keep-alive where there is no TCP. */
export function checkKeepAlive({ address, tcpKeepAlive }: Listener, at: DocumentPath, scope: Scope): void {
  if (tcpKeepAlive === undefined || address.endpoint.kind !== 'unix') return;
  scope.report(
    [...at, 'tcpKeepAlive'],
    `'${address.address}' is no TCP.`,
    "Remove 'tcpKeepAlive': the kernel knows when a client of a unix socket is gone.",
  );
}

/** Reports exceptions from a redirect that is not there, or that no path is. */
export function checkRedirect(
  { redirectToHttps, redirectToHttpsExcept: except }: Listener,
  at: DocumentPath,
  scope: Scope,
): void {
  if (except === undefined) return;
  const here = [...at, 'redirectToHttpsExcept'];
  if (redirectToHttps === undefined) {
    scope.report(here, 'A listener that redirects nothing has exceptions.', "Expected 'redirectToHttps' beside it.");
  }
  for (const [index, path] of except.entries()) {
    const kept = exceptionOf(path);
    if (kept === '')
      scope.report([...here, index], "'/' is every path.", "Expected another path, or no 'redirectToHttps'.");
    else if (kept === undefined) {
      scope.report(
        [...here, index],
        `'${path}' is not a path that a request can have.`,
        'Expected one such as /.well-known/acme-challenge/.',
      );
    }
  }
}

/** Fields that say something else, which is never an address. */
const NO_ADDRESS =
  /^(host|connection|content-length|transfer-encoding|upgrade|te|trailer|cookie|x-forwarded-(proto|host|port))$/i;

/** Reports a header for the client's address that would never be read, or never hold one. */
export function checkClientAddressHeader(
  { clientAddressHeader: name, protocol }: ParsedConfig['listeners'][number],
  at: DocumentPath,
  { trustedProxies }: ParsedConfig,
  scope: Scope,
): void {
  if (name === undefined) return;
  const here = [...at, 'clientAddressHeader'];
  if (isRaw(protocol)) {
    scope.report(
      here,
      `A listener of protocol ${protocol} reads no headers.`,
      "Expected 'proxyProtocol' to learn who the client is.",
    );
  } else if (NO_ADDRESS.test(name)) {
    scope.report(
      here,
      `'${name}' holds no address.`,
      'Expected X-Forwarded-For, Forwarded, or a header such as CF-Connecting-IP.',
    );
  } else if (trustedProxies.length === 0 && !scope.isBroken(['trustedProxies'])) {
    scope.report(
      here,
      'No proxy is trusted to name the client.',
      "Expected 'trustedProxies' with the addresses of the proxies in front.",
    );
  }
}

/** Reports what becomes of paths where none are read. */
export function checkRepeatedSlashes(
  { repeatedSlashes, protocol }: ParsedConfig['listeners'][number],
  at: DocumentPath,
  scope: Scope,
): void {
  if (repeatedSlashes === undefined || !isRaw(protocol)) return;
  scope.report(
    [...at, 'repeatedSlashes'],
    `A listener of protocol ${protocol} reads no paths.`,
    'Expected it at a listener of protocol http or https.',
  );
}

/** Warns when any client may state any address and a listener trusts it. */
export function checkTrust({ listeners, trustedProxies }: ParsedConfig, scope: Scope): void {
  if (listeners.every(({ clientAddressHeader }) => clientAddressHeader === undefined)) return;
  for (const [index, range] of trustedProxies.entries()) {
    if (!range.endsWith('/0')) continue;
    scope.warn(
      ['trustedProxies', index],
      `${range} is every address: any client can claim any address.`,
      'Expected the addresses of the proxies in front alone.',
    );
  }
}
