// The certificates of the https contestants: one ECDSA and one RSA key for all, made by openssl for this run and thrown
// away with it. Nobody is asked to trust them; load generators do not check.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyType } from './tls-offer.js';

export interface Certificate {
  readonly certPath: string;
  readonly keyPath: string;
}

export interface Certificates extends Readonly<Record<KeyType, Certificate>> {
  /** What HAProxy is told: it finds the files with `.ecdsa` and `.rsa` behind this name, key and certificate in one. */
  readonly bundlePath: string;
}

const KEYS: Readonly<Record<KeyType, readonly string[]>> = {
  ecdsa: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
};

/** Why no certificate can be made; undefined when one can. */
export function certificateMissing(): string | undefined {
  return spawnSync('openssl', ['version']).error === undefined
    ? undefined
    : 'openssl, which makes its certificate, is not installed';
}

/** The certificates of this run (ECDSA P-256 and RSA 2048, a day long), made at the first call for `directory`. */
export function certificatesIn(directory: string): Certificates {
  const bundlePath = join(directory, 'bench.pem');
  return { ecdsa: made(directory, bundlePath, 'ecdsa'), rsa: made(directory, bundlePath, 'rsa'), bundlePath };
}

function made(directory: string, bundlePath: string, key: KeyType): Certificate {
  const paths = { certPath: join(directory, `bench-${key}.crt`), keyPath: join(directory, `bench-${key}.key`) };
  const bundle = `${bundlePath}.${key}`;
  if (existsSync(bundle)) return paths;
  const ran = spawnSync(
    'openssl',
    [
      ...['req', '-x509', ...KEYS[key], '-nodes', '-days', '1'],
      ...['-subj', '/CN=bench.example.com', '-addext', 'subjectAltName=DNS:bench.example.com,IP:127.0.0.1'],
      ...['-keyout', paths.keyPath, '-out', paths.certPath],
    ],
    { encoding: 'utf8' },
  );
  if (ran.status !== 0) throw new Error(`openssl made no certificate: ${ran.error?.message ?? ran.stderr.trim()}`);
  writeFileSync(bundle, `${readFileSync(paths.certPath, 'utf8')}${readFileSync(paths.keyPath, 'utf8')}`, {
    mode: 0o600,
  });
  return paths;
}
