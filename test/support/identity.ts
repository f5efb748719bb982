// Certificates for tests: an authority of each test process's own, and what it signs.

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
