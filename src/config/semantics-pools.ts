// What no schema can say about a pool's options: parts that need or exclude each other, bounds that depend on others.
// Owns the checks of pool options. Leaves servers and names to semantics.ts.

import type { ParsedConfig } from './schema.js';
import type { Scope } from './scope.js';

type ParsedPool = ParsedConfig['pools'][string];

/** Reports every contradiction in the options of one pool. */
export function checkPoolOptions(name: string, pool: ParsedPool, scope: Scope): void {
  const at = ['pools', name];
  checkHashKey(pool, at, scope);
  checkSession(pool, at, scope);
  checkHealth(pool, at, scope);
  checkKeepAlive(pool, at, scope);
  if (pool.servers.length > 0 && pool.servers.every((server) => server.backup))
    scope.report([...at, 'servers'], 'Every server is a backup.', 'Expected at least one server that is none.');
}

function checkHashKey({ hashKey, balance }: ParsedPool, at: (string | number)[], scope: Scope): void {
  if (hashKey === undefined) return;
  if (balance !== 'consistent-hash')
    scope.report(
      [...at, 'hashKey'],
      `A pool of balance ${balance} hashes nothing.`,
      "Expected 'balance: consistent-hash'.",
    );
  checkKeyName(hashKey, [...at, 'hashKey'], scope);
}

/** Reports a hash key that lacks its name, or has one too many. */
export function checkKeyName(hashKey: NonNullable<ParsedPool['hashKey']>, at: (string | number)[], scope: Scope): void {
  const named = hashKey.type === 'Header' || hashKey.type === 'Cookie' || hashKey.type === 'QueryParam';
  if (named && hashKey.name === undefined)
    scope.report(at, `A key of type ${hashKey.type} has no name.`, "Expected 'name'.");
  if (!named && hashKey.name !== undefined)
    scope.report([...at, 'name'], `A key of type ${hashKey.type} has a name.`, "Remove 'name'.");
}

/** Reports what contradicts itself in the sessions of a pool or a rule, which stands at `at`. */
export function checkSession(
  { sessionPersistence: session }: Pick<ParsedPool, 'sessionPersistence'>,
  at: readonly (string | number)[],
  scope: Scope,
): void {
  if (session === undefined) return;
  const here = [...at, 'sessionPersistence'];
  if (session.type === 'Header' && session.headerName === undefined)
    scope.report(here, 'A session of type Header has no header.', "Expected 'headerName'.");
  if (session.type === 'Header' && session.cookieName !== undefined)
    scope.report([...here, 'cookieName'], 'A session of type Header has a cookie.', "Expected 'headerName' instead.");
  if (session.type === 'Cookie' && session.headerName !== undefined)
    scope.report([...here, 'headerName'], 'A session of type Cookie has a header.', "Expected 'cookieName' instead.");
  if (session.sameSite === 'None' && !session.secure)
    scope.report([...here, 'secure'], 'Browsers refuse SameSite=None without Secure.', "Expected 'secure: true'.");
}

function checkKeepAlive({ tcpKeepAlive, servers }: ParsedPool, at: (string | number)[], scope: Scope): void {
  if (tcpKeepAlive === undefined || servers.length === 0) return;
  if (servers.some(({ address: { endpoint } }) => endpoint.kind !== 'unix')) return;
  scope.report(
    [...at, 'tcpKeepAlive'],
    'No server of the pool is reached by TCP.',
    "Remove 'tcpKeepAlive': the kernel knows when a server on a unix socket is gone.",
  );
}

function checkHealth({ healthCheck: check }: ParsedPool, at: (string | number)[], scope: Scope): void {
  if (check === undefined) return;
  const here = [...at, 'healthCheck'];
  if (check.method === 'HEAD' && check.expectedBody !== undefined)
    scope.report([...here, 'expectedBody'], 'An answer to HEAD has no body.', "Expected 'method: GET'.");
}
