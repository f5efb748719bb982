// The PROXY protocol's two formats: what is a header, what is not, and how little of one is enough to tell.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress } from '../../../src/base/addresses.js';
import {
  crc32c,
  PROXY_BYTES_MAX,
  type ProxyAddresses,
  proxyHeader,
  proxyHeaderOfOwn,
  readProxyHeader,
} from '../../../src/base/proxy-protocol.js';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const SIGNATURE = latin1('\r\n\r\n\0\r\nQUIT\n');
const V4 = [192, 0, 2, 1, 198, 51, 100, 2, 0xdb, 0x1c, 0x01, 0xbb];
const V6 = [...parseAddress('2001:db8::1')!, ...parseAddress('2001:db8::2')!, 0xdb, 0x1c, 0x01, 0xbb];

/** A header of version 2; `length` is what it says of its own length. */
function binary(command: number, family: number, rest: readonly number[], length = rest.length): Buffer {
  return Buffer.concat([SIGNATURE, Uint8Array.of(command, family, length >> 8, length & 0xff, ...rest)]);
}

const tlv = (type: number, value: readonly number[], length = value.length): number[] => [
  type,
  length >> 8,
  length & 0xff,
  ...value,
];

/** A header of version 2 over IPv4 with its checksum among the extras; `add` spoils it. */
function summed(add = 0): Buffer {
  const header = binary(0x21, 0x11, [...V4, ...tlv(0xe0, [1, 2]), ...tlv(0x03, [0, 0, 0, 0]), ...tlv(0x04, [])]);
  const at = 16 + V4.length + 5 + 3;
  header.writeUInt32BE((crc32c(header) + add) >>> 0, at);
  return header;
}

/** What a header says, as text; `null` when it means the socket's own ends. */
function said(addresses: ProxyAddresses | null): string | null {
  if (addresses === null) return null;
  const { source, sourcePort, destination, destinationPort } = addresses;
  return `${source.join('.')} ${sourcePort} > ${destination.join('.')} ${destinationPort}`;
}

const IPV4_SAYS = '192.0.2.1 56092 > 198.51.100.2 443';
const IPV6_SAYS = '32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1 56092 > 32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.2 443';

const GOOD: readonly (readonly [name: string, bytes: Buffer, says: string | null])[] = [
  ['v1 over IPv4', latin1('PROXY TCP4 192.0.2.1 198.51.100.2 56092 443\r\n'), IPV4_SAYS],
  ['v1 over IPv6', latin1('PROXY TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:2 56092 443\r\n'), IPV6_SAYS],
  ['v1, mapped IPv4', latin1('PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 56092 443\r\n'), IPV4_SAYS],
  ['v1, port 0', latin1('PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\n'), '1.2.3.4 0 > 5.6.7.8 65535'],
  ['v1 UNKNOWN', latin1('PROXY UNKNOWN\r\n'), null],
  ['v1 UNKNOWN with words behind it', latin1('PROXY UNKNOWN ffff::1 \0\x01 x\r\n'), null],
  ['v1, the longest there is', latin1(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), null],
  ['v2 over IPv4', binary(0x21, 0x11, V4), IPV4_SAYS],
  ['v2 over IPv6', binary(0x21, 0x21, V6), IPV6_SAYS],
  [
    'v2, mapped IPv4',
    binary(0x21, 0x21, [...new Array<number>(10).fill(0), 255, 255, 192, 0, 2, 1, ...V6.slice(16)]),
    '0.0.0.0.0.0.0.0.0.0.255.255.192.0.2.1 56092 > 32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.2 443',
  ],
  ['v2 with extras nobody knows', binary(0x21, 0x11, [...V4, ...tlv(0xee, [1, 2, 3]), ...tlv(0x20, [])]), IPV4_SAYS],
  ['v2 with a checksum', summed(), IPV4_SAYS],
  ['v2 over UDP', binary(0x21, 0x12, V4), null],
  ['v2 over a unix socket', binary(0x21, 0x31, new Array<number>(216).fill(0x2f)), null],
  ['v2 of an unspecified family', binary(0x21, 0x00, []), null],
  ['v2 of an unspecified family, with bytes', binary(0x21, 0x00, [1, 2, 3]), null],
  ['v2 LOCAL', binary(0x20, 0x00, []), null],
  ['v2 LOCAL with addresses and rubbish', binary(0x20, 0x11, [...V4, 9, 9]), null],
  [
    'v2, the longest there is',
    binary(0x21, 0x11, [...V4, ...tlv(0xe1, new Array<number>(PROXY_BYTES_MAX - 16 - 12 - 3).fill(1))]),
    IPV4_SAYS,
  ],
];

describe('a header', () => {
  for (const [name, bytes, says] of GOOD) {
    test(`${name}: is read, and not a byte behind it`, () => {
      for (const behind of ['', 'GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01']) {
        const header = readProxyHeader(Buffer.concat([bytes, latin1(behind)]));
        assert.ok(typeof header === 'object', String(header));
        assert.equal(header.bytes, bytes.length);
        assert.equal(said(header.addresses), says);
      }
    });

    test(`${name}: every shorter part of it is partial`, () => {
      for (let length = 0; length < bytes.length; length++)
        assert.equal(readProxyHeader(bytes.subarray(0, length)), 'partial', `${length} bytes`);
    });
  }

  test('lies in the middle of other memory as well', () => {
    const memory = Buffer.concat([latin1('xx'), GOOD[0]![1], latin1('yy')]);
    const header = readProxyHeader(memory.subarray(2));
    assert.ok(typeof header === 'object');
    assert.equal(said(header.addresses), IPV4_SAYS);
  });
});

const BAD: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['a request', latin1('GET / HTTP/1.1\r\n')],
  ['a TLS handshake', latin1('\x16\x03\x01\x02\x00\x01')],
  ['one wrong byte', latin1('X')],
  ['the method PROPFIND', latin1('PROP')],
  ['lower case', latin1('proxy ')],
  ['no space behind PROXY', latin1('PROXYTCP4')],
  ['an unknown family', latin1('PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n')],
  ['UNKNOWN and something attached', latin1('PROXY UNKNOWNS\r\n')],
  ['addresses of the other family', latin1('PROXY TCP4 ::1 ::2 1 2\r\n')],
  ['addresses of the other family still', latin1('PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n')],
  ['a zone', latin1('PROXY TCP6 fe80::1%lo ::2 1 2\r\n')],
  ['leading zeros in an address', latin1('PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n')],
  ['leading zeros in a port', latin1('PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n')],
  ['a port too large', latin1('PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n')],
  ['a negative port', latin1('PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n')],
  ['a port missing', latin1('PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n')],
  ['a field too many', latin1('PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n')],
  ['two spaces', latin1('PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n')],
  ['a space at the end', latin1('PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n')],
  ['a tab', latin1('PROXY TCP4\t1.2.3.4 5.6.7.8 1 2\r\n')],
  ['a bare LF', latin1('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n')],
  ['a bare LF behind a port that would do without its last digit', latin1('PROXY TCP4 1.2.3.4 5.6.7.8 1 22\n')],
  ['UNKNOWN and a bare LF', latin1('PROXY UNKNOWN 1\n')],
  ['a bare LF in the middle', latin1('PROXY TCP4 1.2.3.4\n5.6.7.8 1 2\r\n')],
  ['a CR in the middle', latin1('PROXY TCP4 1.2.3.4 5.6.7.8 1\r 2\r\n')],
  ['a line too long by one', latin1(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`)],
  ['a line that does not end', latin1(`PROXY TCP4 ${'1'.repeat(96)}`)],
  ['a signature that breaks off', latin1('\r\n\r\n\0\r\nQUIZ')],
  ['an empty line and a request', latin1('\r\nGET / HTTP/1.1\r\n')],
  ['version 1 in the binary form', binary(0x11, 0x11, V4).subarray(0, 13)],
  ['version 3', binary(0x31, 0x11, V4).subarray(0, 13)],
  ['an unknown command', binary(0x22, 0x11, V4).subarray(0, 13)],
  ['an unknown family in binary', binary(0x21, 0x41, V4).subarray(0, 14)],
  ['an unknown transport', binary(0x21, 0x13, V4).subarray(0, 14)],
  ['a length over the bound', binary(0x21, 0x11, V4, PROXY_BYTES_MAX - 15).subarray(0, 16)],
  ['the greatest length', binary(0x20, 0x00, [], 65_535)],
  ['a length too short for its IPv4 addresses', binary(0x21, 0x11, V4.slice(0, 11))],
  ['a length too short for its IPv6 addresses', binary(0x21, 0x21, V6.slice(0, 35))],
  ['an extra cut in its length', binary(0x21, 0x11, [...V4, 0xee, 0])],
  ['an extra longer than the header', binary(0x21, 0x11, [...V4, ...tlv(0xee, [1, 2], 3)])],
  ['a checksum of three bytes', binary(0x21, 0x11, [...V4, ...tlv(0x03, [0, 0, 0])])],
  ['a wrong checksum', summed(1)],
];

describe('no header', () => {
  for (const [name, bytes] of BAD) {
    test(`${name}: is invalid, whatever follows, and said to be partial at most before`, () => {
      assert.equal(readProxyHeader(bytes), 'invalid');
      assert.equal(readProxyHeader(Buffer.concat([bytes, latin1('\r\nGET / HTTP/1.1\r\n\r\n')])), 'invalid');
      for (let length = 0; length < bytes.length; length++)
        assert.notEqual(typeof readProxyHeader(bytes.subarray(0, length)), 'object', `${length} bytes`);
    });
  }

  test('a byte changed anywhere in a header with a checksum is found', () => {
    for (let at = 0; at < summed().length; at++) {
      const bytes = summed();
      bytes[at]! ^= 0x20;
      const header = readProxyHeader(bytes);
      // Another length can ask for more, and a type other than the checksum's leaves nothing to compare with.
      if (at === 14 || at === 15 || at === 33 || (at >= 28 && at < 31)) continue;
      const isLocal = typeof header === 'object' && header.addresses === null;
      assert.ok(header === 'invalid' || isLocal, `byte ${at}: ${JSON.stringify(header)}`);
    }
  });

  test('random bytes behind a good beginning never throw, and never claim more than there is', () => {
    let seed = 1;
    const next = (): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 16) & 0xff;
    };
    for (let round = 0; round < 20_000; round++) {
      const start = round % 2 === 0 ? SIGNATURE : latin1('PROXY TCP4 ');
      const bytes = Buffer.concat([start, Uint8Array.from({ length: next() % 64 }, next)]);
      const header = readProxyHeader(bytes);
      if (typeof header === 'object') assert.ok(header.bytes <= bytes.length);
    }
  });
});

test('crc32c is the one of iSCSI', () => {
  assert.equal(crc32c(latin1('123456789')), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
});

describe('what is written', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['192.0.2.1', '198.51.100.2'],
    ['2001:db8::1', '::1'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe'],
  ];
  for (const [from, to] of cases) {
    const ends = {
      source: parseAddress(from)!,
      sourcePort: 56_092,
      destination: parseAddress(to)!,
      destinationPort: 443,
    };
    for (const version of ['v1', 'v2'] as const) {
      test(`${version} for ${from}: is read as the same`, () => {
        const bytes = proxyHeader(version, ends);
        assert.deepEqual(readProxyHeader(bytes), { bytes: bytes.length, addresses: ends });
      });
    }
  }

  test('is what the specification shows', () => {
    const ends = {
      source: parseAddress('192.168.0.1')!,
      sourcePort: 56_324,
      destination: parseAddress('192.168.0.11')!,
      destinationPort: 443,
    };
    assert.equal(
      Buffer.from(proxyHeader('v1', ends)).toString('latin1'),
      'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n',
    );
    const head = '0d0a0d0a000d0a515549540a' + '2111000c';
    assert.equal(Buffer.from(proxyHeader('v2', ends)).toString('hex'), `${head}c0a80001c0a8000bdc0401bb`);
  });

  test('for connections on nobody’s behalf is read as such', () => {
    for (const version of ['v1', 'v2'] as const) {
      const bytes = proxyHeaderOfOwn(version);
      assert.deepEqual(readProxyHeader(bytes), { bytes: bytes.length, addresses: null });
    }
  });
});
