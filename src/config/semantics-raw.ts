// What no schema can say of listeners that pass bytes on unread: where their connections go, by name or all of them.
// Owns the checks of `pool` and `tlsRoutes`. Leaves certificates to semantics-tls.ts.

import { isIP } from 'node:net';
import type { DocumentPath } from '../base/document-path.js';
import { isRaw } from './config.js';
import type { ParsedConfig } from './schema.js';
import { checkPoolName, type Scope } from './scope.js';
import { checkBackendRefs, checkHostnames, checkSomeWeight } from './semantics-targets.js';

type Listener = ParsedConfig['listeners'][number];

/** Reports what is wrong with where the connections of a listener go. */
export function checkRawListener(listener: Listener, at: DocumentPath, { pools }: ParsedConfig, scope: Scope): void {
  const { protocol, pool, tlsRoutes } = listener;
  const routes = tlsRoutes ?? [];
  if (pool !== undefined) checkPoolName(pool, [...at, 'pool'], scope);
  if (protocol === 'tcp' && pool === undefined) {
    scope.report(
      at,
      'A tcp listener has no pool.',
      "Expected 'pool' with the name of the pool that gets its connections.",
    );
  }
  if (!isRaw(protocol) && pool !== undefined) {
    scope.report(
      [...at, 'pool'],
      `An ${protocol} listener names a pool.`,
      `The rules in 'routes' choose the pool. Remove 'pool', or set 'protocol: ${protocol === 'http' ? 'tcp' : 'tls'}'.`,
    );
  }
  const isNamed = protocol === 'tls' || protocol === 'tls-passthrough';
  if (!isNamed && tlsRoutes !== undefined) {
    scope.report(
      [...at, 'tlsRoutes'],
      `A listener of protocol ${protocol} has TLS routes.`,
      isRaw(protocol)
        ? "Expected 'protocol: tls-passthrough', or 'protocol: tls' to end TLS here: only they hear a server name."
        : "The rules in 'routes' choose the pool, by 'hostnames'. Remove 'tlsRoutes'.",
    );
  }
  if (isNamed && pool === undefined && tlsRoutes === undefined) {
    scope.report(
      at,
      `A ${protocol} listener leads nowhere.`,
      "Expected 'tlsRoutes' with names and their pools, 'pool' for all connections, or both.",
    );
  }
  const taken = new Map<string, string>();
  for (const [index, route] of routes.entries()) checkTlsRoute(route, [...at, 'tlsRoutes', index], taken, scope);
  if (protocol === 'tls-passthrough') warnOfSecondTls(listener, at, pools, scope);
}

function checkTlsRoute(
  route: NonNullable<Listener['tlsRoutes']>[number],
  at: DocumentPath,
  taken: Map<string, string>,
  scope: Scope,
): void {
  checkHostnames(route.hostnames, at, scope, " Leave the route out, and name the pool in 'pool' of the listener.");
  checkBackendRefs(route, 'TLS route', at, scope);
  checkSomeWeight(route, at, scope);
  if (route.pool === undefined && route.backendRefs === undefined) {
    scope.report(at, 'The TLS route leads nowhere.', 'Expected pool or backendRefs.');
  }
  const here = `tlsRoutes[${at.at(-1)}]`;
  for (const [index, hostname] of route.hostnames.entries()) {
    const path = [...at, 'hostnames', index];
    if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) {
      scope.report(
        path,
        `'${hostname}' is an address.`,
        "No client asks for an address by name (RFC 6066, 3). Expected 'pool' of the listener for those that ask for none.",
      );
    }
    const name = hostname.toLowerCase();
    const winner = taken.get(name);
    if (winner === undefined) taken.set(name, here);
    else if (winner !== here) {
      scope.warn(path, `No connection for '${hostname}' gets here.`, `${winner} takes every such connection first.`);
    }
  }
}

/** Pools with `tls` that get connections whose bytes are TLS already. */
function warnOfSecondTls(
  { pool, tlsRoutes }: Listener,
  at: DocumentPath,
  pools: ParsedConfig['pools'],
  scope: Scope,
): void {
  const warn = (name: string | undefined, path: DocumentPath): void => {
    if (name === undefined || pools[name]?.tls === undefined) return;
    scope.warn(
      path,
      `The pool '${name}' encrypts what is encrypted already.`,
      "Expected a pool without 'tls', or 'protocol: tls', which ends the client's TLS here.",
    );
  };
  warn(pool, [...at, 'pool']);
  for (const [index, route] of (tlsRoutes ?? []).entries()) {
    const here = [...at, 'tlsRoutes', index];
    warn(route.pool, [...here, 'pool']);
    for (const [number, reference] of (route.backendRefs ?? []).entries())
      warn(reference.pool, [...here, 'backendRefs', number, 'pool']);
  }
}
