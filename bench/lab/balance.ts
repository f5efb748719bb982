// What a pick costs: nanoseconds and heap bytes per pick, for every balancer and several pool sizes.
// Claims: no balancer allocates; a pick with its in-flight counting stays under half a microsecond.
// Run: make bench-balance FLAGS='--picks N'

import { hrtime } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createBalancer } from '../../src/balance/balancer.js';
import { buildMaglev } from '../../src/balance/maglev.js';
import { Membership } from '../../src/balance/membership.js';
import { BALANCE_DEFAULTS, type BalanceKind, LIMIT_DEFAULTS } from '../../src/balance/options.js';
import { RETRY_DEFAULTS } from '../../src/balance/retry.js';
import { createServerState, ServerState } from '../../src/balance/server-state.js';
import { Attempted } from '../../src/balance/view.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const KINDS: BalanceKind[] = ['round-robin', 'least-requests', 'random', 'ip-hash', 'consistent-hash'];
const ROUNDS = 5;
const picksWish = process.argv.indexOf('--picks');
const picks = picksWish > 0 ? Number(process.argv[picksWish + 1]) : 1_000_000;

function measure(kind: BalanceKind, servers: number, weighted: boolean) {
  const state = new ServerState(createServerState({ workers: 1 }), 0);
  const plan = new Membership(state).place({
    index: 0,
    name: 'bench',
    balance: { ...BALANCE_DEFAULTS, kind },
    servers: Array.from({ length: servers }, (_, i) => ({
      name: `s${i}`,
      address: `10.0.${i >> 8}.${i & 255}:80`,
      endpoint: { kind: 'tcp', host: `10.0.${i >> 8}.${i & 255}`, port: 80 },
      weight: weighted ? 1 + (i % 4) : 1,
      backup: false,
    })),
    checked: false,
    outlier: null,
    session: null,
    retry: RETRY_DEFAULTS,
    limits: LIMIT_DEFAULTS,
  });
  const balancer = createBalancer(plan, state, 0);
  const attempted = new Attempted();
  // Four requests stay in flight: each pick ends the one picked four before.
  const held = new Int32Array(4).fill(-1);
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const server = balancer.pick(Math.imul(i, 0x9e3779b1), attempted);
      state.requestBegins(server);
      const slot = i & 3;
      if (held[slot]! >= 0) state.requestEnds(held[slot]!);
      held[slot] = server;
    }
  };
  run(picks / 4);
  const times: number[] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    collectGarbage();
    const heap = process.memoryUsage().heapUsed;
    const from = hrtime.bigint();
    run(picks);
    times.push(Number(hrtime.bigint() - from) / picks);
    bytes = Math.min(bytes, (process.memoryUsage().heapUsed - heap) / picks);
  }
  times.sort((a, b) => a - b);
  return { ns: times[ROUNDS >> 1]!, spreadNs: times[ROUNDS - 1]! - times[0]!, bytes };
}

console.log(`${picks} picks a round, median of ${ROUNDS} rounds; each pick counts its request in and another one out`);
console.log('| balancer | servers | weights | ns per pick | spread ns | heap bytes per pick |');
console.log('| --- | ---: | --- | ---: | ---: | ---: |');
for (const kind of KINDS)
  for (const servers of [4, 32, 1000])
    for (const weighted of [false, true]) {
      const { ns, spreadNs, bytes } = measure(kind, servers, weighted);
      const row = [kind, servers, weighted ? '1 to 4' : 'equal', ns.toFixed(0), spreadNs.toFixed(0), bytes.toFixed(3)];
      console.log(`| ${row.join(' | ')} |`);
    }

const from = hrtime.bigint();
buildMaglev(Array.from({ length: 100 }, (_, i) => ({ name: `10.0.0.${i}:80`, weight: 1 + (i % 4) })));
console.log(`\nBuilding a Maglev table for 100 servers: ${(Number(hrtime.bigint() - from) / 1e6).toFixed(1)} ms`);
