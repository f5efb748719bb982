// Issues X.509 certificates, for the demo and for tests: v3, with names, signed by itself or by another.
// Owns the DER encoding (ITU-T X.690) of the few parts such a certificate has (RFC 5280). Leaves the cryptography to node:crypto.

import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate with its key. */
export interface Issued {
  /** PEM of the certificate alone. */
  readonly cert: string;
  /** PEM of the private key. */
  readonly key: string;
  readonly subject: string;
  readonly privateKey: KeyObject;
}

export interface IssueOptions {
  /** Common name of the subject. */
  readonly subject: string;
  /** DNS names and IP addresses it is for; `URI:` and `email:` in front make it one of these. */
  readonly names?: readonly string[];
  /** What alone it may be used for. Default: anything. */
  readonly usage?: 'client' | 'server';
  readonly keyType?: 'ec' | 'rsa';
  /** Default: an hour ago. */
  readonly from?: Date;
  /** Default: in 90 days. */
  readonly until?: Date;
  /** Who signs it. Default: itself. */
  readonly issuer?: Issued;
  /** It may sign others. */
  readonly authority?: boolean;
}

const DAY_MS = 86_400_000;

/** Makes a new key (P-256, or RSA with 2048 bits) and a certificate for it. */
export function issueCertificate(options: IssueOptions): Issued {
  const privateKey =
    options.keyType === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
      : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const { subject, issuer = { subject, privateKey } } = options;
  const algorithm =
    issuer.privateKey.asymmetricKeyType === 'rsa'
      ? sequence(objectId(1, 2, 840, 113549, 1, 1, 11), tagged(0x05)) // sha256WithRSAEncryption, NULL
      : sequence(objectId(1, 2, 840, 10045, 4, 3, 2)); // ecdsa-with-SHA256
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40; // positive, and never shortened
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, serial),
    algorithm,
    nameOf(issuer.subject),
    sequence(
      timeOf(options.from ?? new Date(Date.now() - DAY_MS / 24)),
      timeOf(options.until ?? new Date(Date.now() + 90 * DAY_MS)),
    ),
    nameOf(subject),
    publicPart(privateKey),
    tagged(0xa3, sequence(...extensions(options, keyId(privateKey), keyId(issuer.privateKey)))),
  );
  const signature = sign('sha256', body, issuer.privateKey);
  const certificate = sequence(body, algorithm, tagged(0x03, Buffer.of(0), signature));
  return {
    cert: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    subject,
    privateKey,
  };
}

function publicPart(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

/** What certificates name a key by (RFC 7093, 2). */
function keyId(key: KeyObject): Buffer {
  return createHash('sha256').update(publicPart(key)).digest().subarray(0, 20);
}

function extensions({ names = [], usage, authority = false }: IssueOptions, own: Buffer, signer: Buffer): Buffer[] {
  const found = [
    // basicConstraints and keyUsage (keyCertSign and cRLSign, or digitalSignature and keyEncipherment), both critical.
    extension([2, 5, 29, 19], true, authority ? sequence(tagged(0x01, Buffer.of(0xff))) : sequence()),
    extension([2, 5, 29, 15], true, tagged(0x03, authority ? Buffer.of(1, 0x06) : Buffer.of(5, 0xa0))),
    // subjectKeyIdentifier and authorityKeyIdentifier
    extension([2, 5, 29, 14], false, tagged(0x04, own)),
    extension([2, 5, 29, 35], false, sequence(tagged(0x80, signer))),
  ];
  if (names.length > 0) {
    found.push(extension([2, 5, 29, 17], false, sequence(...names.map(generalName))));
  }
  if (usage !== undefined) {
    const purpose = objectId(1, 3, 6, 1, 5, 5, 7, 3, usage === 'server' ? 1 : 2); // id-kp-serverAuth, id-kp-clientAuth
    found.push(extension([2, 5, 29, 37], false, sequence(purpose)));
  }
  return found;
}

function extension(id: readonly [number, number, ...number[]], critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(...id), critical ? tagged(0x01, Buffer.of(0xff)) : Buffer.of(), tagged(0x04, value));
}

function generalName(name: string): Buffer {
  if (isIP(name) !== 0) return tagged(0x87, addressBytes(name));
  const [, kind, rest] = /^(URI|email):(.*)$/s.exec(name) ?? [];
  if (kind === undefined) return tagged(0x82, Buffer.from(name, 'latin1'));
  return tagged(kind === 'URI' ? 0x86 : 0x81, Buffer.from(rest!, 'latin1'));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [front = '', back = ''] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [groups(front), groups(back)];
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function nameOf(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(objectId(2, 5, 4, 3), tagged(0x0c, Buffer.from(commonName)))));
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280, 4.1.2.5). */
function timeOf(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : tagged(0x18, Buffer.from(digits, 'latin1'));
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff);
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length, ...bytes), content]);
}

function objectId(first: number, second: number, ...rest: number[]): Buffer {
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(0x06, Buffer.from(bytes));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
