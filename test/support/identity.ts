// Certificates for tests: an authority of each test process's own, and what it signs.

import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { type Issued, type IssueOptions, issueCertificate } from '../../src/cli/issue-certificate.js';
import { scratchDirectory } from './addresses.js';

/** A certificate in files, and what a client needs to believe it. */
export interface Identity {
  /** As the configuration names it. */
  readonly files: { readonly cert: string; readonly key: string };
  readonly issued: Issued;
  /** Options of a node:tls client that trusts the authority, and asks for the first name. */
  readonly client: ConnectionOptions;
}

let ownAuthority: Issued | undefined;

/** The authority that signs unless a test says otherwise. */
export function authority(): Issued {
  ownAuthority ??= issueCertificate({ subject: 'test authority', authority: true });
  return ownAuthority;
}

/** Writes the certificates of authorities into a file, as `ca` options name it. */
export function authorityFile(...authorities: readonly Issued[]): string {
  const file = join(scratchDirectory(), 'authorities.pem');
  writeFileSync(file, authorities.map(({ cert }) => cert).join(''));
  return file;
}

/** What a client shows: its certificate, what signed it, and its key; as files for other programs. */
export interface ClientIdentity {
  readonly files: { readonly cert: string; readonly key: string };
  /** Options of a node:tls client. */
  readonly shows: { readonly cert: string; readonly key: string };
  /** SHA-256 of the certificate in lower-case hexadecimal. */
  readonly fingerprint: string;
}

/** Issues a certificate for a client and writes it, with what `chain` adds behind it, and its key. */
export function makeClient(options: IssueOptions & { readonly chain?: readonly Issued[] }): ClientIdentity {
  const issued = issueCertificate({ issuer: authority(), usage: 'client', ...options });
  const directory = scratchDirectory();
  const files = { cert: join(directory, 'client.pem'), key: join(directory, 'client.key') };
  const cert = [issued, ...(options.chain ?? [])].map((one) => one.cert).join('');
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, issued.key, { mode: 0o600 });
  const fingerprint = new X509Certificate(issued.cert).fingerprint256.replaceAll(':', '').toLowerCase();
  return { files, shows: { cert, key: issued.key }, fingerprint };
}

/** Issues a certificate for `names` and writes it, with what `chain` adds behind it, and its key. */
export function makeIdentity(
  options: Omit<IssueOptions, 'subject'> & { readonly names: readonly string[]; readonly chain?: readonly Issued[] },
): Identity {
  const issued = issueCertificate({ subject: options.names[0]!, issuer: authority(), ...options });
  const directory = scratchDirectory();
  const files = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  writeFileSync(files.cert, [issued, ...(options.chain ?? [])].map(({ cert }) => cert).join(''));
  writeFileSync(files.key, issued.key, { mode: 0o600 });
  return { files, issued, client: { ca: authority().cert, servername: options.names[0]!.replace('*', 'any') } };
}
