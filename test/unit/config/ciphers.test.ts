// Lists of ciphers in OpenSSL's words: what is refused, what passes, and which keys they go with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ciphersServe, ciphersTrouble, standardName } from '../../../src/config/ciphers.js';

const said = (list: string): string[] => ciphersTrouble(list).map(({ found, expected }) => `${found} ${expected}`);

test('names, keywords, operators and commands of OpenSSL pass', () => {
  for (const list of [
    'HIGH:!aNULL:!MD5:!RC4:!EXPORT:!LOW',
    'DEFAULT@SECLEVEL=1',
    'DEFAULT:!kRSA',
    'ECDHE+AESGCM:ECDHE+CHACHA20:-AES256:@STRENGTH',
    'ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256',
    'ALL:+kRSA!aNULL',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
  ]) {
    assert.deepEqual(said(list), [], list);
  }
});

test('what OpenSSL would pass over is refused, each name by itself, with what was meant', () => {
  for (const [list, ...says] of [
    ['NOSUCH', /^'NOSUCH' is not a cipher of OpenSSL here\. Expected a name that 'openssl ciphers' knows\.$/],
    ['HIGH:!aNUL', /^'aNUL' is not .* Did you mean aNULL\?$/],
    ['ecdhe-rsa-aes128-gcm-sha256', /Did you mean ECDHE-RSA-AES128-GCM-SHA256\?$/],
    ['HIGH:FOO+AES:@BAR', /^'FOO' is not/, /^'@BAR' is not .* Expected @STRENGTH/],
    ['HIGH:*', /^'\*' is not a cipher/],
    ['HIGH:DEFAULT', /^'DEFAULT' stands behind others\./],
    ['HIGH:EXPORT', /^OpenSSL has no cipher of 'EXPORT' here\./],
    ['HIGH:!HIGH', /^No cipher is left of this list\./],
    ['TLS_AES_128_GCM_SHA256', /^'TLS_AES_128_GCM_SHA256' is a cipher of TLS 1\.3\./],
    ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', /OpenSSL has for it: ECDHE-RSA-AES128-GCM-SHA256\.$/],
  ] as const) {
    const found = said(list);
    assert.equal(found.length, says.length, `${list}: ${found.join(' ')}`);
    for (const [index, pattern] of says.entries()) assert.match(found[index]!, pattern);
  }
});

test('a list goes with a key when one of its ciphers is signed by such keys, and is served', () => {
  for (const [list, rsa, ec] of [
    ['HIGH:!aNULL', true, true],
    ['ECDHE-RSA-AES128-GCM-SHA256', true, false],
    ['ECDHE-ECDSA-AES128-GCM-SHA256', false, true],
    ['AES128-GCM-SHA256', true, false],
    ['DHE-RSA-AES128-GCM-SHA256', false, false],
    ['PSK', false, false],
  ] as const) {
    assert.equal(ciphersServe(list, 'rsa'), rsa, `${list} with RSA`);
    for (const type of ['ec', 'ed25519']) assert.equal(ciphersServe(list, type), ec, `${list} with ${type}`);
  }
});

test('the usual suites of TLS 1.2 have a standard name', () => {
  assert.equal(standardName('ecdhe-rsa-aes128-gcm-sha256'), 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256');
  assert.equal(standardName('AES128-SHA'), undefined);
});
