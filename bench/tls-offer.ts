// What the clients of a benchmark offer by TLS: one version, one cipher, one group, so that every contestant agrees on the
// same and none is measured at another's price. Foreign targets are not told what to speak.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';

export type KeyType = 'ecdsa' | 'rsa';

export const TLS_OFFER = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', group: 'X25519' } as const;

/** The same in words, for reports. */
export const OFFER_TEXT = `${TLS_OFFER.version} with ${TLS_OFFER.cipher} and ${TLS_OFFER.group}`;

/** What a client has to sign with to be shown a certificate with such a key: servers here have both. */
const SIGNATURES: Readonly<Record<KeyType, string>> = {
  ecdsa: 'ecdsa_secp256r1_sha256',
  // The second is of no use to TLS 1.3, but HAProxy 2.6 takes it for the sign that a client understands RSA at all.
  rsa: 'rsa_pss_rsae_sha256:rsa_pkcs1_sha256',
};

/** The offer for node:tls; with `key`, only certificates of that kind are understood. */
export function nodeOffer(key?: KeyType): ConnectionOptions {
  return {
    minVersion: TLS_OFFER.version,
    maxVersion: TLS_OFFER.version,
    ciphers: TLS_OFFER.cipher,
    ecdhCurve: TLS_OFFER.group,
    rejectUnauthorized: false,
    ...(key === undefined ? {} : { sigalgs: SIGNATURES[key] }),
  };
}

/** The offer for programs on OpenSSL, as environment: a configuration file in `directory`, and the variable that names it. */
export function opensslOffer(directory: string): Record<string, string> {
  const path = join(directory, 'offer.cnf');
  writeFileSync(
    path,
    [
      'openssl_conf = bench',
      '[bench]\nssl_conf = modules',
      '[modules]\nsystem_default = offer',
      `[offer]\nMinProtocol = ${TLS_OFFER.version}\nMaxProtocol = ${TLS_OFFER.version}`,
      `Ciphersuites = ${TLS_OFFER.cipher}\nGroups = ${TLS_OFFER.group}\n`,
    ].join('\n'),
  );
  return { OPENSSL_CONF: path };
}
