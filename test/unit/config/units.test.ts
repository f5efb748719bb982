// Durations, sizes and addresses: what they mean once read. What is refused stands in mistakes/.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../../../src/base/problems.js';
import { readCidr, readDuration, readListenAddress, readServerAddress, readSize } from '../../../src/config/units.js';

test('a duration is read in milliseconds', () => {
  const cases: [unknown, number][] = [
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['30d', 2_592_000_000],
    ['0s', 0],
    ['10 s', 10_000],
    ['1s200ms', 1200],
    ['1h30m', 5_400_000],
    ['1h 30m 10s', 5_410_000],
    ['1d1h1m1s1ms', 90_061_001],
    ['30s1m', 90_000],
    ['1.005s', 1005],
    ['2.3s', 2300],
    ['0', 0],
    [0, 0],
  ];
  for (const [text, ms] of cases) assert.equal(readDuration(text), ms, String(text));
});

test('a size is read in bytes', () => {
  const cases: [unknown, number][] = [
    ['16KiB', 16_384],
    ['1.5MiB', 1_572_864],
    ['1GiB', 1_073_741_824],
    ['512B', 512],
    ['4096', 4096],
    [4096, 4096],
    [0, 0],
  ];
  for (const [text, bytes] of cases) assert.equal(readSize(text), bytes, String(text));
});

test('a listen address is read with and without a host', () => {
  const cases: [string, string, number][] = [
    ['0.0.0.0:8080', '0.0.0.0', 8080],
    [':8080', '0.0.0.0', 8080],
    ['[::1]:80', '::1', 80],
    ['[::]:65535', '::', 65_535],
  ];
  for (const [address, host, port] of cases) {
    assert.deepEqual(readListenAddress(address), { address, endpoint: { kind: 'tcp', host, port } });
  }
});

test('a server address is read as a host and port or as a unix socket', () => {
  const tcp = (address: string, host: string, port: number) => {
    assert.deepEqual(readServerAddress(address), { address, endpoint: { kind: 'tcp', host, port } });
  };
  tcp('10.0.0.11:3000', '10.0.0.11', 3000);
  tcp('[fd00::1]:3000', 'fd00::1', 3000);
  tcp('app_1.internal:80', 'app_1.internal', 80);
  tcp('localhost:80', 'localhost', 80);
  assert.deepEqual(readServerAddress('unix:/run/a b.sock'), {
    address: 'unix:/run/a b.sock',
    endpoint: { kind: 'unix', path: '/run/a b.sock' },
  });
});

test('a unix path that does not fit a socket address is refused', () => {
  assert.ok(readServerAddress(`unix:/${'a'.repeat(107)}`) instanceof Refusal);
  assert.ok(!(readServerAddress(`unix:/${'a'.repeat(106)}`) instanceof Refusal));
});

test('a CIDR range always carries its prefix length', () => {
  assert.equal(readCidr('10.0.0.0/8'), '10.0.0.0/8');
  assert.equal(readCidr('10.0.0.1'), '10.0.0.1/32');
  assert.equal(readCidr('fd00::/8'), 'fd00::/8');
  assert.equal(readCidr('::1'), '::1/128');
});
