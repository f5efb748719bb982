// Addresses read from bytes: the same ones that Node's own reader takes, with and without brackets and ports.

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressText, parseAddress } from '../../../src/base/addresses.js';
import { readNode } from '../../../src/http/address-bytes.js';

/** What stands in `text`, as text; '' when it is no address. Bytes on both sides must not be looked at. */
function read(text: string): string {
  const bytes = Buffer.from(`9${text}9`, 'latin1');
  const out = new Uint8Array(16).fill(0xaa);
  const length = readNode(bytes, 1, bytes.length - 1, out);
  return length === 0 ? '' : addressText(out.subarray(0, length));
}

test('addresses stand alone, in brackets and with ports', () => {
  const rows: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:8080', '192.0.2.1'],
    ['192.0.2.1:_port', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:DB8::1]:443', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['[::ffff:c000:201]:1', '192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ];
  for (const [text, address] of rows) assert.equal(read(text), address, text);
});

test('what only looks like an address is none', () => {
  const rows = [
    ...['', ' ', 'unknown', '_hidden', 'unix:', 'localhost', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4 '],
    ...['1.2.3.4:', '1.2.3.4:65536', '1.2.3.4:8o', '0x7f.0.0.1', '1..2.3', '2130706433', '-1.2.3.4'],
    ...[
      '[',
      '[]',
      '[::1',
      '[::1]:',
      '[::1]x',
      '[1.2.3.4]',
      '::1]',
      'fe80::1%eth0',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
    ],
    ...[
      ':::',
      '1:::2',
      '1::2::3',
      ':1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:',
      '12345::',
      '1.2.3.4::',
      '::1.2.3',
      'g::1',
      '1:2:3:4:5:6:7:1.2.3.4',
    ],
  ];
  for (const text of rows) assert.equal(read(text), '', text);
});

test('any address that Node writes or takes is read alike, and nothing else', () => {
  const octet = fc.nat(299).map(String);
  const v4 = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.'));
  const group = fc.oneof(
    fc.constant('0'),
    fc.nat(0x1ffff).map((value) => value.toString(16)),
    fc.constant(''),
  );
  const v6 = fc
    .array(fc.oneof({ weight: 9, arbitrary: group }, v4), { minLength: 1, maxLength: 9 })
    .map((parts) => parts.join(':'));
  const full = fc
    .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
    .map((groups) => addressText(Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 255]))));
  fc.assert(
    fc.property(fc.oneof(v4, v6, full), (text) => {
      const wanted = isIP(text) === 0 ? '' : addressText(parseAddress(text)!);
      // A port may follow IPv4: `1.2.3.4:5` is no address to Node.
      if (wanted === '' && /^[\d.]+:\d+$/.test(text)) return;
      assert.equal(read(text), wanted, text);
    }),
    { numRuns: 20_000 },
  );
});
