// The benchmark over HTTP/2: what h2load is asked, and what it prints.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contestantsOf } from '../../../bench/closed-phase.js';
import { allContestants } from '../../../bench/contestants/contestant.js';
import { h2loadArguments, parseH2load } from '../../../bench/load/h2load.js';
import { parseOptions } from '../../../bench/options.js';
import { WORKLOADS } from '../../../bench/workloads.js';

const SUMMARY = `starting benchmark...
finished in 2.00s, 5467.00 req/s, 1.20MB/s
requests: 10934 total, 11446 started, 10934 done, 10931 succeeded, 3 failed, 1 errored, 2 timeout
status codes: 10930 2xx, 0 3xx, 1 4xx, 0 5xx
`;

test('reads what h2load prints, and percentiles from its log', () => {
  const log = Array.from({ length: 1000 }, (_, i) => `1700000000000000\t200\t${1000 - i}`).join('\n');
  assert.deepEqual(parseH2load(SUMMARY, `${log}\n`), {
    requests: 10_931,
    badStatuses: 1,
    socketErrors: 3,
    seconds: 2,
    latencyUs: [501, 751, 901, 991, 1000, 1000],
  });
  assert.throws(() => parseH2load('no server', ''), /printed no figures/);
});

test('h2load asks the same as the others do, without what describes a connection of HTTP/1', () => {
  const workload = WORKLOADS.find(({ id }) => id === 'h2')!;
  const args = h2loadArguments({
    scheme: 'https',
    host: '127.0.0.1',
    port: 8443,
    authority: 'bench.example.com',
    workload,
    pinned: true,
    connections: 64,
    seconds: 3,
    cores: undefined,
    threads: 1,
    directory: '/nowhere',
  });
  assert.deepEqual(args.slice(0, 7), [
    ...['-D3', '-c64', '-t1', '-m8', '--npn-list=h2'],
    ...['--tls13-ciphers=TLS_AES_128_GCM_SHA256', '--groups=X25519'],
  ]);
  const headers = args.filter((_, i) => args[i - 1] === '-H');
  assert.equal(headers[0], ':authority: bench.example.com');
  assert.equal(headers.length, workload.headers.length);
  assert.ok(!headers.some((header) => header.startsWith('connection')));
  assert.equal(args.at(-1), 'https://127.0.0.1:8443/small');
});

test('HTTP/2 is measured of those who speak it', () => {
  const workload = WORKLOADS.find(({ id }) => id === 'h2')!;
  const options = parseOptions([], 2);
  const taking = contestantsOf({ contestants: allContestants(), options }, workload);
  assert.deepEqual(
    taking.map(({ family }) => family).filter((family) => family !== 'nginx'),
    ['sevenfold', 'haproxy'],
  );
});
