// Peer addresses as text, and whether they are trusted.

import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressText } from '../../../src/base/addresses.js';
import { PEER_BYTES } from '../../../src/engine/layout.js';
import { peerBytes, Trust } from '../../../src/exchange/trust.js';

/** The address of the peer in slot 1. */
const textOf = (peers: Uint8Array): string => addressText(peers, PEER_BYTES + 4, peerBytes(peers, 1));

/** A record in slot 1, behind one that must not be looked at. */
function peer(family: number, address: readonly number[]): Uint8Array {
  const peers = new Uint8Array(2 * PEER_BYTES).fill(0xee);
  peers[PEER_BYTES] = family;
  peers.set(address, PEER_BYTES + 4);
  return peers;
}

const v6 = (...groups: number[]): Uint8Array =>
  peer(
    6,
    groups.flatMap((group) => [group >> 8, group & 255]),
  );

test('addresses are written as RFC 5952 says', () => {
  const rows: [number[], string][] = [
    [[0, 0, 0, 0, 0, 0, 0, 0], '::'],
    [[0, 0, 0, 0, 0, 0, 0, 1], '::1'],
    [[1, 0, 0, 0, 0, 0, 0, 0], '1::'],
    [[0x2001, 0xdb8, 0, 0, 0, 0, 2, 1], '2001:db8::2:1'],
    [[0x2001, 0xdb8, 0, 1, 1, 1, 1, 1], '2001:db8:0:1:1:1:1:1'],
    [[0x2001, 0, 0, 1, 0, 0, 0, 1], '2001:0:0:1::1'],
    [[0x2001, 0xdb8, 0, 0, 1, 0, 0, 1], '2001:db8::1:0:0:1'],
    [[1, 2, 3, 4, 5, 6, 0, 0], '1:2:3:4:5:6::'],
    [[0, 0, 3, 4, 5, 6, 7, 8], '::3:4:5:6:7:8'],
    [[0, 2, 3, 4, 5, 6, 7, 0], '0:2:3:4:5:6:7:0'],
    [[0xfe80, 0, 0, 0, 0xabcd, 0x0a, 0xf, 0xffff], 'fe80::abcd:a:f:ffff'],
  ];
  for (const [groups, text] of rows) assert.equal(textOf(v6(...groups)), text);
  assert.equal(textOf(peer(4, [192, 0, 2, 255])), '192.0.2.255');
  assert.equal(textOf(peer(0, [])), '');
});

test('what is written is read back as the same address, for any IPv6 address', () => {
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const text = textOf(v6(...groups));
      const list = new BlockList();
      list.addAddress(groups.map((value) => value.toString(16).padStart(4, '0')).join(':'), 'ipv6');
      assert.ok(list.check(text, 'ipv6'), text);
    }),
  );
});

test('only peers inside a range are trusted, and nobody without one', () => {
  const holds = (ranges: string[], peers: Uint8Array): boolean => new Trust(ranges).holds(peers, 1);
  const four = peer(4, [10, 1, 2, 3]);
  assert.ok(!holds([], four));
  assert.ok(holds(['10.0.0.0/8'], four));
  assert.ok(holds(['192.0.2.1', '10.1.2.3'], four));
  assert.ok(!holds(['10.1.2.4', '10.2.0.0/16'], four));
  const six = v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
  assert.ok(holds(['2001:db8::/32'], six));
  assert.ok(holds(['2001:db8::7'], six));
  assert.ok(!holds(['2001:db8:1::/48', '0.0.0.0/0'], six));
  assert.ok(!holds(['::/0'], four), 'all of IPv6 is not all of IPv4');
});

test('a peer at a unix socket is trusted by no range', () => {
  assert.ok(!new Trust(['0.0.0.0/0', '::/0']).holds(peer(0, []), 1));
});
