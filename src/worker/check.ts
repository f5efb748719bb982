// Judges a complete request head: what RFC 9112 and the limits demand beyond llhttp's syntax.
// Owns the request facts on the client connection. Leaves the path to route.ts.

import { equalsCaseless, FIELD_ID } from '../http/fields.js';
import { BODY, requestFraming } from '../http/framing.js';
import { FIELD } from '../http/head.js';
import { METHOD } from '../http/methods.js';
import type { ReasonCode } from '../http/reasons.js';
import type { ClientConnection } from './connections.js';
import type { Worker } from './worker.js';

const HUNDRED_CONTINUE = Buffer.from('100-continue', 'latin1');
const H2C = Buffer.from('h2c', 'latin1');

/** 1 for bytes a Host may have: registered names, addresses, brackets, a port (RFC 3986, 3.2.2); no userinfo. */
const isHostByte = new Uint8Array(256);
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%!$&'()*+,;=:[]") {
  isHostByte[char.charCodeAt(0)] = 1;
}

function hostValid(memory: Uint8Array, at: number, bytes: number): boolean {
  for (let i = at; i < at + bytes; i++) if (isHostByte[memory[i]!] === 0) return false;
  return true;
}

/**
 * Reads the fields that matter into the client connection.
 * Returns why the request is refused, or null.
 */
export function check(w: Worker, client: ClientConnection): ReasonCode | null {
  const { head } = client.parser!;
  const { memory, tokens } = w;
  const { base, fields } = head;
  let hosts = 0;
  let upgradeAt = 0;
  let upgradeBytes = 0;
  client.minor = head.minor;
  client.method = head.method;
  client.keepAlive = head.keepAlive;
  client.hostAt = 0;
  client.hostBytes = 0;
  tokens.clear();
  if (head.method === METHOD.CONNECT) return 'METHOD_REFUSED';
  for (let i = 0, field = 0; i < head.fieldCount; i++, field += FIELD.WORDS) {
    const id = fields[field + FIELD.id]!;
    if (id === FIELD_ID.NONE) continue;
    const at = base + fields[field + FIELD.valueAt]!;
    const bytes = fields[field + FIELD.valueBytes]!;
    switch (id) {
      case FIELD_ID.HOST:
        hosts++;
        client.hostAt = at;
        client.hostBytes = bytes;
        break;
      case FIELD_ID.CONNECTION:
        if (!tokens.read(memory, at, bytes)) return 'HEAD_TOO_LARGE'; // more names than there is room for
        break;
      case FIELD_ID.EXPECT:
        // HTTP/1.0 has no expectations: there it is ignored (RFC 9110, 10.1.1).
        if (head.minor === 1 && !equalsCaseless(memory, at, bytes, HUNDRED_CONTINUE)) return 'EXPECTATION_UNKNOWN';
        break;
      case FIELD_ID.UPGRADE:
        upgradeAt = at;
        upgradeBytes = bytes;
        break;
    }
  }
  if (hosts > 1) return 'HOST_REPEATED';
  if (hosts === 0 && head.minor === 1) return 'HOST_MISSING';
  if (!hostValid(memory, client.hostAt, client.hostBytes)) return 'HOST_INVALID';

  requestFraming(memory, head, w.framing);
  const { kind, length } = w.framing;
  if (kind === BODY.ambiguous) return 'REQUEST_FRAMING';
  if (kind === BODY.unknownCoding) return 'CODING_UNKNOWN';
  const { bodyBytesMax } = w.plan.limits;
  if (bodyBytesMax !== 0 && length > bodyBytesMax) return 'BODY_TOO_LARGE';
  client.request.set(kind, length);
  client.bodyBytesTotal = 0;
  // Speaking HTTP/2 to a server through a tunnel we opened would pass every rule by: h2c is never asked for.
  client.upgrade =
    head.upgrade && head.minor === 1 && kind === BODY.none && !equalsCaseless(memory, upgradeAt, upgradeBytes, H2C);
  return readTarget(w, client);
}

const HTTP = Buffer.from('http://', 'latin1');
const HTTPS = Buffer.from('https://', 'latin1');
const SLASH = 0x2f;
const QUESTION = 0x3f;
const HASH = 0x23;
const ASTERISK = 0x2a;

/** Tells the four forms of a target apart (RFC 9112, 3.2); an absolute one names the host, whatever the Host field says. */
function readTarget(w: Worker, client: ClientConnection): ReasonCode | null {
  const { memory } = w;
  const { head } = client.parser!;
  const at = head.base + head.targetAt;
  const end = at + head.targetBytes;
  client.targetAt = at;
  client.targetBytes = head.targetBytes;
  for (let i = at; i < end; i++) if (memory[i] === HASH) return 'TARGET_INVALID';
  if (memory[at] === SLASH) return null;
  if (memory[at] === ASTERISK) return end - at === 1 && head.method === METHOD.OPTIONS ? null : 'TARGET_INVALID';
  const prefix = equalsCaseless(memory, at, HTTP.length, HTTP)
    ? HTTP.length
    : equalsCaseless(memory, at, HTTPS.length, HTTPS)
      ? HTTPS.length
      : 0;
  if (prefix === 0) return 'TARGET_INVALID';
  const host = at + prefix;
  let path = host;
  while (path < end && memory[path] !== SLASH && memory[path] !== QUESTION) path++;
  if (path === host || !hostValid(memory, host, path - host)) return 'TARGET_INVALID';
  client.hostAt = host;
  client.hostBytes = path - host;
  client.targetAt = path;
  client.targetBytes = end - path;
  return null;
}
