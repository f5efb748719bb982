// Who may ask the admin API what: the host a client names, the page it comes from, the token it has.
// Owns these three checks. Leaves who may connect to the socket file or the loopback interface.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { splitHostPort } from '../base/endpoint.js';
import type { OwnListenerConfig } from '../config/config.js';
import { Refused } from './problem.js';

/** Throws a Refused for a request that the metrics listener does not answer: any host is right there. */
export function checkScraper({ headers }: IncomingMessage, { token }: OwnListenerConfig): void {
  checkOrigin(headers);
  if (token !== undefined) checkToken(headers.authorization ?? '', token);
}

/** Throws a Refused for a request that comes by another name, or from another page. */
export function checkPlace({ headers }: IncomingMessage, { endpoint }: OwnListenerConfig): void {
  if (endpoint.kind === 'tcp') checkHost(headers.host ?? '');
  checkOrigin(headers);
}

/** Throws a Refused for a caller that may not do this: beside `checkPlace`. `changes`: it would change something. */
export function checkCaller(
  { headers }: IncomingMessage,
  { endpoint, token }: OwnListenerConfig,
  changes: boolean,
): void {
  if (token !== undefined) checkToken(headers.authorization ?? '', token);
  else if (changes && endpoint.kind === 'tcp') {
    throw new Refused(403, 'Without a token nothing can be changed over a port.', {
      place: 'admin.token',
      found: 'none',
      expected: "'admin.token' in the configuration, or a unix socket as 'admin.address'",
    });
  }
}

/** A page whose name was made to lead to this machine (DNS rebinding) still names itself as the host. */
function checkHost(host: string): void {
  const parts = splitHostPort(host);
  const name = parts?.host ?? host.replace(/^\[|\]$/g, '');
  if (name === 'localhost' || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name)) return;
  throw new Refused(421, 'The admin API answers under the names of this machine alone.', {
    place: 'Host',
    found: host === '' ? 'none' : host,
    expected: 'localhost, 127.0.0.1 or [::1], with the port',
  });
}

/** Browsers say which page sends a request: only our own may. */
function checkOrigin({ origin, host, 'sec-fetch-site': site }: IncomingMessage['headers']): void {
  const isOwn = origin === undefined || (host !== undefined && origin === `http://${host}`);
  if (isOwn && (site === undefined || site === 'same-origin' || site === 'none')) return;
  throw new Refused(403, 'The request comes from a page of another origin.', {
    place: 'Origin',
    found: origin ?? `Sec-Fetch-Site: ${String(site)}`,
    expected: `http://${host ?? 'HOST'}, or none`,
  });
}

function checkToken(authorization: string, token: string): void {
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  if (timingSafeEqual(digest(given), digest(token))) return;
  throw new Refused(
    401,
    given === '' ? 'A token is needed.' : 'The token is another one.',
    { place: 'Authorization', found: given === '' ? 'none' : 'another token', expected: 'Bearer TOKEN' },
    { 'WWW-Authenticate': 'Bearer realm="sevenfold"' },
  );
}
