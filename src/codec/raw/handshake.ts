// TLS on a client connection: what was agreed on, and how many connections may be at it at once.
// The handshakes themselves happen in the engine; a worker gets one event of each, when it is done. Leaves what comes next to
// worker/accept.ts.

import { ENGINE_ERROR, FINGERPRINT_BYTES, TLS_INFO } from '../../engine/layout.js';
import { type ClientCertificate, sniOf, type TlsView } from '../../routing/request.js';
import type { ClientConnection } from '../connections.js';
import type { CodecContext } from '../context.js';

/** What a handshake agreed on. */
export interface TlsInfo extends TlsView {
  /** The application protocol (ALPN); empty when the client named none. */
  readonly protocol: string;
  /** An earlier session goes on. A client certificate is the one that session began with. */
  readonly resumed: boolean;
  /** Lines that tell servers of the client's certificate; empty without one. */
  readonly certificateLines: string;
}

/** What can be wrong with a client's certificate, by the engine's code. */
const CERTIFICATE_FAULTS: Readonly<Record<number, string>> = {
  [ENGINE_ERROR.certificateMissing]: 'missing',
  [ENGINE_ERROR.certificateExpired]: 'expired',
  [ENGINE_ERROR.certificateUnknown]: 'unknown authority',
  [ENGINE_ERROR.certificateInvalid]: 'invalid',
};

/**
 * Begins TLS on a client connection, with the `bytes` at `at` that it sent behind its PROXY header. Returns false when too
 * many handshakes are under way: new ones would only slow down those, and the connection is to be closed.
 */
export function handshakeBegin(
  w: CodecContext,
  client: ClientConnection,
  tls: number,
  at: number,
  bytes: number,
): boolean {
  if (w.handshakes >= w.limits.handshakesMax) {
    w.counters.handshakesRefused++;
    return false;
  }
  w.engine.tls(client.conn, tls, at, bytes);
  client.handshaking = true;
  w.handshakes++;
  w.deadlines.set(client.slot, w.ticks.tlsHandshake);
  return true;
}

function handshakeEnd(w: CodecContext, client: ClientConnection): void {
  client.handshaking = false;
  w.handshakes--;
}

/** A client connection failed with this error of the engine's: counts what was wrong with its certificate. */
export function certificateFailed(w: CodecContext, error: number): void {
  const fault = CERTIFICATE_FAULTS[error];
  if (fault === undefined) return;
  const { certificatesRefused } = w.counters;
  certificatesRefused.set(fault, (certificatesRefused.get(fault) ?? 0) + 1);
}

/** A connection goes: if its handshake was not done, it has failed. */
export function handshakeDrop(w: CodecContext, client: ClientConnection): void {
  if (!client.handshaking) return;
  handshakeEnd(w, client);
  w.counters.handshakesFailed++;
}

/**
 * A client speaks in the clear where TLS is expected. Where requests are expected too, the local reply to its first one says
 * so; else it would not understand, and the connection is to be shut down. Returns whether its request is read.
 */
export function plainAtTls(w: CodecContext, client: ClientConnection): boolean {
  client.inTheClear = client.listener.plan.protocol === 'https';
  if (client.inTheClear) w.deadlines.set(client.slot, w.ticks.requestHead);
  else w.count('TLS_EXPECTED');
  return client.inTheClear;
}

/** The handshake is done; what it agreed on is at `at`, in a chunk whose reference passes to this function. */
export function handshakeDone(w: CodecContext, client: ClientConnection, at: number): void {
  if (client.handshaking) handshakeEnd(w, client);
  client.tls = readTlsInfo(w.memory, at);
  w.counters.handshakes++;
  if (client.tls.resumed) w.counters.resumptions++;
  w.engine.release(at);
}

/** A text that most handshakes have in common: compared with the last one, and only decoded when it is another. */
class CachedString {
  #text = '';

  read(memory: Uint8Array, from: number, bytes: number): string {
    const text = this.#text;
    let same = bytes === text.length ? 0 : -1;
    while (same >= 0 && same < bytes) same = memory[from + same] === text.charCodeAt(same) ? same + 1 : -1;
    if (same < 0) this.#text = String.fromCharCode(...memory.subarray(from, from + bytes));
    return this.#text;
  }
}

const lastProtocol = new CachedString();
const lastCipher = new CachedString();
const lastName = new CachedString();
/** `TLSv1.2` and `TLSv1.3`, by the minor number on the wire. */
const VERSIONS = ['', '', '', 'TLSv1.2', 'TLSv1.3'];

function readTlsInfo(memory: Uint8Array, at: number): TlsInfo {
  let from = at + TLS_INFO.WORDS;
  const text = (bytes: number): string => {
    const read = String.fromCharCode(...memory.subarray(from, from + bytes));
    from += bytes;
    return read;
  };
  const length = (high: number): number => (memory[at + high]! << 8) | memory[at + high + 1]!;
  const cached = (last: CachedString, bytes: number): string => {
    const read = last.read(memory, from, bytes);
    from += bytes;
    return read;
  };
  const protocol = cached(lastProtocol, memory[at + TLS_INFO.protocolBytes]!);
  const cipher = cached(lastCipher, memory[at + TLS_INFO.cipherBytes]!);
  const sni = sniOf(cached(lastName, memory[at + TLS_INFO.nameBytes]!));
  let certificate: ClientCertificate | null = null;
  if (memory[at + TLS_INFO.certificate] === 1) {
    const fingerprint = Buffer.from(memory.buffer, from, FINGERPRINT_BYTES).toString('hex');
    from += FINGERPRINT_BYTES;
    const subject = text(length(TLS_INFO.subjectBytesHigh));
    const names = text(length(TLS_INFO.namesBytesHigh));
    certificate = { subject, names: names === '' ? [] : names.split('\n'), fingerprint };
  }
  return {
    version: VERSIONS[memory[at + TLS_INFO.versionMinor]!] ?? '',
    resumed: memory[at + TLS_INFO.resumed] === 1,
    protocol,
    cipher,
    sni,
    certificate,
    certificateLines: certificate === null ? '' : certificateLines(certificate),
  };
}

/** What servers get. The engine has escaped whatever could end a line or part a list. */
function certificateLines({ subject, names, fingerprint }: ClientCertificate): string {
  const lines = [
    'X-Client-Cert-Verified: true',
    `X-Client-Cert-Subject: ${subject}`,
    ...(names.length === 0 ? [] : [`X-Client-Cert-San: ${names.join(', ')}`]),
    `X-Client-Cert-Fingerprint: ${fingerprint}`,
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}
