// Who the client is behind trusted proxies: what the fields say, read from the right, and what nobody can make of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressText } from '../../../src/base/addresses.js';
import { ClientAddressField, NOT_STATED } from '../../../src/exchange/client-address.js';
import { Trust } from '../../../src/exchange/trust.js';
import { matchRequest } from '../../support/match-request.js';

const trust = new Trust(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);

/** The client that these fields name, as text; `peer` when they name none, `unknown` when nobody can know. */
function client(name: string, ...fields: (string | readonly [name: string, value: string])[]): string {
  const headers = fields.map((field) => (typeof field === 'string' ? ([name, field] as const) : field));
  const view = matchRequest({ url: '/', headers });
  const out = new Uint8Array(16);
  const length = new ClientAddressField(name).read(view.bytes, view.head!, trust, out);
  return length === NOT_STATED ? 'peer' : length === 0 ? 'unknown' : addressText(out.subarray(0, length));
}

test('X-Forwarded-For is read from the right, past every trusted address', () => {
  const rows: [string[], string][] = [
    [['203.0.113.9'], '203.0.113.9'],
    [['203.0.113.9, 10.0.0.1'], '203.0.113.9'],
    [['198.51.100.1, 203.0.113.9, 10.0.0.2, 192.0.2.7'], '203.0.113.9'],
    [['198.51.100.1', '203.0.113.9', '10.0.0.1'], '203.0.113.9'],
    [['198.51.100.1,203.0.113.9', ' 10.0.0.1 ,'], '203.0.113.9'],
    [['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    [['203.0.113.9:51234, [fd00::1]:80, fd00::2'], '203.0.113.9'],
    [['2001:db8::1, fd00::2'], '2001:db8::1'],
    [['::ffff:203.0.113.9'], '203.0.113.9'],
    [[''], 'peer'],
    [[' , ,, '], 'peer'],
    [[], 'peer'],
  ];
  assert.equal(client('X-Forwarded-For', ['X-Other', '203.0.113.9']), 'peer');
  for (const [fields, address] of rows) assert.equal(client('X-Forwarded-For', ...fields), address, String(fields));
});

test('what stands next to the trusted proxies and is no address makes the client unknown', () => {
  for (const last of [
    'unknown',
    '_hidden',
    'unix:',
    'nonsense',
    '10.0.0.999',
    'a b',
    '"203.0.113.9"',
    '203.0.113.9 203.0.113.10',
  ]) {
    assert.equal(client('X-Forwarded-For', `203.0.113.9, ${last}, 10.0.0.1`), 'unknown', last);
  }
});

test('what a stranger wrote before is never looked at', () => {
  for (const junk of ['unknown', '"', '\\', '(', 'for="', '[', '10.0.0.1', '\t']) {
    assert.equal(client('X-Forwarded-For', `${junk}, 203.0.113.9`), '203.0.113.9', junk);
    assert.equal(client('X-Forwarded-For', junk, '203.0.113.9, 10.0.0.1'), '203.0.113.9', junk);
    assert.equal(client('Forwarded', `for=${junk}, for=203.0.113.9`), '203.0.113.9', junk);
    assert.equal(client('Forwarded', `for="${junk}`, 'for=203.0.113.9, for=10.0.0.1'), '203.0.113.9', junk);
  }
});

test('Forwarded is read as RFC 7239 says', () => {
  const rows: [string[], string][] = [
    [['for=203.0.113.9'], '203.0.113.9'],
    [['For="203.0.113.9:4711"'], '203.0.113.9'],
    [['for=203.0.113.9;proto=http;by=10.0.0.1'], '203.0.113.9'],
    [['by="a;for=1.2.3.4,x"; for=203.0.113.9 , for=10.0.0.1'], '203.0.113.9'],
    [['for="[2001:db8:cafe::17]:4711"'], '2001:db8:cafe::17'],
    [['for="[2001:db8:cafe::17]";proto=https, for="[fd00::2]:_port"'], '2001:db8:cafe::17'],
    [['for="_gazonk"'], 'unknown'],
    [['for=unknown, for=10.0.0.1'], 'unknown'],
    [['for=203.0.113.9, proto=https, for=10.0.0.1'], 'unknown'],
    [['for=203.0.113.9;for=203.0.113.10'], 'unknown'],
    [['for="203.0.113\\.9"'], 'unknown'],
    [['for=203.0.113.9"'], 'unknown'],
    [['203.0.113.9'], 'unknown'],
    [[''], 'peer'],
  ];
  for (const [fields, address] of rows) assert.equal(client('Forwarded', ...fields), address, String(fields));
});

test('a field of its own holds one address, and stands once', () => {
  const name = 'CF-Connecting-IP';
  assert.equal(client(name, ['cf-connecting-ip', '203.0.113.9']), '203.0.113.9');
  assert.equal(client(name, '2001:db8::1'), '2001:db8::1');
  assert.equal(client(name, ['X-Forwarded-For', '203.0.113.9']), 'peer');
  assert.equal(client(name, ''), 'peer');
  for (const value of ['203.0.113.9, 203.0.113.10', 'nonsense', 'unknown'])
    assert.equal(client(name, value), 'unknown', value);
  assert.equal(client(name, '203.0.113.9', '203.0.113.9'), 'unknown');
  // A trusted address in it is an address like others: nobody appends to it.
  assert.equal(client(name, '10.0.0.9'), '10.0.0.9');
});

test('whatever strangers write, the address that a trusted proxy appended decides', () => {
  const junk = fc.string({
    unit: fc.constantFrom('"', '\\', ',', ';', '=', ' ', 'for', '10.0.0.1', '[', ']', ':', '1', 'a'),
  });
  fc.assert(
    fc.property(junk, (before) => {
      assert.equal(client('X-Forwarded-For', `${before}, 203.0.113.9, 10.0.0.1`), '203.0.113.9');
      assert.equal(client('Forwarded', `${before}, for="[2001:db8::1]:1";proto=http, for=10.0.0.1`), '2001:db8::1');
    }),
    { numRuns: 5000 },
  );
});
