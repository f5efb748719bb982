// The certificate of the https contestants: one key for all, made by openssl for this run and thrown away with it.
// Nobody is asked to trust it; load generators do not check.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly certPath: string;
  readonly keyPath: string;
  /** Both in one file, as HAProxy reads them. */
  readonly bundlePath: string;
}

/** Why no certificate can be made; undefined when one can. */
export function certificateMissing(): string | undefined {
  return spawnSync('openssl', ['version']).error === undefined
    ? undefined
    : 'openssl, which makes its certificate, is not installed';
}

/** The certificate of this run (ECDSA P-256, a day long), made at the first call for `directory`. */
export function certificateIn(directory: string): Certificate {
  const made: Certificate = {
    certPath: join(directory, 'bench.crt'),
    keyPath: join(directory, 'bench.key'),
    bundlePath: join(directory, 'bench.pem'),
  };
  if (existsSync(made.bundlePath)) return made;
  const ran = spawnSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-subj', '/CN=bench.example.com', '-addext', 'subjectAltName=DNS:bench.example.com,IP:127.0.0.1'],
      ...['-keyout', made.keyPath, '-out', made.certPath],
    ],
    { encoding: 'utf8' },
  );
  if (ran.status !== 0) throw new Error(`openssl made no certificate: ${ran.error?.message ?? ran.stderr.trim()}`);
  writeFileSync(made.bundlePath, `${readFileSync(made.certPath, 'utf8')}${readFileSync(made.keyPath, 'utf8')}`, {
    mode: 0o600,
  });
  return made;
}
