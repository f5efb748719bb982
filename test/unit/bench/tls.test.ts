// The benchmark over TLS: that handshakes are what they are counted as, and that everybody speaks the same.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer, type Server } from 'node:tls';
import { certificatesIn } from '../../../bench/certificate.js';
import { type TlsVisit, wrongVisit } from '../../../bench/check.js';
import { type Instructions, instructionRows, parsePerfStat } from '../../../bench/lab/instructions.js';
import { type HandshakePlan, runHandshakes } from '../../../bench/load/handshake-client.js';
import { parseOptions } from '../../../bench/options.js';
import { tablesOf } from '../../../bench/report/tables.js';
import { opensslOffer, TLS_OFFER } from '../../../bench/tls-offer.js';
import { WORKLOADS } from '../../../bench/workloads.js';
import { sampleResult } from './sample-result.js';

interface Seen {
  readonly resumed: boolean;
  readonly version: string | null;
  readonly cipher: string;
}

interface TlsServer {
  readonly server: Server;
  readonly plan: HandshakePlan;
  readonly seen: Seen[];
}

/** A server with both kinds of certificate that answers each connection once, and the plan of a short load on it. */
async function startServer(t: TestContext, onConnection: (server: Server) => void = () => {}): Promise<TlsServer> {
  const directory = mkdtempSync(join(tmpdir(), 'sevenfold-bench-tls-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const { ecdsa, rsa } = certificatesIn(directory);
  const pairs = [ecdsa, rsa];
  const seen: Seen[] = [];
  const server = createServer(
    {
      cert: pairs.map(({ certPath }) => readFileSync(certPath)),
      key: pairs.map(({ keyPath }) => readFileSync(keyPath)),
    },
    (socket) => {
      seen.push({
        resumed: socket.isSessionReused(),
        version: socket.getProtocol(),
        cipher: socket.getCipher().name,
      });
      socket.on('error', () => {});
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'));
    },
  );
  server.on('connection', () => onConnection(server));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const plan: HandshakePlan = {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    servername: 'bench.example.com',
    request: 'GET / HTTP/1.1\r\nHost: bench.example.com\r\nConnection: close\r\n\r\n',
    handshake: 'full',
    pinned: true,
    connections: 4,
    seconds: 0.2,
  };
  return { server, plan, seen };
}

for (const key of ['ecdsa', 'rsa'] as const) {
  test(`full handshakes are full, with the ${key} certificate, and every one is counted`, async (t) => {
    const { plan, seen } = await startServer(t);
    const result = await runHandshakes({ ...plan, key });
    assert.deepEqual([result.badStatuses, result.socketErrors], [0, 0]);
    assert.equal(result.requests, seen.length);
    assert.ok(result.requests > 4);
    for (const { resumed, version, cipher } of seen) {
      assert.deepEqual(
        { resumed, version, cipher },
        { resumed: false, version: TLS_OFFER.version, cipher: TLS_OFFER.cipher },
      );
    }
    assert.ok(result.latencyUs.every((us, at) => us > 0 && us >= (result.latencyUs[at - 1] ?? 0)));
  });
}

test('resumed handshakes are resumed, all but the first, which is not counted', async (t) => {
  const { plan, seen } = await startServer(t);
  const result = await runHandshakes({ ...plan, handshake: 'resumed' });
  assert.deepEqual([result.badStatuses, result.socketErrors], [0, 0]);
  assert.equal(result.requests, seen.length - 1);
  assert.deepEqual([seen[0]!.resumed, seen.slice(1).every(({ resumed }) => resumed)], [false, true]);
});

test('a resumption that a server turns down counts as failed, not as cheap', async (t) => {
  const forgets = (server: Server): void => server.setTicketKeys(randomBytes(48));
  const { plan } = await startServer(t, forgets);
  const result = await runHandshakes({ ...plan, handshake: 'resumed', connections: 1 });
  assert.ok(result.badStatuses > 0);
  assert.equal(result.badStatuses, result.requests);
});

test('the check names what a handshake was, and what it should have been', () => {
  const wanted = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', key: 'ec', resumed: false };
  const found: TlsVisit = { ...wanted, session: Buffer.alloc(1) };
  assert.equal(wrongVisit(found, wanted), undefined);
  const other = { ...found, cipher: 'TLS_AES_256_GCM_SHA384' };
  assert.match(wrongVisit(other, wanted) ?? '', /cipher was TLS_AES_256_GCM_SHA384, expected TLS_AES_128_GCM_SHA256/);
  assert.match(wrongVisit({ ...found, resumed: true }, wanted) ?? '', /resumed was true, expected false/);
  assert.match(wrongVisit({ ...found, session: undefined }, wanted) ?? '', /no session/);
});

test('programs on OpenSSL are told the same offer as node:tls', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sevenfold-bench-tls-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const text = readFileSync(opensslOffer(directory).OPENSSL_CONF!, 'utf8');
  for (const value of Object.values(TLS_OFFER)) assert.ok(text.includes(` = ${value}\n`), value);
});

test('--only https measures every workload over TLS, and no other, also with --quick', () => {
  const secure = WORKLOADS.filter(({ tls }) => tls).map(({ id }) => id);
  assert.deepEqual(secure, ['https', 'https-1m', 'h2', 'h2-1m', 'handshake', 'resume', 'handshake-rsa']);
  for (const only of ['https', 'sevenfold-https,nginx-https'])
    assert.deepEqual(parseOptions(['--only', only, '--quick'], 2).workloads, secure);
  assert.deepEqual(parseOptions(['--only', 'l7,https', '--quick'], 2).workloads, ['browser']);
  assert.deepEqual(parseOptions(['--only', 'https', '--workloads', 'resume'], 2).workloads, ['resume']);
});

test('the table of a workload with large answers tells what a GiB costs', () => {
  const tables = tablesOf(sampleResult());
  const [head, row] = tables.find(({ title }) => title.includes('(64k)'))!.rows;
  assert.equal(head!.at(-1), 'CPU s/GiB');
  // 4.9 µs for 64 KiB, by the least round.
  assert.match(row!.at(-1)!, /\(0\.080\.\./);
  assert.ok(!tables.find(({ title }) => title.includes('(browser)'))!.rows[0]!.includes('CPU s/GiB'));
});

test('reads what perf counted, and takes ratios within rounds', () => {
  const counts = parsePerfStat('123456,,instructions:u,10,100.00,,\n789,,instructions:k,10,100.00,,\n');
  assert.deepEqual(counts, { user: 123_456, kernel: 789 });
  assert.throws(() => parsePerfStat('<not supported>,,instructions:u,0,100.00,,\n'), /counted no instructions/);
  const rounds = (scale: number): Map<number, Instructions> =>
    new Map([0, 1].map((round) => [round, { user: scale * (1 + round), kernel: scale * (1 + round) }]));
  const rows = instructionRows(
    new Map([
      ['ours', rounds(50)],
      ['nginx-https', rounds(100)],
    ]),
    'nginx-https',
  );
  assert.deepEqual(rows[0], ['ours', '75 (50..100)', '75 (50..100)', '150 (100..200)', '0.50 (0.50..0.50)']);
  assert.equal(rows[1]!.at(-1), '-');
});
