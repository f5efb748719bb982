// OCSP responses for tests, made by openssl from an authority's own index.

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Issued } from '../../src/cli/issue-certificate.js';
import { scratchDirectory } from './addresses.js';

export interface ResponseOptions {
  readonly certificate: Issued;
  readonly issuer: Issued;
  readonly status?: 'good' | 'revoked' | 'unknown';
  /** Days until nextUpdate. Default: 7. `null`: it does not say. */
  readonly days?: number | null;
  readonly hash?: 'sha1' | 'sha256';
}

/** A response for one certificate, as DER. */
export function ocspResponse({ certificate, issuer, status, days = 7, hash = 'sha1' }: ResponseOptions): Buffer {
  const directory = scratchDirectory();
  const file = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  const serial = new X509Certificate(certificate.cert).serialNumber;
  const entry: Readonly<Record<string, string>> = {
    good: `V\t400101000000Z\t\t${serial}\tunknown\t/CN=${certificate.subject}\n`,
    revoked: `R\t400101000000Z\t200101000000Z\t${serial}\tunknown\t/CN=${certificate.subject}\n`,
    unknown: '',
  };
  const ca = file('ca.pem', issuer.cert);
  const out = join(directory, 'response.der');
  // The hash must be named before the certificate it is used for.
  const asked = [`-${hash}`, '-issuer', ca, '-cert', file('cert.pem', certificate.cert)];
  const signer = ['-index', file('index.txt', entry[status ?? 'good']!), '-CA', ca, '-rsigner', ca];
  const rest = ['-rkey', file('ca.key', issuer.key), '-respout', out, '-noverify', '-no_nonce'];
  const { LD_PRELOAD: _, ...env } = process.env;
  execFileSync('openssl', ['ocsp', ...signer, ...rest, ...asked, ...(days === null ? [] : ['-ndays', String(days)])], {
    env,
    stdio: 'ignore',
  });
  return readFileSync(out);
}

/** The response with another end: its signature does not hold then, which a server does not look at. */
export function endingAt(response: Buffer, until: Date): Buffer {
  const times = [...response.toString('latin1').matchAll(/\d{14}Z/g)];
  const changed = Buffer.from(response);
  // producedAt, thisUpdate, nextUpdate
  changed.write(until.toISOString().replace(/[-:T]|\.\d+/g, ''), times[2]!.index, 'latin1');
  return changed;
}
