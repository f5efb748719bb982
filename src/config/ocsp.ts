// OCSP responses in files (RFC 6960): taken apart, and judged, before they are stapled to a certificate.
// Owns what is wrong with one, in words. Leaves its signature to the clients, who verify it, and sending to the engine.

import { createHash, type X509Certificate } from 'node:crypto';
import { FileError, readNamedFileSync } from '../base/files.js';
import { CertificateError, type CertificateWarning, parseChain } from './certificates.js';
import { contentOf, type Der, DerError, partsOf, readDer, TAG, timeOf } from './der.js';

/** A response that may be stapled. */
export interface Staple {
  /** DER, as it is in its file. */
  readonly response: Buffer;
  /** Milliseconds since 1970 from which on it must not be sent; Infinity when it does not say. */
  readonly until: number;
}

/** id-pkix-ocsp-basic, the only kind there is. */
const BASIC = Buffer.from('2b0601050507300101', 'hex');
/** Hash functions that name an issuer, by their object identifier. */
const HASHES: Readonly<Record<string, string>> = {
  '2b0e03021a': 'sha1',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
};
const STATUS_WORDS: Readonly<Record<number, string>> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
};
/** Context tags: [0] constructed, and the two verdicts (RFC 6960, 4.2.1). */
const EXPLICIT_0 = 0xa0;
const GOOD = 0x80;
const REVOKED = 0xa1;

const DAY_MS = 86_400_000;
/** How much the clocks of the responder and of this machine may differ. */
const SKEW_MS = 300_000;

/**
 * Reads the response for the first certificate of `chain` (PEM, in the file `certFile`).
 *
 * Throws CertificateError when it cannot be used: not such a response, for another certificate, or not `good`. Returns
 * null, and warns, when it is out of date: a client that is shown an old one refuses the connection, without one it
 * mostly does not.
 */
export function readStaple(
  file: string,
  chain: Buffer,
  certFile: string,
  warn: (warning: CertificateWarning) => void = () => {},
  now = Date.now(),
): Staple | null {
  const response = readResponse(file);
  const [leaf, next] = parseChain(chain, certFile);
  const issuer = leaf!.checkIssued(leaf!) ? leaf! : next;
  if (issuer === undefined) {
    throw refusal(
      `Whether the OCSP response in ${file} is for the certificate in ${certFile} cannot be told: its issuer is not in that file.`,
      'Expected the certificate of the authority behind that of the server.',
    );
  }
  const found = singleResponses(response, file).find((single) => single.isFor(leaf!, issuer));
  if (found === undefined) {
    throw refusal(
      `The OCSP response in ${file} is for another certificate than that in ${certFile}.`,
      'Expected the response that the authority gives for this one: fetch it again.',
    );
  }
  if (found.status !== GOOD) {
    throw refusal(
      `The OCSP response in ${file} says that the certificate in ${certFile} is ${found.status === REVOKED ? 'revoked' : 'unknown'}.`,
      found.status === REVOKED
        ? 'Clients that ask will refuse it: get a new certificate.'
        : 'Expected the status good: was the right authority asked?',
    );
  }
  return judgeDates(found, file, response, warn, now);
}

function judgeDates(
  { from, until }: SingleResponse,
  file: string,
  response: Buffer,
  warn: (warning: CertificateWarning) => void,
  now: number,
): Staple | null {
  const day = (time: number): string => `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const report = (found: string, expected: string): void => warn({ file: 'ocsp', found, expected });
  if (until <= now) {
    report(`The OCSP response in ${file} was good until ${day(until)} and is not stapled.`, 'Fetch a new one.');
    return null;
  }
  if (from > now + SKEW_MS) {
    report(
      `The OCSP response in ${file} is not good before ${day(from)} and is not stapled.`,
      'Is the clock of this machine right?',
    );
    return null;
  }
  // Whatever fetches responses replaces them long before their end, if it still works.
  if (until - now < Math.min(DAY_MS, (until - from) / 4)) {
    report(`The OCSP response in ${file} is good until ${day(until)} only.`, 'Fetch a new one before.');
  }
  return { response, until };
}

/** What a response says of one certificate. */
interface SingleResponse {
  readonly status: number;
  readonly from: number;
  readonly until: number;
  isFor(leaf: X509Certificate, issuer: X509Certificate): boolean;
}

function singleResponses(response: Buffer, file: string): SingleResponse[] {
  try {
    const [status, bytes] = partsOf(readDer(response), TAG.sequence);
    const code = contentOf(status, TAG.enumerated)[0] ?? -1;
    if (code !== 0) {
      throw refusal(
        `The OCSP response in ${file} is the message that the request failed (${STATUS_WORDS[code] ?? code}).`,
        'Expected a response: ask the authority again.',
      );
    }
    const [kind, basic] = partsOf(partsOf(bytes, EXPLICIT_0)[0], TAG.sequence);
    if (!contentOf(kind, TAG.objectId).equals(BASIC)) throw new DerError('of an unknown kind');
    const [data] = partsOf(readDer(contentOf(basic, TAG.octetString)), TAG.sequence);
    // version, responderID and producedAt come first; the version is left out as a rule.
    const responses = partsOf(data, TAG.sequence).find(({ tag }) => tag === TAG.sequence);
    return partsOf(responses, TAG.sequence).map(readSingle);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw notOne(file);
  }
}

function readSingle(single: Der): SingleResponse {
  const [id, status, from, ...rest] = partsOf(single, TAG.sequence);
  const [algorithm, issuerName, issuerKey, serial] = partsOf(id, TAG.sequence);
  const hash = HASHES[contentOf(partsOf(algorithm, TAG.sequence)[0], TAG.objectId).toString('hex')];
  const nameHash = contentOf(issuerName, TAG.octetString);
  const keyHash = contentOf(issuerKey, TAG.octetString);
  const number = contentOf(serial, TAG.integer);
  const until = rest[0]?.tag === EXPLICIT_0 ? timeOf(partsOf(rest[0], EXPLICIT_0)[0]) : Number.POSITIVE_INFINITY;
  return {
    status: status?.tag ?? 0,
    from: timeOf(from),
    until,
    isFor: (leaf, issuer) => {
      if (hash === undefined) return false;
      const digest = (bytes: Buffer): Buffer => createHash(hash).update(bytes).digest();
      return (
        partsOfCertificate(leaf).serial.equals(number) &&
        digest(partsOfCertificate(leaf).issuerName).equals(nameHash) &&
        digest(partsOfCertificate(issuer).publicKey).equals(keyHash)
      );
    },
  };
}

/** What an OCSP response names a certificate by (RFC 6960, 4.1.1): the key is hashed without tag, length and unused bits. */
function partsOfCertificate(certificate: X509Certificate): { serial: Buffer; issuerName: Buffer; publicKey: Buffer } {
  const [signed] = partsOf(readDer(certificate.raw), TAG.sequence);
  const parts = partsOf(signed, TAG.sequence);
  const at = parts[0]?.tag === EXPLICIT_0 ? 1 : 0; // the version
  const [, bits] = partsOf(parts[at + 5], TAG.sequence);
  return {
    serial: contentOf(parts[at], TAG.integer),
    issuerName: parts[at + 2]!.whole,
    publicKey: contentOf(bits, TAG.bitString).subarray(1),
  };
}

function readResponse(file: string): Buffer {
  try {
    return readNamedFileSync(file);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw refusal(error.message, 'Expected a file with an OCSP response, as DER.');
  }
}

function notOne(file: string): CertificateError {
  return refusal(
    `There is no OCSP response in ${file}.`,
    'Expected DER, as openssl ocsp writes it with -respout, and the whole of it.',
  );
}

function refusal(found: string, expected: string): CertificateError {
  return new CertificateError('ocsp', found, expected);
}
