// What no schema can say about TLS: files that must exist, keys that must fit, names that should be covered.
// Owns the checks of `tls` on listeners. Leaves judging a single pair to certificates.ts.

import { resolve } from 'node:path';
import type { DocumentPath } from '../base/document-path.js';
import { alternatives } from '../base/problems.js';
import {
  CertificateError,
  type CertificatePair,
  type CertificateWarning,
  checkKey,
  coversHost,
  readAuthorities,
  readPair,
} from './certificates.js';
import { ciphersServe, ciphersTrouble } from './ciphers.js';
import { serverNameOf } from './config.js';
import { readStaple } from './ocsp.js';
import type { ParsedConfig } from './schema.js';
import type { Scope } from './scope.js';
import { isFor } from './semantics-listeners.js';

type Listener = ParsedConfig['listeners'][number];

/** Reports what is wrong with TLS on a listener. */
export function checkListenerTls(
  listener: Listener,
  at: DocumentPath,
  routes: ParsedConfig['routes'],
  scope: Scope,
): void {
  const { protocol, tls, redirectToHttps, strictTransportSecurity } = listener;
  if (redirectToHttps !== undefined && protocol !== 'http') {
    scope.report(
      [...at, 'redirectToHttps'],
      `A listener of protocol ${protocol} redirects to https.`,
      'Expected it on a listener of protocol http.',
    );
  }
  if (strictTransportSecurity !== undefined && protocol !== 'https') {
    scope.report(
      [...at, 'strictTransportSecurity'],
      `A listener of protocol ${protocol} asks for https from now on.`,
      'Expected it on a listener of protocol https: browsers ignore it elsewhere (RFC 6797, 8.1).',
    );
  }
  if (protocol !== 'https' && protocol !== 'tls') {
    if (tls !== undefined) {
      scope.report([...at, 'tls'], `A listener of protocol ${protocol} has certificates.`, EXPECTED_WITH_TLS[protocol]);
    }
    return;
  }
  if (tls === undefined) {
    scope.report(
      at,
      `${protocol === 'https' ? 'An https' : 'A tls'} listener has no certificate.`,
      "Expected 'tls: { certificates: [{ cert: FILE, key: FILE }] }'.",
    );
    return;
  }
  const pairs = tls.certificates.flatMap((files, index) =>
    checkPair(files, [...at, 'tls', 'certificates', index], scope),
  );
  if (tls.clientCertificates !== undefined) {
    checkAuthorities(tls.clientCertificates.ca, [...at, 'tls', 'clientCertificates', 'ca'], scope);
  }
  if (pairs.length === tls.certificates.length) {
    const hosts = (
      (protocol === 'https' ? routes?.filter((route) => isFor(route, listener)) : listener.tlsRoutes) ?? []
    ).flatMap(({ hostnames }) => hostnames ?? []);
    warnOfHosts(pairs, hosts, at, scope);
    warnOfTwins(pairs, at, scope);
  }
  checkCiphers(tls, pairs, [...at, 'tls', 'ciphers'], scope);
  checkAlpn(listener, at, scope);
}

const EXPECTED_WITH_TLS = {
  http: "Expected 'protocol: https' beside 'tls'.",
  tcp: "Expected 'protocol: tls' beside 'tls', or no 'tls'.",
  'tls-passthrough': "The servers end TLS, with certificates of theirs. Remove 'tls', or set 'protocol: tls'.",
} as const;

/** What the engine keeps of a list: each name, and its length in one byte. */
const ALPN_BYTES_MAX = 64;

function checkAlpn({ protocol, tls }: Listener, at: DocumentPath, scope: Scope): void {
  const names = tls?.alpnProtocols;
  if (names === undefined) return;
  const here = [...at, 'tls', 'alpnProtocols'];
  if (protocol === 'https') {
    scope.report(
      here,
      'An https listener names protocols.',
      "It offers http/1.1, and h2 unless 'http2: false' is said. Remove alpnProtocols.",
    );
  } else if (names.reduce((sum, name) => sum + 1 + Buffer.byteLength(name), 0) > ALPN_BYTES_MAX) {
    scope.report(
      here,
      'The names are too long.',
      `Expected at most ${ALPN_BYTES_MAX} bytes, with one more for each name.`,
    );
  }
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index) {
      scope.report([...here, index], `'${name}' stands twice in this list.`, 'Expected each protocol once.');
    }
  }
}

/** Reports what is wrong with TLS to the servers of a pool. */
export function checkPoolTls(name: string, pool: ParsedConfig['pools'][string], scope: Scope): void {
  const { tls } = pool;
  if (tls === undefined) return;
  const at = ['pools', name, 'tls'];
  if (serverNameOf(pool) === undefined && pool.servers.length > 0) {
    scope.report(
      at,
      'The servers have no name in common that their certificates could be for.',
      "Expected 'serverName' with the name to ask them for and to verify.",
    );
  }
  if (tls.insecureSkipVerify) {
    scope.warn(
      [...at, 'insecureSkipVerify'],
      'Servers are not verified.',
      'Anyone on the way can read and change everything. Expected ca: FILE with the authority of the servers.',
    );
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    const missing = tls.cert === undefined ? 'cert' : 'key';
    scope.report(at, `'${missing}' is missing.`, 'Expected cert and key together, or neither.');
  } else if (tls.cert !== undefined && tls.key !== undefined) {
    checkPair({ cert: tls.cert, key: tls.key }, at, scope);
  }
  if (tls.ca !== undefined) checkAuthorities(tls.ca, [...at, 'ca'], scope);
}

function checkAuthorities(file: string, at: DocumentPath, scope: Scope): void {
  try {
    readAuthorities(resolve(scope.directory, file), ({ found, expected }) => scope.warn(at, found, expected));
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    scope.report(at, error.found, error.expected);
  }
}

function checkPair(
  files: { cert: string; key: string; ocsp?: string | undefined },
  at: DocumentPath,
  scope: Scope,
): CertificatePair[] {
  const inDirectory = (file: string): string => resolve(scope.directory, file);
  const warn = ({ file, found, expected }: CertificateWarning): void => scope.warn([...at, file], found, expected);
  try {
    const cert = inDirectory(files.cert);
    const pair = readPair(cert, inDirectory(files.key), warn);
    pair.key.fill(0); // it was read to be judged alone
    if (files.ocsp !== undefined) readStaple(inDirectory(files.ocsp), pair.chain, cert, warn);
    return [pair];
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    scope.report([...at, error.file], error.found, error.expected);
    if (error.file === 'cert') checkKeyAlone(inDirectory(files.key), at, scope);
    return [];
  }
}

/** What is wrong with the key is not to be the next mistake, after the one in its certificate. */
function checkKeyAlone(file: string, at: DocumentPath, scope: Scope): void {
  try {
    checkKey(file);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    scope.report([...at, error.file], error.found, error.expected);
  }
}

/** Names that two certificates with keys of one type are for: only the first of them is shown. */
function warnOfTwins(pairs: readonly CertificatePair[], at: DocumentPath, scope: Scope): void {
  for (const [index, { names, keyType }] of pairs.entries()) {
    const isTwin = (name: string) => (other: CertificatePair) =>
      other.keyType === keyType && other.names.includes(name);
    const byWinner = new Map<number, string[]>();
    for (const name of names) {
      const winner = pairs.findIndex(isTwin(name));
      if (winner < index) byWinner.set(winner, [...(byWinner.get(winner) ?? []), `'${name}'`]);
    }
    for (const [winner, taken] of byWinner) {
      const shadowed = taken.length > SHADOWED_MAX ? [...taken.slice(0, SHADOWED_MAX), 'others'] : taken;
      scope.warn(
        [...at, 'tls', 'certificates', index],
        `certificates[${winner}] is for ${alternatives(shadowed, 'and')} too, with a key of the same type.`,
        `Clients that ask for ${taken.length === 1 ? 'it' : 'them'} get certificates[${winner}], the first.`,
      );
    }
  }
}

const SHADOWED_MAX = 3;

/** Reports ciphers that OpenSSL does not know, and warns of those that no client can agree on with these keys. */
function checkCiphers(
  { ciphers, minVersion }: NonNullable<Listener['tls']>,
  pairs: readonly CertificatePair[],
  at: DocumentPath,
  scope: Scope,
): void {
  if (ciphers === undefined) return;
  const trouble = ciphersTrouble(ciphers);
  for (const { found, expected } of trouble) scope.report(at, found, expected);
  if (trouble.length > 0 || pairs.length === 0 || minVersion !== 'TLSv1.2') return;
  const types = [...new Set(pairs.map(({ keyType }) => keyType))];
  if (types.some((type) => ciphersServe(ciphers, type))) return;
  scope.warn(
    at,
    `No cipher of this list goes with a key of type ${alternatives(types)}, which the certificates have.`,
    "Every client of TLS 1.2 fails. Expected ciphers for such keys, or 'minVersion: TLSv1.3'.",
  );
}

/** Hostnames of routes that no certificate of the listener is for. */
function warnOfHosts(
  pairs: readonly CertificatePair[],
  hosts: readonly string[],
  at: DocumentPath,
  scope: Scope,
): void {
  for (const host of hosts) {
    if (pairs.some(({ names }) => coversHost(names, host))) continue;
    scope.warn(
      [...at, 'tls', 'certificates'],
      `No certificate is for '${host}', which a route names.`,
      'Clients that ask for it will refuse the first certificate.',
    );
  }
}
