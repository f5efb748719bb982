// The session of a client: which server it was told to stay with, and whether the proxy keeps to that.
// Owns the rule. Leaves reading requests and answers to client.ts.

import { fieldValues } from '../../support/messages.js';
import type { Book, Entry } from './book.js';
import type { Head } from './reader.js';

/** What a client was told of its server. */
export interface Session {
  readonly name: string;
  readonly server: string;
}

/** The one cookie that a client keeps. */
export interface Jar {
  session: Session | null;
}

/**
 * Checks the answer of `server` to a request of a pool with sessions, and keeps the session it gives. `calm`: every server
 * is up. Returns what is wrong.
 */
export function checkSession(
  book: Book,
  jar: Jar,
  entry: Entry,
  head: Head,
  server: string,
  calm: boolean,
): string | null {
  const { session } = entry.request;
  const name = /^at=([\w-]+);/.exec(fieldValues(head, 'set-cookie').join())?.[1];
  if (session?.server === server) return name === undefined ? null : `was told again of ${server}, where it is`;
  if (session !== null && calm) return `left ${session.server} for ${server}, though that is up`;
  if (name === undefined) return `was not told that it is at ${server}`;
  const known = book.sessions.get(name) ?? server;
  book.sessions.set(name, server);
  jar.session = { name, server };
  return known === server ? null : `got the session of ${known} from ${server}`;
}
