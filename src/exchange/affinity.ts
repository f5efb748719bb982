// What ties a request to a server: the session it names, and the key a hashing balancer hashes.
// Owns finding the bytes in the request. Leaves their meaning to balance/.

import { keyOfAddress, keyOfBytes } from '../balance/keys.js';
import type { KeySource } from '../balance/options.js';
import { NO_SESSION } from '../balance/session.js';
import { cookie, nextCookie } from '../base/cookies.js';
import { decodeComponent, findParameter, parameter } from '../base/query.js';
import { FIELD_ID } from '../http/fields.js';
import { FIELD, type Head } from '../http/head.js';
import type { Context } from './context.js';
import type { Exchange } from './exchange.js';
import type { Pool } from './pools.js';

/** The server of the session that the request names, or NO_SESSION. Allocates nothing. */
export function sessionOf(w: Context, pool: Pool, head: Head): number {
  const { sessions, sessionName } = pool;
  if (sessions === null) return NO_SESSION;
  if (sessionName !== null) {
    let field = head.nextNamed(w.memory, 0, sessionName);
    for (; field >= 0; field = head.nextNamed(w.memory, field + FIELD.WORDS, sessionName)) {
      const server = sessions.read(w.memory, head.valueAt(field), head.valueBytes(field));
      if (server >= 0) return server;
    }
    return NO_SESSION;
  }
  for (let field = head.next(FIELD_ID.COOKIE); field >= 0; field = head.next(FIELD_ID.COOKIE, field + FIELD.WORDS)) {
    const server = sessions.read(w.memory, head.valueAt(field), head.valueBytes(field));
    if (server >= 0) return server;
  }
  return NO_SESSION;
}

/** The key of the request; a random one when it has none, so that it goes anywhere. Allocates nothing. */
export function keyOf(w: Context, x: Exchange, pool: Pool): number {
  const { kind, key } = pool.plan.balance;
  if (kind !== 'consistent-hash' && kind !== 'ip-hash') return 0;
  return keyBy(w, x, kind === 'ip-hash' ? 'ClientAddress' : key.type, pool.keyName);
}

/**
 * The key of the request by one of its parts: `name` is that of a header in lower case, a cookie or a query
 * parameter. A random one when the request lacks it. Allocates nothing.
 */
export function keyBy(w: Context, x: Exchange, type: KeySource['type'], name: Uint8Array): number {
  const { memory } = w;
  switch (type) {
    case 'ClientAddress':
      return addressKey(x);
    case 'Path':
      return keyOfBytes(memory, x.pathAt, x.pathBytes);
    case 'QueryParam':
      return keyOfParameter(x, name);
    case 'Cookie':
      return keyOfCookie(w, x.head!, name);
    case 'Header':
      return keyOfHeader(w, x.head!, name);
  }
}

/** The key of the client's address; any for a client that has none. */
function addressKey({ clientAddress, clientAddressAt, clientAddressBytes }: Exchange): number {
  return clientAddressBytes === 0 ? randomKey() : keyOfAddress(clientAddress, clientAddressAt, clientAddressBytes);
}

/** Two spellings of one value are one key: what is encoded is decoded first. */
function keyOfParameter({ bytes: memory, queryAt, queryBytes }: Exchange, name: Uint8Array): number {
  if (!findParameter(memory, queryAt, queryAt + queryBytes, name)) return randomKey();
  const { valueAt, valueBytes, encoded } = parameter;
  if (!encoded) return keyOfBytes(memory, valueAt, valueBytes);
  return keyOfBytes(decoded, 0, decodeComponent(memory, valueAt, valueAt + valueBytes, decoded));
}

/** No query is longer: `limits.uriBytesMax` is at most this. */
const decoded = new Uint8Array(16_384);

function keyOfCookie({ memory }: Context, head: Head, name: Uint8Array): number {
  for (let field = head.next(FIELD_ID.COOKIE); field >= 0; field = head.next(FIELD_ID.COOKIE, field + FIELD.WORDS)) {
    const at = head.valueAt(field);
    if (nextCookie(memory, at, at + head.valueBytes(field), name))
      return keyOfBytes(memory, cookie.valueAt, cookie.valueBytes);
  }
  return randomKey();
}

function keyOfHeader({ memory }: Context, head: Head, name: Uint8Array): number {
  const field = head.nextNamed(memory, 0, name);
  return field < 0 ? randomKey() : keyOfBytes(memory, head.valueAt(field), head.valueBytes(field));
}

export function randomKey(): number {
  return (Math.random() * 0x100000000) | 0;
}

/** The line that names its server to the client, where the pool has sessions and that is news; else null. */
export function sessionLine({ pool, session, attempt }: Exchange): string | null {
  const { sessions } = pool!;
  return sessions === null ? null : sessions.line(session, attempt.server!.index);
}
