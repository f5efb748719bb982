// A result of the benchmark with plausible figures, for the tests of reports and verdicts.
import type { BenchResult, OpenLoopFigures, SweepPoint } from '../../../bench/result.js';
import type { RoundFigures } from '../../../bench/rounds.js';

/** User and system µs per request of each contestant, in the order of the tables. */
const COSTS: Readonly<Record<string, readonly [number, number] | undefined>> = {
  direct: undefined,
  'sevenfold-l4': [0.9, 4],
  'sevenfold-l7': [1.7, 4],
  'sevenfold-l7-rules': [2.4, 4.1],
  'nginx-l7': [3.3, 4],
  'haproxy-l7': [4.6, 3.5],
  'http-proxy': [30, 7],
};

/** One round; `more` overrides what a test is about. */
export function sampleRound(contestant: string, round: number, more: Partial<RoundFigures> = {}): RoundFigures {
  const cost = COSTS[contestant];
  const total = cost === undefined ? 4.9 : cost[0] + cost[1];
  // Rounds differ a little, the same way for everybody: that is what pairing is for.
  const drift = 1 + 0.02 * (round % 3);
  return {
    contestant,
    workload: 'browser',
    round,
    requests: Math.round(1_000_000 / (total * drift)),
    badStatuses: 0,
    socketErrors: 0,
    seconds: 1,
    latencyUs: [400, 450, 500, 700, 1500, 3000],
    userUsPerRequest: cost && cost[0] * drift,
    systemUsPerRequest: cost && cost[1] * drift,
    rssBytes: cost && 48 * 2 ** 20,
    proxyShare: cost && 0.97,
    loadShare: cost === undefined ? 0.99 : 0.7,
    foreignShare: 0.01,
    ...more,
  };
}

/** A whole result; `more` overrides what a test is about. */
export function sampleResult(more: Partial<BenchResult> = {}): BenchResult {
  const ids = Object.keys(COSTS);
  const rounds = [0, 1, 2].flatMap((round) => ids.map((id) => sampleRound(id, round)));
  const side = [0, 1, 2].flatMap((round) =>
    ids.filter((id) => id.startsWith('sevenfold')).map((id) => sampleRound(id, round, { workload: '64k' })),
  );
  return {
    version: 1,
    startedAt: '2026-01-02T03:04:05.000Z',
    seconds: 42,
    command: 'sevenfold bench --quick',
    interrupted: false,
    machine: {
      cpu: 'Sample CPU <1>',
      cores: [0, 1, 2, 3],
      memoryBytes: 8 * 2 ** 30,
      kernel: '6.1.0',
      system: 'Debian GNU/Linux 12',
      node: 'v20.18.1',
      virtual: 'a virtual machine',
      tools: { nginx: 'nginx version: nginx/1.22.1' },
    },
    pinning: 'proxy on core 0; load generator on 1; origin on 2',
    load: 'wrk',
    origin: 'nginx',
    durationSeconds: 1,
    connections: 64,
    contestants: ids.map((id) => ({
      id,
      family: id.split('-')[0]!,
      mode: id.endsWith('-l4') ? 'l4' : id === 'direct' ? 'direct' : 'l7',
    })),
    workloads: [
      { id: 'browser', title: 'small GET with ten browser-like headers', connections: 64, responseBytes: 112 },
      { id: '64k', title: 'GET of 64 KiB', connections: 64, responseBytes: 65_536 },
    ],
    leftOut: [{ contestant: 'httpxy', reason: 'the npm package httpxy is not installed' }],
    rounds: [...rounds, ...side],
    openLoop: ids.map((id, at) => sampleOpenLoop(id, 60 + 15 * at)),
    connectionMemory: [{ contestant: 'sevenfold-l7', connections: 1000, bytesPerConnection: 1400 }],
    sweep: sampleSweep({ 1: 170_000, 2: 320_000, 3: 330_000 }),
    ...more,
  };
}

/** A sweep with these requests/s by worker count, both accepts, the shared one 3 % slower. */
export function sampleSweep(perSecond: Readonly<Record<number, number>>, loadShare = 0.7): SweepPoint[] {
  return Object.entries(perSecond).flatMap(([workers, rate]) =>
    (['handoff', 'shared'] as const).flatMap((accept) =>
      [0, 1, 2].map((round) => ({
        workers: Number(workers),
        accept,
        pin: false,
        figures: sampleRound('sevenfold-l7', round, {
          requests: Math.round(rate * (accept === 'shared' ? 0.97 : 1) * (1 + 0.005 * round)),
          loadShare,
        }),
      })),
    ),
  );
}

function sampleOpenLoop(contestant: string, us: number): OpenLoopFigures {
  const growth = [0.6, 0.8, 0.9, 1, 1.4, 2, 2.5, 6, 9, 20, 30, 60];
  const percentiles = [1, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99];
  return {
    contestant,
    workload: 'browser',
    round: 0,
    ratePerSecond: 12_000,
    requests: 24_000,
    badStatuses: 0,
    socketErrors: 0,
    unsent: 0,
    latencyUs: [1, 1.4, 2, 6, 20, 60].map((factor) => us * factor),
    latenessUs: [20, 30, 50, 120, 400, 900],
    curve: percentiles.map((percentile, at) => [percentile, us * growth[at]!] as const),
  };
}
