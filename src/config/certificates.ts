// Certificates and keys in files: read, taken apart, and judged.
// Owns what is wrong with a pair, in words. Never says a byte of a key. Leaves using them to primary/ and the engine.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { FileError, readNamedFileSync } from '../base/files.js';

/** One certificate with its chain and key, as it is in its files. */
export interface CertificatePair {
  readonly chain: Buffer;
  readonly key: Buffer;
  /** Type of the key: `rsa`, `ec`, `ed25519`, … */
  readonly keyType: string;
  /** DNS names it is for, in lower case. */
  readonly names: readonly string[];
  /** Milliseconds since 1970 when it ends. */
  readonly until: number;
}

/** The files of a certificate, by the names of their options. */
type CertificateFile = 'cert' | 'key' | 'ocsp';

/** What is wrong with a pair: which file, what was found, what to do. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';

  constructor(
    readonly file: CertificateFile,
    readonly found: string,
    readonly expected: string,
  ) {
    super(`${found} ${expected}`);
  }
}

/** Something about a pair that works, but not for long, or not as meant. */
export interface CertificateWarning {
  readonly file: CertificateFile;
  readonly found: string;
  readonly expected: string;
}

const DAY_MS = 86_400_000;
/** Days before its end at which a certificate is warned about. */
const RENEW_DAYS = 30;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Reads a pair, whose key is the caller's to wipe. Throws CertificateError when it cannot be used. `warn` gets what can be, but should be looked at. */
export function readPair(
  certFile: string,
  keyFile: string,
  warn: (warning: CertificateWarning) => void = () => {},
  now = Date.now(),
): CertificatePair {
  const chain = readPart('cert', certFile);
  const certificates = parseChain(chain, certFile);
  const leaf = certificates[0]!;
  checkOrder(certificates, certFile);
  const { pem, key } = readKey(keyFile);
  if (!leaf.checkPrivateKey(key)) {
    pem.fill(0);
    throw new CertificateError(
      'key',
      `The key in ${keyFile} does not belong to the certificate in ${certFile}.`,
      'Expected the key that the certificate was made for.',
    );
  }
  for (const certificate of certificates) warnOfDates(certificate, certFile, now, warn);
  const names = namesOf(leaf);
  if (names.length === 0) {
    warn({
      file: 'cert',
      found: `The certificate in ${certFile} has no DNS name.`,
      expected: 'It is shown only to clients that ask for no name another certificate has; most refuse it.',
    });
  }
  return { chain, key: pem, keyType: key.asymmetricKeyType ?? '', names, until: Date.parse(leaf.validTo) };
}

/** Says what is wrong with a key alone, whose certificate cannot be read. Throws CertificateError. */
export function checkKey(keyFile: string): void {
  readKey(keyFile).pem.fill(0);
}

function readKey(keyFile: string): { pem: Buffer; key: KeyObject } {
  const pem = readPart('key', keyFile);
  return { pem, key: parseKey(pem, keyFile) };
}

/** Reads a file of authorities. Throws CertificateError when there is none in it. `warn` gets those that are of no use. */
export function readAuthorities(
  name: string,
  warn: (warning: CertificateWarning) => void = () => {},
  now = Date.now(),
): Buffer {
  const pem = readPart('cert', name, EXPECTED.ca);
  for (const certificate of parseChain(pem, name)) {
    warnOfDates(certificate, name, now, warn, 'What it signed is refused: put the one that follows it beside it.');
    if (certificate.ca) continue;
    warn({
      file: 'cert',
      found: `A certificate in ${name} is not that of an authority.`,
      expected: 'It stands for itself, and for nothing it may have signed.',
    });
  }
  return pem;
}

/** True when a certificate with `names` is good for `host`, which may be a wildcard itself. */
export function coversHost(names: readonly string[], host: string): boolean {
  const wanted = host.toLowerCase();
  const dot = wanted.indexOf('.');
  return names.includes(wanted) || (dot > 0 && names.includes(`*${wanted.slice(dot)}`));
}

const EXPECTED = {
  cert: 'Expected a PEM file with the certificate, and those that sign it behind.',
  key: 'Expected a PEM file with the private key of the certificate.',
  ca: 'Expected a PEM file with the certificates of authorities.',
} as const;

function readPart(file: 'cert' | 'key', name: string, expected: string = EXPECTED[file]): Buffer {
  try {
    return readNamedFileSync(name);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new CertificateError(file, error.message, expected);
  }
}

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';
const SWAPPED = 'Are the names of certificate and key swapped?';

/** The certificates in a PEM text, in order; at least one. `name` is that of its file. Throws CertificateError. */
export function parseChain(pem: Buffer, name: string): X509Certificate[] {
  const text = pem.toString('latin1');
  const parts = text.match(PEM_CERTIFICATE) ?? [];
  const begun = text.split(BEGIN).length - 1;
  if (begun > text.split(END).length - 1) {
    throw new CertificateError(
      'cert',
      `${begun === 1 ? 'The' : 'A'} certificate in ${name} is cut off: its line ${END} is missing.`,
      'Expected the whole file as the authority issued it.',
    );
  }
  if (parts.length === 0) {
    const isKey = text.includes('PRIVATE KEY-----');
    throw new CertificateError(
      'cert',
      `There is no certificate in ${name}${isKey ? ', but a private key' : ''}.`,
      isKey
        ? `Expected a file with certificates. ${SWAPPED}`
        : `Expected PEM: a block that begins with ${BEGIN} and ends with ${END}.`,
    );
  }
  return parts.map((part, index) => {
    try {
      return new X509Certificate(part);
    } catch {
      throw new CertificateError(
        'cert',
        `Certificate ${index + 1} of ${parts.length} in ${name} is damaged.`,
        'Expected the file as the authority issued it.',
      );
    }
  });
}

/** Each certificate must be signed by the next: clients check them in this order. */
function checkOrder(certificates: readonly X509Certificate[], name: string): void {
  for (let i = 0; i + 1 < certificates.length; i++) {
    const next = certificates[i + 1]!;
    if (certificates[i]!.checkIssued(next) && certificates[i]!.verify(next.publicKey)) continue;
    throw new CertificateError(
      'cert',
      `Certificate ${i + 2} of ${certificates.length} in ${name} did not sign the one before it.`,
      "Expected the server's own certificate first, then the one that signed it, and so on.",
    );
  }
}

function parseKey(pem: Buffer, name: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    const text = pem.toString('latin1');
    if (text.includes('ENCRYPTED')) {
      throw new CertificateError(
        'key',
        `The key in ${name} is encrypted.`,
        'There is no way to enter a pass phrase at start: store the key unencrypted, readable by this user only.',
      );
    }
    if (text.includes(BEGIN) && !text.includes('PRIVATE KEY-----')) {
      throw new CertificateError(
        'key',
        `There is no private key in ${name}, but a certificate.`,
        `Expected the file with the key. ${SWAPPED}`,
      );
    }
    const isCut = /-----BEGIN [A-Z ]*PRIVATE KEY-----(?![\s\S]*-----END [A-Z ]*PRIVATE KEY-----)/.test(text);
    throw new CertificateError(
      'key',
      `There is no usable private key in ${name}${isCut ? ': its END line is missing' : ''}.`,
      isCut
        ? 'Expected the whole file as it was made.'
        : 'Expected PEM: a block that begins with -----BEGIN PRIVATE KEY-----.',
    );
  }
}

function warnOfDates(
  certificate: X509Certificate,
  name: string,
  now: number,
  warn: (warning: CertificateWarning) => void,
  expected = 'Clients will refuse it: renew it.',
): void {
  const from = Date.parse(certificate.validFrom);
  const until = Date.parse(certificate.validTo);
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
  if (until < now) {
    warn({ file: 'cert', found: `A certificate in ${name} expired on ${day(until)}.`, expected });
  } else if (from > now) {
    warn({
      file: 'cert',
      found: `A certificate in ${name} is not valid before ${day(from)}.`,
      expected: 'Clients refuse it until then. Is the clock of this machine right?',
    });
  } else if (until < now + RENEW_DAYS * DAY_MS) {
    const days = Math.floor((until - now) / DAY_MS);
    warn({
      file: 'cert',
      found: `A certificate in ${name} expires on ${day(until)}, in ${days} day${days === 1 ? '' : 's'}.`,
      expected: 'Renew it.',
    });
  }
}

/** DNS names of the certificate. The subject is not looked at: clients stopped doing so (RFC 9110, 4.3.4). */
function namesOf(certificate: X509Certificate): string[] {
  const names = (certificate.subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^,"]+)/g);
  return [...new Set([...names].map((match) => match[1]!.toLowerCase()))];
}
