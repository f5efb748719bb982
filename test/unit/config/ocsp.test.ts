// OCSP responses in files: which are stapled, which are not, and what is said of each.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatProblem } from '../../../src/base/problems.js';
import { issueCertificate } from '../../../src/cli/issue-certificate.js';
import { CertificateError } from '../../../src/config/certificates.js';
import { ConfigError } from '../../../src/config/config-error.js';
import { parseConfig } from '../../../src/config/load.js';
import { readStaple } from '../../../src/config/ocsp.js';
import { scratchDirectory } from '../../support/addresses.js';
import { endingAt, ocspResponse } from '../../support/ocsp.js';

const root = issueCertificate({ subject: 'root', authority: true });
const stranger = issueCertificate({ subject: 'root', authority: true });
const leaf = issueCertificate({ subject: 'leaf', names: ['shop.example'], issuer: root });
const other = issueCertificate({ subject: 'other', names: ['other.example'], issuer: root });
const chain = Buffer.from(leaf.cert + root.cert);
const good = ocspResponse({ certificate: leaf, issuer: root });
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const directory = scratchDirectory();

function file(name: string, bytes: Buffer | string): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

const goodFile = file('good.der', good);

function judged(name: string, now = Date.now(), pem: Buffer = chain): { staple: unknown; warnings: string[] } {
  const warnings: string[] = [];
  const staple = readStaple(
    name,
    pem,
    'chain.pem',
    ({ file: which, found }) => warnings.push(`${which}: ${found}`),
    now,
  );
  return { staple, warnings };
}

function refusal(bytes: Buffer | string, pem: Buffer = chain): string {
  try {
    readStaple(file('wrong.der', bytes), pem, 'chain.pem');
  } catch (error) {
    assert.ok(error instanceof CertificateError, String(error));
    assert.equal(error.file, 'ocsp');
    return error.message;
  }
  throw new Error('the response was taken');
}

test('a response for the certificate is taken as it is, until its nextUpdate', () => {
  const { staple, warnings } = judged(goodFile);
  assert.deepEqual(warnings, []);
  const { response, until } = staple as { response: Buffer; until: number };
  assert.deepEqual(response, good);
  assert.ok(Math.abs(until - Date.now() - 7 * DAY_MS) < 60_000);
});

test('issuers are named by other hashes too, and a response need not say when it ends', () => {
  const sha256 = ocspResponse({ certificate: leaf, issuer: root, hash: 'sha256' });
  assert.deepEqual(judged(file('sha256.der', sha256)).warnings, []);
  const endless = judged(file('endless.der', ocspResponse({ certificate: leaf, issuer: root, days: null })));
  assert.deepEqual(endless.warnings, []);
  assert.equal((endless.staple as { until: number }).until, Number.POSITIVE_INFINITY);
});

test('RSA keys are hashed as they are in the certificate, and a certificate may be its own issuer', () => {
  const own = issueCertificate({ subject: 'own', names: ['own.example'], keyType: 'rsa', authority: true });
  const response = file('own.der', ocspResponse({ certificate: own, issuer: own }));
  assert.notEqual(judged(response, Date.now(), Buffer.from(own.cert)).staple, null);
});

test('a response for another certificate, of another authority, or without the issuer at hand is refused', () => {
  assert.match(refusal(ocspResponse({ certificate: other, issuer: root })), /is for another certificate/);
  // The same name and serial number, but another key.
  assert.match(refusal(good, Buffer.from(leaf.cert + stranger.cert)), /is for another certificate/);
  const twin = issueCertificate({ subject: 'leaf', names: ['shop.example'], issuer: stranger });
  assert.match(refusal(ocspResponse({ certificate: twin, issuer: stranger })), /is for another certificate/);
  // Another hash of the issuer's name, and of its key: OCTET STRINGs of 20 bytes, in this order.
  const nameAt = good.indexOf(Buffer.of(0x04, 20)) + 2;
  const keyAt = good.indexOf(Buffer.of(0x04, 20), nameAt + 20) + 2;
  for (const at of [nameAt, keyAt]) {
    const spoilt = Buffer.from(good);
    spoilt[at]! ^= 1;
    assert.match(refusal(spoilt), /is for another certificate/);
  }
  assert.match(refusal(good, Buffer.from(leaf.cert)), /its issuer is not in that file.*behind that of the server/);
});

test('revoked and unknown certificates, and refused requests, are told by their names', () => {
  assert.match(refusal(ocspResponse({ certificate: leaf, issuer: root, status: 'revoked' })), /is revoked.*new certif/);
  assert.match(refusal(ocspResponse({ certificate: leaf, issuer: root, status: 'unknown' })), /is unknown/);
  assert.match(refusal(Buffer.from('30030a0106', 'hex')), /request failed \(unauthorized\)/);
  assert.match(refusal(Buffer.from('30030a0103', 'hex')), /request failed \(tryLater\)/);
});

test('what is no response is refused, cut at any byte and with any byte spoilt', () => {
  for (const bytes of ['', 'hello', leaf.cert, Buffer.from('3080', 'hex'), Buffer.concat([good, Buffer.of(0)])])
    assert.match(refusal(bytes), /There is no OCSP response in .*wrong\.der/);
  for (let at = 0; at < good.length; at++) assert.match(refusal(good.subarray(0, at)), /There is no OCSP response/);
  let taken = 0;
  for (let at = 0; at < good.length; at++) {
    const spoilt = Buffer.from(good);
    spoilt[at]! ^= 0x55;
    try {
      if (judged(file('spoilt.der', spoilt)).staple !== null) taken++;
    } catch (error) {
      assert.ok(error instanceof CertificateError, `byte ${at}: ${error}`);
    }
  }
  // The signature and the responder's certificate are the clients' to verify.
  assert.ok(taken > 0 && taken < good.length);
});

test('one that is out of date is not stapled, and one that soon will be is warned about', () => {
  const now = Date.now();
  for (const [at, says, stapled] of [
    [now + 8 * DAY_MS, /ocsp: .* was good until \d{4}-\d\d-\d\d \d\d:\d\d UTC and is not stapled/, false],
    [now - HOUR_MS, /is not good before .* and is not stapled/, false],
    [now + 7 * DAY_MS - 2 * HOUR_MS, /is good until .* UTC only/, true],
  ] as const) {
    const { staple, warnings } = judged(goodFile, at);
    assert.equal(staple !== null, stapled, String(says));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, says);
  }
  assert.deepEqual(judged(goodFile, now + 5 * DAY_MS).warnings, []);
  // One for four hours is not soon over after two.
  const short = file('short.der', endingAt(good, new Date(now + 4 * HOUR_MS)));
  assert.deepEqual(judged(short, now + 2 * HOUR_MS).warnings, []);
  assert.equal(judged(short, now + 3.5 * HOUR_MS).warnings.length, 1);
});

test('a configuration with a wrong response is refused at its place, one with an old response is warned about', () => {
  const configured = (ocsp: string): string => {
    const certificate = { cert: file('chain.pem', chain), key: file('leaf.key', leaf.key), ocsp };
    const document = {
      listeners: [{ address: '127.0.0.1:8443', protocol: 'https', tls: { certificates: [certificate] } }],
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: { servers: [{ address: '127.0.0.1:3000' }] } },
    };
    try {
      return parseConfig(JSON.stringify(document), join(directory, 'sevenfold.yaml'))
        .warnings.map(formatProblem)
        .join('');
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.problems.map(formatProblem).join('\n');
    }
  };
  assert.equal(configured('good.der'), '', 'relative to the configuration');
  assert.match(
    configured('none.der'),
    /listeners\[0\]\.tls\.certificates\[0\]\.ocsp: The file \S+none\.der does not exist\.\s+Expected a file with an OCSP/,
  );
  file('revoked.der', ocspResponse({ certificate: leaf, issuer: root, status: 'revoked' }));
  assert.match(configured('revoked.der'), /certificates\[0\]\.ocsp: .* is revoked/);
  file('old.der', endingAt(good, new Date(Date.now() - 1000)));
  assert.match(configured('old.der'), /certificates\[0\]\.ocsp: .* was good until/);
});
