// `sevenfold bench` as a user runs it: the built command line against real proxies, short enough for every test run.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { BenchResult } from '../../bench/result.js';

const COMMAND_LINE = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const skip = !existsSync(COMMAND_LINE)
  ? 'the product is not built (run `make build`)'
  : process.env.SEVENFOLD_SANITIZED === '1' && 'an engine built with sanitizers has no speed to measure';
const directory = mkdtempSync(join(tmpdir(), 'sevenfold-bench-test-'));
after(() => rmSync(directory, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[]): {
  child: ChildProcess;
  ran: Promise<Ran>;
  onError(listener: (text: string) => void): void;
} {
  // Its working files go into a directory of ours, so that what it leaves behind can be seen.
  const child = spawn(process.execPath, [COMMAND_LINE, 'bench', ...args], {
    env: { ...process.env, TMPDIR: directory },
  });
  let out = '';
  let err = '';
  const listeners: Array<(text: string) => void> = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
    for (const listener of listeners) listener(err);
  });
  const ran = new Promise<Ran>((resolve) => child.on('close', (code) => resolve({ code, out, err })));
  return { child, ran, onError: (listener) => listeners.push(listener) };
}

const bench = (...args: string[]): Promise<Ran> => start(args).ran;

/** A round was measured: how fast is the machine's business. When others have it to themselves, nothing may come of it. */
function measured(round: BenchResult['rounds'][number]): void {
  const starved = round.foreignShare > 0.9;
  assert(round.requests > 0 || starved, JSON.stringify(round));
  assert.equal(round.badStatuses + round.socketErrors, 0, JSON.stringify(round));
}

test('measures direct, l4 and l7 and says the overhead with its spread; leaves JSON, a page and no litter', {
  skip,
}, async () => {
  const json = join(directory, 'result.json');
  const html = join(directory, 'report.html');
  const { code, out, err } = await bench(
    ...['--only', 'direct,sevenfold-l4,sevenfold-l7', '--workloads', 'browser', '--rounds', '3', '--duration', '1'],
    ...['--rate', '0', '--connections', '16', '--json', json, '--html', html],
  );
  assert.equal(code, 0, err);
  assert.match(out, /sevenfold-l7 \/ sevenfold-l4: \d\.\d\d \(\d\.\d\d\.\.\d\.\d\d, 3 paired rounds\)/);
  assert.match(err, /round 3 of 3: .* left/);
  const result: BenchResult = JSON.parse(readFileSync(json, 'utf8'));
  assert.deepEqual(result.leftOut, []);
  assert.equal(result.rounds.length, 9);
  for (const round of result.rounds) {
    measured(round);
    assert.equal(round.userUsPerRequest === undefined, round.contestant === 'direct');
  }
  assert.equal(result.connectionMemory.length, 2);
  assert.match(readFileSync(html, 'utf8'), /<svg/);
  const litter = readdirSync(directory).filter((name) => name.startsWith('sevenfold-bench-'));
  assert.deepEqual(litter, []);
});

test('measures TLS beside the peers there are: requests, bytes, full and resumed handshakes', { skip }, async () => {
  const json = join(directory, 'tls.json');
  const { code, out, err } = await bench(
    ...['--only', 'https', '--workloads', 'https,https-1m,handshake,resume', '--rounds', '1', '--duration', '1'],
    ...['--connections', '16', '--json', json],
  );
  assert.equal(code, 0, err);
  const result: BenchResult = JSON.parse(readFileSync(json, 'utf8'));
  const absent = result.leftOut.filter(({ reason }) => !/is not installed|built without TLS/.test(reason));
  assert.deepEqual(absent, []);
  assert(result.contestants.some(({ id }) => id === 'sevenfold-https'));
  assert.equal(result.rounds.length, 4 * result.contestants.length);
  for (const round of result.rounds) {
    measured(round);
    assert(round.userUsPerRequest !== undefined);
  }
  assert.match(out, /GET of 1 MiB over TLS.*\n.*CPU s\/GiB/);
  assert.match(out, /by TLSv1\.3 with TLS_AES_128_GCM_SHA256/);
});

test('measures HTTP/2 beside the peers that speak it', {
  skip: skip || (spawnSync('h2load', ['--version']).error !== undefined && 'h2load is not installed'),
}, async () => {
  const json = join(directory, 'h2.json');
  const { code, out, err } = await bench(
    ...[
      '--only',
      'https',
      '--workloads',
      'h2',
      '--rounds',
      '1',
      '--duration',
      '1',
      '--connections',
      '16',
      '--json',
      json,
    ],
  );
  assert.equal(code, 0, err);
  const result: BenchResult = JSON.parse(readFileSync(json, 'utf8'));
  assert.deepEqual(
    result.leftOut.filter(({ reason }) => !/is not installed|built without TLS/.test(reason)),
    [],
  );
  assert(result.contestants.some(({ id }) => id === 'sevenfold-https'));
  result.rounds.forEach(measured);
  assert.match(out, /HTTP\/2 by h2load/);
});

test('prints what there is when it is interrupted, and exits with 130', { skip }, async () => {
  const { child, ran, onError } = start([
    '--only',
    'direct,sevenfold-l7',
    '--workloads',
    'browser',
    '--rounds',
    '50',
    '--duration',
    '1',
    '--rate',
    '0',
  ]);
  onError((err) => {
    if (err.includes('round 2 of 50')) child.kill('SIGINT');
  });
  const { code, out } = await ran;
  assert.equal(code, 130);
  assert.match(out, /sevenfold-l7 +\d+ /);
  assert.match(out, /The run was interrupted/);
});

test('measures a proxy that runs already beside its origin, at a fixed rate too', { skip }, async () => {
  const origin = createServer((_request, response) => response.end('hello'));
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const address = origin.address();
  assert(address !== null && typeof address === 'object');
  const url = `http://127.0.0.1:${address.port}/somewhere`;
  const { code, out, err } = await bench(
    '--target',
    url,
    '--origin',
    url,
    '--rounds',
    '1',
    '--duration',
    '1',
    '--rate',
    '200',
    '--target-pid',
    String(process.pid),
  );
  origin.close();
  assert.equal(code, 0, err);
  assert.match(out, /direct +\d+ +-/);
  assert.match(out, /target +\d+ +\d+\.\d/);
  assert.match(out, /at a fixed 200 requests\/s[\s\S]*direct( +\d+(\.\d+)?){7}/);
});

test('exits with 2 and names the flag that is wrong', { skip }, async () => {
  const { code, err } = await bench('--workloads', 'enormous');
  assert.equal(code, 2);
  assert.match(err, /no workload 'enormous'/);
});

test('lists its flags on --help', { skip }, async () => {
  const { code, out } = await bench('--help');
  assert.equal(code, 0);
  for (const flag of [
    '--duration',
    '--connections',
    '--rate',
    '--rounds',
    '--only',
    '--target',
    '--quick',
    '--json',
    '--html',
    '--workers',
  ]) {
    assert(out.includes(flag), flag);
  }
});
