// What ties a request to a server: the session it names, and the key a hashing balancer hashes.
// Owns finding the bytes in the request. Leaves their meaning to balance/.

import { findPair, keyOfAddress, keyOfBytes, pairValue, SEPARATOR } from '../balance/keys.js';
import { NO_SESSION } from '../balance/session.js';
import { equalsCaseless, FIELD_ID } from '../http/fields.js';
import { FIELD, type Head } from '../http/head.js';
import type { ClientConnection } from './connections.js';
import type { Pool } from './pools.js';
import type { Worker } from './worker.js';

/** The server of the session that the request in `w.view` names, or NO_SESSION. Allocates nothing. */
export function sessionOf(w: Worker, pool: Pool, head: Head): number {
  const { sessions, sessionName } = pool;
  if (sessions === null) return NO_SESSION;
  const { fields, base } = head;
  for (let field = 0, end = head.fieldCount * FIELD.WORDS; field < end; field += FIELD.WORDS) {
    const fits =
      sessionName === null ? fields[field + FIELD.id] === FIELD_ID.COOKIE : isField(w, head, field, sessionName);
    if (!fits) continue;
    const server = sessions.read(w.memory, base + fields[field + FIELD.valueAt]!, fields[field + FIELD.valueBytes]!);
    if (server >= 0) return server;
  }
  return NO_SESSION;
}

/** The key of the request in `w.view`; a random one when it has none, so that it goes anywhere. Allocates nothing. */
export function keyOf(w: Worker, client: ClientConnection, pool: Pool): number {
  const { kind, key } = pool.plan.balance;
  if (kind !== 'consistent-hash' && kind !== 'ip-hash') return 0;
  const { view, memory } = w;
  switch (kind === 'ip-hash' ? 'ClientAddress' : key.type) {
    case 'ClientAddress':
      return client.statedBytes === 0 ? randomKey() : keyOfAddress(view.clientAddress, view.clientAddressBytes);
    case 'Path':
      return keyOfBytes(memory, view.pathAt, view.pathBytes);
    case 'QueryParam':
      return findPair(memory, view.queryAt, view.queryBytes, pool.keyName, SEPARATOR.QUERY)
        ? keyOfBytes(memory, pairValue.at, pairValue.bytes)
        : randomKey();
    case 'Cookie':
      return keyOfCookie(w, client.parser!.head, pool);
    case 'Header':
      return keyOfHeader(w, client.parser!.head, pool);
  }
}

function keyOfCookie({ memory }: Worker, head: Head, pool: Pool): number {
  const { fields, base } = head;
  for (let field = 0, end = head.fieldCount * FIELD.WORDS; field < end; field += FIELD.WORDS) {
    if (fields[field + FIELD.id] !== FIELD_ID.COOKIE) continue;
    const at = base + fields[field + FIELD.valueAt]!;
    if (findPair(memory, at, fields[field + FIELD.valueBytes]!, pool.keyName, SEPARATOR.COOKIE))
      return keyOfBytes(memory, pairValue.at, pairValue.bytes);
  }
  return randomKey();
}

function keyOfHeader(w: Worker, head: Head, pool: Pool): number {
  const { fields, base } = head;
  for (let field = 0, end = head.fieldCount * FIELD.WORDS; field < end; field += FIELD.WORDS) {
    if (isField(w, head, field, pool.keyName))
      return keyOfBytes(w.memory, base + fields[field + FIELD.valueAt]!, fields[field + FIELD.valueBytes]!);
  }
  return randomKey();
}

function isField({ memory }: Worker, head: Head, field: number, lowerName: Uint8Array): boolean {
  const { fields, base } = head;
  return equalsCaseless(memory, base + fields[field + FIELD.nameAt]!, fields[field + FIELD.nameBytes]!, lowerName);
}

function randomKey(): number {
  return (Math.random() * 0x100000000) | 0;
}
