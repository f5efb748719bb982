// What no schema can say of the admin API and of metrics.

import type { DocumentPath } from '../base/document-path.js';
import { endpointKey, type SocketEndpoint } from '../base/endpoint.js';
import type { ParsedConfig } from './schema.js';
import type { Scope } from './scope.js';

/** A token that is shorter can be guessed. */
const TOKEN_CHARS_SAFE = 16;

/** Reports an admin API that other machines could reach, and addresses that two of them share. */
export function checkAdmin({ admin, metrics, listeners }: ParsedConfig, scope: Scope): void {
  const taken = new Map<string, string>(
    listeners.map(({ address }, index) => [endpointKey(address.endpoint), `listeners[${index}]`]),
  );
  if (admin !== undefined) {
    const { address, endpoint } = admin.address;
    if (!isLocal(endpoint)) {
      scope.report(
        ['admin', 'address'],
        `'${address}' can be reached from other machines.`,
        'Expected a unix socket, or a port of 127.0.0.1 or [::1]. For scrapers on other machines there is metrics.address.',
      );
    }
    checkSocketOf(admin, ['admin'], scope);
    checkToken(admin.token, ['admin', 'token'], scope);
    checkTaken(endpoint, ['admin', 'address'], taken, scope);
    taken.set(endpointKey(endpoint), 'admin');
  }
  checkSocketOf(metrics, ['metrics'], scope);
  if (metrics.address !== undefined) checkTaken(metrics.address.endpoint, ['metrics', 'address'], taken, scope);
  checkToken(metrics.token, ['metrics', 'token'], scope);
  if (metrics.address === undefined && metrics.token !== undefined) {
    scope.report(['metrics', 'token'], 'There is nothing that it protects.', "Expected 'address' beside it.");
  }
}

function checkToken(token: string | undefined, at: DocumentPath, scope: Scope): void {
  if (token === undefined || token.length >= TOKEN_CHARS_SAFE) return;
  scope.warn(
    at,
    `The token has ${token.length} characters and can be guessed.`,
    `Expected at least ${TOKEN_CHARS_SAFE}.`,
  );
}

function isLocal(endpoint: SocketEndpoint): boolean {
  return endpoint.kind === 'unix' || endpoint.host === '::1' || /^127\./.test(endpoint.host);
}

function checkTaken(
  endpoint: SocketEndpoint,
  at: DocumentPath,
  taken: ReadonlyMap<string, string>,
  scope: Scope,
): void {
  const other = taken.get(endpointKey(endpoint));
  if (other === undefined) return;
  scope.report(at, `${other} listens on '${endpointKey(endpoint)}' already.`, 'Expected an address of its own.');
}

/** Reports options of a file where there is none. */
function checkSocketOf(
  { address, socket }: Pick<ParsedConfig['metrics'], 'address' | 'socket'>,
  at: DocumentPath,
  scope: Scope,
): void {
  if (socket === undefined) return;
  if (address?.endpoint.kind !== 'unix') {
    scope.report([...at, 'socket'], 'There is no socket file.', "Expected 'address: unix:/PATH' beside it.");
  }
  if (socket.mode === undefined && socket.owner === undefined) {
    scope.report([...at, 'socket'], 'Nothing is said about the socket.', 'Expected mode, owner or both.');
  }
}
