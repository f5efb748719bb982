// Requests for a host that their connection is not for (RFC 9110, 15.5.20). Clients send requests for other hosts over a connection
// whose certificate names them; one that it does not name has gone astray, or would pass a check by the name of the handshake.

import { hostNameBytes } from '../../exchange/route.js';
import type { CodecContext } from '../context.js';
import type { Http2Stream } from './stream.js';

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const BRACKET = 0x5d;

/** True when the name of a certificate, in lower case, is for the host: the same, or `*.` and all but its first label. */
function isFor(name: string, host: string): boolean {
  return name.startsWith('*.')
    ? host.indexOf('.') > 0 && host.slice(host.indexOf('.') + 1) === name.slice(2)
    : name === host;
}

/** The names of the certificate that a client was shown which asked for `sni`: as the engine chooses it (tls_identity.c). */
function presented(identities: readonly (readonly string[])[], sni: string): readonly string[] {
  const exact = identities.find((names) => names.includes(sni));
  return exact ?? identities.find((names) => names.some((name) => isFor(name, sni))) ?? identities[0]!;
}

/** True when the host is the name that the client asked for in the handshake. Hot. */
function isAskedFor(memory: Uint8Array, at: number, bytes: number, sni: string): boolean {
  if (bytes !== sni.length) return false;
  for (let i = 0; i < bytes; i++) {
    const byte = memory[at + i]!;
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== sni.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * True when a request over TLS is for a host that neither the client asked for in the handshake nor its certificate names. Without a
 * name in the handshake, an IP address is taken for the one that was connected to: no handshake can name it. Hot.
 */
export function isMisdirected({ memory }: CodecContext, { listener, tls, x }: Http2Stream): boolean {
  const { identities } = listener.plan;
  if (tls === null || identities.length === 0) return false;
  const bytes = hostNameBytes(memory, x.hostAt, x.hostBytes);
  if (isAskedFor(memory, x.hostAt, bytes, tls.sni)) return false;
  const last = memory[x.hostAt + bytes - 1]!;
  if (tls.sni === '' && ((last >= DIGIT_0 && last <= DIGIT_9) || last === BRACKET)) return false;
  const host = Buffer.from(memory.buffer, x.hostAt, bytes).toString('latin1').toLowerCase();
  return !presented(identities, tls.sni).some((name) => isFor(name, host));
}
