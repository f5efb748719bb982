// Certificates and keys in files: what cannot be used, what is warned about, and which one a name gets.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatProblem } from '../../../src/base/problems.js';
import { issueCertificate } from '../../../src/cli/issue-certificate.js';
import { CertificateError, coversHost, readAuthorities, readPair } from '../../../src/config/certificates.js';
import { ConfigError } from '../../../src/config/config-error.js';
import { checkValue, parseConfig } from '../../../src/config/load.js';
import { identitiesOf } from '../../../src/primary/tls-contexts.js';
import { scratchDirectory } from '../../support/addresses.js';

const root = issueCertificate({ subject: 'root', authority: true });
const middle = issueCertificate({ subject: 'middle', authority: true, issuer: root });
const leaf = issueCertificate({
  subject: 'leaf',
  names: ['Shop.example', '*.shop.example', '10.0.0.1'],
  issuer: middle,
});
const other = issueCertificate({ subject: 'other', names: ['other.example'] });
const DAY_MS = 86_400_000;

const directory = scratchDirectory();

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const whole = file('whole.pem', leaf.cert + middle.cert);
const leafKey = file('leaf.key', leaf.key);

/** What reading a pair is refused with. */
function refusal(cert: string, key: string): CertificateError {
  try {
    readPair(cert, key);
  } catch (error) {
    assert.ok(error instanceof CertificateError);
    return error;
  }
  throw new Error('the pair was taken');
}

test('a chain in order with its key is read: names in lower case, addresses left out', () => {
  const warnings: unknown[] = [];
  const pair = readPair(whole, leafKey, (warning) => warnings.push(warning));
  assert.deepEqual(pair.names, ['shop.example', '*.shop.example']);
  assert.equal(pair.keyType, 'ec');
  assert.deepEqual(warnings, []);
});

test('each thing that is wrong with a pair is said with its file, and never with a byte of the key', () => {
  const encrypted = leaf.privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
    .toString();
  const damaged = leaf.cert.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
  for (const [cert, key, part, says] of [
    [join(directory, 'none.pem'), leafKey, 'cert', /none\.pem does not exist/],
    [file('text.pem', 'hello'), leafKey, 'cert', /no certificate in .*text\.pem/],
    [directory, leafKey, 'cert', / is a directory/],
    [leafKey, whole, 'cert', /no certificate in .*leaf\.key, but a private key.* swapped\?$/],
    [file('cut.pem', leaf.cert.slice(0, 300)), leafKey, 'cert', /^The certificate in .*cut\.pem is cut off: .*END/],
    [file('half.pem', leaf.cert + middle.cert.slice(0, 300)), leafKey, 'cert', /^A certificate in .*half\.pem is cut/],
    [file('damaged.pem', damaged), leafKey, 'cert', /Certificate 1 of 1 in .*damaged/],
    [file('order.pem', leaf.cert + root.cert), leafKey, 'cert', /Certificate 2 of 2 .* did not sign/],
    [whole, join(directory, 'none.key'), 'key', /none\.key does not exist/],
    [whole, file('text.key', 'hello'), 'key', /no usable private key/],
    [whole, directory, 'key', / is a directory/],
    [whole, whole, 'key', /no private key in .*whole\.pem, but a certificate.* swapped\?$/],
    [whole, file('cut.key', leaf.key.slice(0, 80)), 'key', /no usable private key in .*cut\.key: its END line/],
    [whole, file('encrypted.key', encrypted), 'key', /is encrypted/],
    [whole, file('other.key', other.key), 'key', /does not belong/],
  ] as const) {
    const error = refusal(cert, key);
    assert.equal(error.file, part);
    assert.match(error.message, says);
    for (const line of leaf.key.split('\n').slice(1, -2)) assert.ok(!error.message.includes(line));
  }
});

test('dates are warned about: expired, not valid yet, and 30 days before the end', () => {
  const now = Date.now();
  for (const [from, until, says] of [
    [-20, -1, /expired on/],
    [1, 90, /not valid before/],
    [-1, 29.5, /in 29 days/],
    [-1, 31, undefined],
  ] as const) {
    const issued = issueCertificate({
      subject: 'dated',
      names: ['dated.example'],
      from: new Date(now + from * DAY_MS),
      until: new Date(now + until * DAY_MS),
    });
    const said: string[] = [];
    readPair(file('dated.pem', issued.cert), file('dated.key', issued.key), ({ found }) => said.push(found));
    if (says === undefined) assert.deepEqual(said, []);
    else assert.match(said.join('\n'), says);
  }
});

test('a wildcard covers one label, and a wildcard route', () => {
  const names = ['*.shop.example', 'a.example'];
  assert.ok(coversHost(names, 'WWW.shop.example'));
  assert.ok(coversHost(names, '*.shop.example'));
  assert.ok(coversHost(names, 'a.example'));
  assert.ok(!coversHost(names, 'shop.example'));
  assert.ok(!coversHost(names, 'a.b.shop.example'));
});

test('a name gets the first certificate of each key type, and the first certificate is the default', () => {
  const pair = (keyType: string, ...names: string[]) => ({
    chain: Buffer.alloc(0),
    key: Buffer.alloc(0),
    keyType,
    names,
    until: 0,
  });
  const first = pair('ec', 'a.example', 'b.example');
  const rsa = pair('rsa', 'a.example');
  const later = pair('ec', 'a.example', 'c.example');
  assert.deepEqual(identitiesOf([first, rsa, later]), [
    { certificates: [first, rsa], names: ['a.example'] },
    { certificates: [first], names: ['b.example'] },
    { certificates: [later], names: ['c.example'] },
  ]);
  const nameless = pair('ec');
  assert.deepEqual(identitiesOf([nameless, rsa]), [
    { certificates: [nameless], names: [] },
    { certificates: [rsa], names: ['a.example'] },
  ]);
});

test('a configuration is refused with a pair that cannot be used, and warned about hosts that no certificate is for', () => {
  const config = (key: string): string => `
listeners: [{ address: ":8443", protocol: https, tls: { certificates: [{ cert: ${whole}, key: ${key} }] } }]
routes: [{ hostnames: [shop.example, lost.example], rules: [{ pool: api }] }]
pools: { api: { servers: [{ address: 10.0.0.1:80 }] } }
`;
  const { warnings } = parseConfig(config(leafKey), 'shop.yaml');
  assert.equal(warnings.length, 1);
  assert.match(formatProblem(warnings[0]!), /listeners\[0\]\.tls\.certificates: No certificate is for 'lost\.example'/);
  assert.throws(
    () => parseConfig(config(file('wrong.key', other.key)), 'shop.yaml'),
    (error) =>
      error instanceof ConfigError && /certificates\[0\]\.key: The key in/.test(formatProblem(error.problems[0]!)),
  );
});

test('a tls listener is warned about names of its TLS routes that no certificate is for', () => {
  const { warnings } = parseConfig(
    `
listeners:
  - address: ":8443"
    protocol: tls
    tls: { certificates: [{ cert: ${whole}, key: ${leafKey} }], alpnProtocols: [h2, http/1.1] }
    tlsRoutes: [{ hostnames: [shop.example, lost.example], pool: api }]
pools: { api: { servers: [{ address: 10.0.0.1:80 }] } }
`,
    'shop.yaml',
  );
  assert.deepEqual(
    warnings.map(({ found }) => found),
    ["No certificate is for 'lost.example', which a route names."],
  );
});

test('protocols are refused on https, twice, and when they are too long together', () => {
  const said = (protocol: string, names: string): string => {
    const text = `
listeners: [{ address: ":8443", protocol: ${protocol}, tls: { certificates: [{ cert: ${whole}, key: ${leafKey} }], alpnProtocols: ${names} } }]
routes: [{ rules: [{ pool: api }] }]
pools: { api: { servers: [{ address: 10.0.0.1:80 }] } }
`;
    try {
      parseConfig(protocol === 'tls' ? text.replace('protocol: tls', 'protocol: tls, pool: api') : text, 'shop.yaml');
      return '';
    } catch (error) {
      return error instanceof ConfigError ? error.problems.map(formatProblem).join('\n') : String(error);
    }
  };
  assert.match(said('https', '[http/1.1]'), /alpnProtocols: An https listener names protocols/);
  assert.match(said('tls', '[h2, h2]'), /alpnProtocols\[1\]: 'h2' stands twice/);
  assert.match(said('tls', '[]'), /The list is empty/);
  assert.match(said('tls', `[${'x'.repeat(40)}, ${'y'.repeat(23)}]`), /The names are too long/);
  assert.equal(said('tls', `[${'x'.repeat(40)}, ${'y'.repeat(22)}]`), '');
});

test('authorities are read; those that are over, or are none, are warned about', () => {
  const late = issueCertificate({
    subject: 'late',
    authority: true,
    from: new Date(Date.now() - 9 * DAY_MS),
    until: new Date(Date.now() - DAY_MS),
  });
  const soon = issueCertificate({ subject: 'soon', authority: true, until: new Date(Date.now() + 5 * DAY_MS) });
  const said = (...list: readonly { cert: string }[]): string[] => {
    const found: string[] = [];
    readAuthorities(file('ca.pem', list.map(({ cert }) => cert).join('')), (warning) => found.push(warning.found));
    return found.map((text) => text.replaceAll(/\S*ca\.pem|\d{4}-\d\d-\d\d/g, '…'));
  };
  assert.deepEqual(said(root, middle), []);
  assert.deepEqual(said(root, late, leaf), [
    'A certificate in … expired on ….',
    'A certificate in … is not that of an authority.',
  ]);
  assert.match(said(soon)[0]!, /expires on …, in [45] days/);
  assert.throws(() => readAuthorities(join(directory, 'nothing.pem')), /nothing\.pem does not exist/);
  assert.throws(() => readAuthorities(leafKey), /There is no certificate in/);
});

/** What is said of an https listener with these files, `mistake:` or `warning:` in front. */
function said(certificates: readonly { cert: string; key: string }[], options: object = {}): string[] {
  const value = {
    listeners: [{ address: ':8443', protocol: 'https', tls: { certificates, ...options } }],
    routes: [{ rules: [{ pool: 'api' }] }],
    pools: { api: { servers: [{ address: '10.0.0.1:80' }] } },
  };
  try {
    return checkValue(value).warnings.map((warning) => `warning: ${formatProblem(warning)}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => `mistake: ${formatProblem(problem)}`);
  }
}

test('a certificate and a key that are both missing are both told', () => {
  const nothing = { cert: join(directory, 'none.pem'), key: join(directory, 'none.key') };
  const [first, second, ...others] = said([nothing]);
  assert.match(first!, /certificates\[0\]\.cert: .*none\.pem does not exist/);
  assert.match(second!, /certificates\[0\]\.key: .*none\.key does not exist/);
  assert.deepEqual(others, []);
});

test('names in two certificates with keys of one type are warned about, with the one that wins', () => {
  const ours = { cert: whole, key: leafKey };
  const twin = issueCertificate({ subject: 'twin', names: ['shop.example', 'own.example'] });
  const files = { cert: file('twin.pem', twin.cert), key: file('twin.key', twin.key) };
  assert.deepEqual(said([ours, files]), [
    "warning: config: listeners[0].tls.certificates[1]: certificates[0] is for 'shop.example' too, with a key of the same type.\n" +
      '  Clients that ask for it get certificates[0], the first.',
  ]);
  assert.match(said([ours, ours])[0]!, /is for 'shop\.example' and '\*\.shop\.example' too, .*\n.* ask for them get/);
  const rsa = issueCertificate({ subject: 'rsa', names: ['shop.example'], keyType: 'rsa' });
  assert.deepEqual(said([ours, { cert: file('rsa.pem', rsa.cert), key: file('rsa.key', rsa.key) }]), []);
});

test('ciphers that go with no key of the certificates are warned about, where TLS 1.2 is spoken', () => {
  const ours = { cert: whole, key: leafKey };
  const ciphers = 'ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256';
  assert.deepEqual(said([ours], { ciphers }), [
    'warning: config: listeners[0].tls.ciphers: No cipher of this list goes with a key of type ec, which the certificates have.\n' +
      "  Every client of TLS 1.2 fails. Expected ciphers for such keys, or 'minVersion: TLSv1.3'.",
  ]);
  assert.deepEqual(said([ours], { ciphers, minVersion: 'TLSv1.3' }), []);
  for (const good of ['HIGH:!aNULL', `${ciphers}:ECDHE-ECDSA-AES128-GCM-SHA256`, 'DEFAULT'])
    assert.deepEqual(said([ours], { ciphers: good }), []);
});
