// Lists of ciphers for TLS 1.2 in OpenSSL's words: which names it would pass over, and which keys the rest can serve.
// Owns the syntax of such lists, and the standard names of common suites. Leaves what a name stands for to OpenSSL.

import { createSecureContext, getCiphers } from 'node:tls';
import { didYouMean, Refusal } from '../base/problems.js';

/** What OpenSSL calls the usual suites of TLS 1.2, by their standard names (RFC 5289, RFC 7905). */
const OPENSSL_NAMES: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
};

/** Words for sets of suites. Some have no suite in every build, and are mostly there to be excluded. */
const KEYWORDS = (
  'ALL COMPLEMENTOFALL COMPLEMENTOFDEFAULT HIGH MEDIUM LOW EXP EXPORT EXPORT40 EXPORT56 FIPS SUITEB128 SUITEB128ONLY ' +
  'SUITEB192 kRSA kEDH kDHE kDH kDHr kDHd kEECDH kECDHE kECDH kECDHr kECDHe kPSK kRSAPSK kECDHEPSK kDHEPSK kSRP kGOST ' +
  'kGOST18 kKRB5 KRB5 aRSA aDSS aDH aECDH aNULL aECDSA aPSK aGOST aGOST01 aGOST12 aSRP EDH DHE DH EECDH ECDHE ECDH RSA ' +
  'DSS ECDSA ADH AECDH PSK SRP NULL eNULL DES 3DES RC4 RC2 IDEA SEED GOST89 GOST94 GOST89MAC GOST12 GOST2012 AES128 ' +
  'AES256 AES AESGCM AESCCM AESCCM8 CAMELLIA128 CAMELLIA256 CAMELLIA CHACHA20 ARIA ARIAGCM ARIA128 ARIA256 CBC MD5 ' +
  'SHA1 SHA SHA256 SHA384 SSLv2 SSLv3 TLSv1 TLSv1.0 TLSv1.2'
).split(' ');

/** One entry: a command, or a sign and names joined by `+`; or a character that opens neither. */
const ENTRY = /@([\w.=-]*)|([!+-]?)([\w.=-]+(?:\+[\w.=-]+)*)|[^:;, ]/g;
const COMMAND = /^(STRENGTH|SECLEVEL=[0-5])$/;

/** Kinds of keys that suites of TLS 1.2 differ by. */
type Authentication = 'RSA' | 'ECDSA';
/** Suites that no listener serves, whatever its key: without certificates, or with parameters it does not have. */
const UNSERVED = '!aNULL:!aDSS:!PSK:!SRP:!kDHE';

/** What is wrong with a list of ciphers, in its order: what OpenSSL does not know, it would pass over in silence. */
export function ciphersTrouble(list: string): Refusal[] {
  const found: Refusal[] = [];
  for (const match of list.matchAll(ENTRY)) {
    const [entry, command, sign, names] = match;
    if (command !== undefined) {
      if (!COMMAND.test(command)) found.push(unknown(entry, 'Expected @STRENGTH, or @SECLEVEL= and 0 to 5.'));
    } else if (names === undefined) {
      found.push(unknown(entry, 'Expected names of ciphers as OpenSSL knows them, with colons between.'));
    } else if (entry !== 'DEFAULT' || match.index !== 0) {
      found.push(...namesTrouble(names, sign === ''));
    }
  }
  if (found.length > 0 || isTaken(list)) return found;
  const expected = 'Expected at least one that OpenSSL has, or no ciphers for the default.';
  return [new Refusal('No cipher is left of this list.', expected)];
}

/** True when a key of this type, as node:crypto names it, can be used with a cipher of `list`, which has no trouble. */
export function ciphersServe(list: string, keyType: string): boolean {
  const ours: Authentication = keyType.startsWith('rsa') ? 'RSA' : 'ECDSA';
  return isTaken(`${list}:${UNSERVED}:${ours === 'RSA' ? '!aECDSA' : '!aRSA'}`);
}

/** The standard name of a suite that OpenSSL calls `name`, if it is a usual one of TLS 1.2. */
export function standardName(name: string): string | undefined {
  return Object.keys(OPENSSL_NAMES).find((standard) => OPENSSL_NAMES[standard] === name.toUpperCase());
}

/** Names joined by `+` stand for the suites that are all of it; with `added`, there must be some. */
function namesTrouble(names: string, added: boolean): Refusal[] {
  const found = names.split('+').flatMap(nameTrouble);
  if (found.length > 0 || !added || isTaken(names)) return found;
  return [new Refusal(`OpenSSL has no cipher of '${names}' here.`, 'Take it off the list.')];
}

function nameTrouble(name: string): Refusal[] {
  if (name === 'DEFAULT') return [new Refusal("'DEFAULT' stands behind others.", 'OpenSSL knows it at the beginning.')];
  if (name.startsWith('TLS_')) {
    const ours = OPENSSL_NAMES[name];
    if (ours !== undefined) return [unknown(name, `Expected the name that OpenSSL has for it: ${ours}.`)];
    if (getCiphers().includes(name.toLowerCase())) {
      const expected = 'Those are all good and not configurable. Take it off the list.';
      return [new Refusal(`'${name}' is a cipher of TLS 1.3.`, expected)];
    }
  } else if (KEYWORDS.includes(name) || isTaken(name)) return [];
  const suites = getCiphers().map((known) => known.toUpperCase());
  const known = [...suites.filter((suite) => !suite.startsWith('TLS_')), ...KEYWORDS];
  return [unknown(name, `Expected a name that 'openssl ciphers' knows.${didYouMean(name, known)}`)];
}

const unknown = (entry: string, expected: string): Refusal =>
  new Refusal(`'${entry}' is not a cipher of OpenSSL here.`, expected);

/** True when OpenSSL finds a cipher of TLS 1.2 in this list. */
function isTaken(list: string): boolean {
  try {
    createSecureContext({ ciphers: list, ca: [] }); // no authorities: reading them all would take longer
    return true;
  } catch {
    return false;
  }
}
