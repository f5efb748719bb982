// The parts around the figures: /proc, cores, flags, peers' configurations, wrk's script, rounds.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { missingEdits, wrongHeaders } from '../../../bench/check.js';
import { allContestants, chooseContestants } from '../../../bench/contestants/contestant.js';
import { streamModule } from '../../../bench/contestants/nginx.js';
import { allocationOf } from '../../../bench/lab/allocation.js';
import { parseWrk, wrkScript } from '../../../bench/load/wrk.js';
import { allowedCores, planCores } from '../../../bench/machine.js';
import { openRate } from '../../../bench/open-phase.js';
import { CommandLineEnd, parseOptions } from '../../../bench/options.js';
import { fillTemplate } from '../../../bench/peers.js';
import { parseCoreTimes, treeCpu } from '../../../bench/proc.js';
import { createProgress, timeText } from '../../../bench/progress.js';
import { orderOfRound, roundFigures, type Snapshot } from '../../../bench/rounds.js';
import { rulesConfig } from '../../../bench/rules-config.js';
import { sweepSettings } from '../../../bench/sweep-phase.js';
import { requestBytes, WORKLOADS } from '../../../bench/workloads.js';
import { sampleRound } from './sample-result.js';

const MAIN = WORKLOADS[0]!;

test('reads busy, stolen and total time of each core, without counting guests twice', () => {
  const cores = parseCoreTimes(
    'cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 10 1 20 60 5 1 2 3 7 0\ncpu1 0 0 0 100 0 0 0 0 0 0\nintr 5\n',
  );
  assert.deepEqual(cores.get(0), { busyUs: 370_000, stolenUs: 30_000, totalUs: 1_020_000 });
  assert.deepEqual(cores.get(1), { busyUs: 0, stolenUs: 0, totalUs: 1_000_000 });
});

test('refuses to call a dead proxy free of charge', () => {
  assert.throws(() => treeCpu(2 ** 22 + 1), /is gone/);
  assert(treeCpu(process.pid).userUs > 0);
});

test('divides the CPU time of a round by its requests, and finds what others took', () => {
  const before: Snapshot = {
    atUs: 0,
    proxyUserUs: 1000,
    proxySystemUs: 2000,
    originUs: 0,
    loadUs: 0,
    ownUs: 0,
    machineBusyUs: 0,
    coreCount: 2,
    rssBytes: 1,
  };
  const after = {
    ...before,
    atUs: 1e6,
    proxyUserUs: 201_000,
    proxySystemUs: 402_000,
    originUs: 3e5,
    loadUs: 6e5,
    machineBusyUs: 1.7e6,
  };
  const result = { requests: 100_000, badStatuses: 0, socketErrors: 0, seconds: 1, latencyUs: [] };
  const figures = roundFigures('x', MAIN, 0, result, before, after, { proxy: 1, loadAndOrigin: 1 });
  assert.equal(figures.userUsPerRequest, 2);
  assert.equal(figures.systemUsPerRequest, 4);
  assert.equal(figures.proxyShare, 0.6);
  assert.equal(figures.loadShare, 0.9);
  assert(Math.abs(figures.foreignShare - 0.1) < 1e-9);
});

test('turns the order of rounds, so that nobody always follows the same neighbour', () => {
  assert.deepEqual(orderOfRound(['a', 'b', 'c'], 0), ['a', 'b', 'c']);
  assert.deepEqual(orderOfRound(['a', 'b', 'c'], 4), ['b', 'c', 'a']);
});

test('gives proxy, load and origin cores of their own where there are enough', () => {
  assert.deepEqual(allowedCores('Cpus_allowed_list:\t0-2,5\n'), [0, 1, 2, 5]);
  const plan = (cores: number, workers: number) =>
    planCores(
      Array.from({ length: cores }, (_, core) => core),
      workers,
      true,
    );
  assert.deepEqual([plan(2, 1).proxy, plan(2, 1).load, plan(2, 1).origin], ['0', '1', '1']);
  assert.deepEqual([plan(8, 2).proxy, plan(8, 2).load, plan(8, 2).origin], ['0,1', '2,3,4', '5,6,7']);
  assert.equal(plan(2, 4).proxy, '0');
  assert.match(plan(2, 4).note, /4 workers share 1 core/);
  assert.equal(plan(1, 1).proxy, undefined);
  assert.match(planCores([0, 1], 1, false).note, /taskset is not installed/);
});

test('reads every flag, with defaults that --quick shortens', () => {
  const told = parseOptions(
    [
      '--duration',
      '2',
      '--rounds',
      '4',
      '--connections',
      '10',
      '--rate',
      '500',
      '--only',
      'l7,nginx',
      '--workers',
      'auto',
    ],
    6,
  );
  assert.deepEqual(
    [told.durationSeconds, told.rounds, told.connections, told.rate, told.only, told.workers],
    [2, 4, 10, 500, ['l7', 'nginx'], [1, 2, 4, 6]],
  );
  assert.deepEqual(
    told.workloads,
    WORKLOADS.map(({ id }) => id),
  );
  const quick = parseOptions(['--quick', '--json'], 2);
  assert.deepEqual([quick.durationSeconds, quick.rounds, quick.workloads, quick.json], [1, 3, ['browser'], '-']);
});

for (const [args, why] of [
  [['--duration', '0'], 'a duration of nothing'],
  [['--workloads', 'big'], 'a workload that is not there'],
  [['--target', 'localhost:80'], 'a target that is no address'],
  [['--origin', 'http://127.0.0.1:1'], 'an origin without a target'],
  [['--fast'], 'a flag that is not there'],
] as const) {
  test(`ends with 2 for ${why}`, (context) => {
    context.mock.method(process.stderr, 'write', () => true);
    assert.throws(
      () => parseOptions(args, 2),
      (error) => error instanceof CommandLineEnd && error.exitCode === 2,
    );
  });
}

test('chooses contestants by id, family or mode, and names the known ones for a wrong one', () => {
  const all = allContestants();
  const ids = (only: string[]): string[] => chooseContestants(all, only).map(({ id }) => id);
  assert.deepEqual(ids(['nginx']), ['nginx-l4', 'nginx-l7', 'nginx-https']);
  assert.deepEqual(ids(['direct', 'l4']), ['direct', 'sevenfold-l4', 'nginx-l4', 'haproxy-l4']);
  assert.deepEqual(ids(['httpxy']), ['httpxy']);
  assert.throws(() => ids(['ngnix']), /'ngnix' names no contestant.*nginx-l7/);
});

test('fills a template only when both sides agree on its values', () => {
  assert.equal(fillTemplate('x.conf', 'listen {{port}};', { port: '80' }), 'listen 80;');
  assert.throws(() => fillTemplate('x.conf', 'listen {{port}};', {}), /asks for {{port}}/);
  assert.throws(() => fillTemplate('x.conf', 'listen;', { port: '80' }), /does not ask for {{port}}/);
});

test('keeps every peer’s configuration commented, on loopback, without a log, with connections kept', () => {
  const directory = new URL('../../../bench/peers/', import.meta.url);
  for (const name of readdirSync(directory).filter((file) => /\.(conf|cfg)$/.test(file))) {
    const text = readFileSync(new URL(name, directory), 'utf8');
    assert.match(text, /^# /, `${name} opens with why it is set up so`);
    assert.doesNotMatch(text, /(listen|bind) (?!127\.0\.0\.1:)/, `${name} listens on loopback only`);
    if (name === 'nginx-l7.conf') {
      for (const needed of ['access_log off', 'keepalive 1024', 'proxy_http_version 1.1', 'X-Request-Id'])
        assert(text.includes(needed), `${name}: ${needed}`);
    }
  }
});

test('finds nginx’s stream module built in, as a file, or not at all', () => {
  assert.deepEqual(
    streamModule('--with-stream --with-threads', () => false),
    { directive: '' },
  );
  const flags = '--modules-path=/usr/lib/nginx/modules --with-stream=dynamic';
  assert.equal(streamModule(flags, () => true).directive, 'load_module /usr/lib/nginx/modules/ngx_stream_module.so;');
  assert.match(streamModule(flags, () => false).missing ?? '', /libnginx-mod-stream/);
});

test('will not time a Layer 7 proxy that forwards no headers, or a Layer 4 one that does', () => {
  const full = 'for=127.0.0.1 proto=http host=x id=1 via=1.1';
  assert.equal(wrongHeaders({ mode: 'l7' }, full), undefined);
  assert.match(wrongHeaders({ mode: 'l7' }, 'for=127.0.0.1 proto= host=x id=1 via=x') ?? '', /no forwarded 'proto'/);
  assert.equal(wrongHeaders({ mode: 'l4' }, 'for= proto= host=x id= via='), undefined);
  assert.match(wrongHeaders({ mode: 'l4' }, full) ?? '', /set by a Layer 4/);
});

test('will not time a thousand rules whose edits are not there', () => {
  const edited = 'via=x tier=standard';
  const headers = { 'x-served-by': 'sevenfold' };
  assert.equal(missingEdits(edited, headers), undefined);
  assert.match(missingEdits('via=x tier=', headers) ?? '', /no X-Tier/);
  assert.match(missingEdits(edited, {}) ?? '', /no X-Served-By/);
});

test('sends ten headers in the main workload, and the whole body of a POST', () => {
  const request = requestBytes(MAIN, 'bench.example.com').toString('latin1');
  assert.equal(request.split('\r\n').filter((line) => line.includes(': ')).length, 10);
  const post = requestBytes(WORKLOADS.find(({ id }) => id === 'post')!, 'x').toString('latin1');
  assert.match(post, /Content-Length: 4096\r\n\r\nx{4096}$/);
});

test('writes a script for wrk and reads what it prints', () => {
  const script = wrkScript(MAIN, 'bench.example.com');
  assert.match(script, /wrk\.headers\["Cookie"\] = "theme=light/);
  const result = parseWrk(
    'Running 1s test\nsevenfold-bench {"requests":10,"us":2000000,"status":1,"socket":2,"latencyUs":[1,2,3,4,5,6]}\n',
  );
  assert.deepEqual(result, {
    requests: 10,
    badStatuses: 1,
    socketErrors: 2,
    seconds: 2,
    latencyUs: [1, 2, 3, 4, 5, 6],
  });
  assert.throws(() => parseWrk('unable to connect'), /printed no figures, only: unable to connect/);
});

test('takes half of the slowest round for the open loop, in round figures', () => {
  const rounds = [26_700, 170_000].map((requests, round) => sampleRound('x', round, { requests }));
  assert.equal(openRate({ rounds }, 'browser'), 12_000);
  assert.equal(openRate({ rounds: [sampleRound('x', 0, { requests: 9130 })] }, 'browser'), 4500);
  assert.equal(openRate({ rounds: [] }, 'browser'), 0);
});

test('sweeps both ways of accepting, pinned only where there is something to pin apart', () => {
  assert.equal(sweepSettings([1]).length, 2);
  assert.equal(sweepSettings([1, 2]).length, 6);
});

test('writes a thousand rules, the one that matches last', () => {
  const text = rulesConfig(8080, 9090);
  assert.equal(text.match(/- matches:/g)?.length, 1000);
  assert(text.lastIndexOf('- matches:') === text.indexOf('- matches: [{ path: { type: PathPrefix, value: / } }]'));
});

test('drops rounds with a garbage collection from the heap growth by request', () => {
  const pair = (from: number, to: number, collected: boolean) => ({
    before: { requests: 0, heapUsed: from },
    after: { requests: 1000, heapUsed: to },
    collected,
  });
  const found = allocationOf([pair(0, 10_000, false), pair(0, 90, true), pair(0, 12_000, false)], 2000);
  assert.deepEqual(found, { bytesPerRequest: { median: 9, min: 8, max: 10, rounds: 2 }, requests: 2000 });
  assert.equal(allocationOf([pair(0, 5, true)], 0), undefined);
});

test('says what is measured and how long the rest takes, one line per step without a terminal', () => {
  const lines: string[] = [];
  const progress = createProgress(false, (text) => lines.push(text));
  progress.plan(130);
  progress.step('browser: round 1 of 2: direct', 10);
  progress.step('browser: round 1 of 2: sevenfold-l7', 120);
  assert.deepEqual(lines, [
    'browser: round 1 of 2: direct · 2 min 10 s left\n',
    'browser: round 1 of 2: sevenfold-l7 · 2 min 0 s left\n',
  ]);
  assert.equal(timeText(48.4), '48 s');
});
