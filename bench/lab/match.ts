// What routing costs by itself: nanoseconds and heap bytes per match with 10 and 10,000 rules, against find-my-way on
// paths alone, and how long tables take to compile. Run with: make bench-match

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import findMyWay from 'find-my-way';
import { bench, do_not_optimize, group, run } from 'mitata';
import { compile } from '../../src/routing/compile.js';
import type { RouteConfig, RoutingConfig } from '../../src/routing/input.js';
import { Matcher } from '../../src/routing/matcher.js';
import type { MatchRequest } from '../../src/routing/request.js';
import { matchRequest } from '../../test/support/match-request.js';

/** Requests that take turns, so that no branch predictor learns one by heart. A power of two. */
const REQUESTS = 256;

const BROWSER_HEADERS: readonly (readonly [string, string])[] = [
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
  ['Accept-Language', 'en-US,en;q=0.5'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Connection', 'keep-alive'],
  ['Cookie', 'session=5f1d7a8e0c; theme=dark; _ga=GA1.1.1742'],
  ['Sec-Fetch-Dest', 'document'],
  ['Sec-Fetch-Mode', 'navigate'],
];

/** hosts × paths × headers rules: each host has every path, and each path a rule for every tenant. */
function rulesFor(hosts: number, paths: number, tenants: number): RoutingConfig {
  const routes: RouteConfig[] = [];
  for (let host = 0; host < hosts; host++) {
    const rules = [];
    for (let path = 0; path < paths; path++) {
      for (let tenant = 0; tenant < tenants; tenant++) {
        rules.push({
          matches: [
            {
              path: { type: 'PathPrefix' as const, value: `/api/v1/service-${path}` },
              headers: [{ name: 'X-Tenant', value: `tenant-${tenant}` }],
            },
          ],
          pool: 'p',
        });
      }
    }
    routes.push({ hostnames: [`shop-${host}.example.com`], rules });
  }
  return { routes, pools: { p: {} } };
}

function requestsFor(hosts: number, paths: number, tenants: number): MatchRequest[] {
  return Array.from({ length: REQUESTS }, (_, i) =>
    matchRequest({
      url: `http://shop-${(i * 7) % hosts}.example.com/api/v1/service-${(i * 31) % paths}/items/42`,
      headers: [...BROWSER_HEADERS, ['X-Tenant', `tenant-${(i * 13) % tenants}`]],
    }),
  );
}

/** A function that matches the next request each time it is called. */
function matching(config: RoutingConfig, views: readonly MatchRequest[]): () => number {
  const matcher = new Matcher(compile(config).table);
  let turn = 0;
  for (const view of views)
    if (matcher.match(view) === -1) throw new Error('A request of the benchmark matches nothing.');
  return () => matcher.match(views[turn++ & (REQUESTS - 1)]!);
}

const few = matching(rulesFor(1, 5, 2), requestsFor(1, 5, 2));
const many = matching(rulesFor(25, 40, 10), requestsFor(25, 40, 10));
const oneHost = matching(rulesFor(1, 1, 10_000), requestsFor(1, 1, 10_000));

group('host, path and header', () => {
  bench('10 rules', () => do_not_optimize(few()));
  bench('10,000 rules: 25 hosts × 40 paths × 10 values', () => do_not_optimize(many()));
  bench('10,000 rules: 10,000 values under one path', () => do_not_optimize(oneHost()));
});

group('path alone', () => {
  for (const count of [10, 10_000]) {
    const paths = Array.from({ length: count }, (_, i) => `/api/v1/service-${i}`);
    const rules = paths.map((value) => ({ matches: [{ path: { type: 'Exact' as const, value } }], pool: 'p' }));
    const sent = Array.from({ length: REQUESTS }, (_, i) => paths[(i * 31) % count]!);
    const ours = matching(
      { routes: [{ rules }], pools: { p: {} } },
      sent.map((url) => matchRequest({ url })),
    );
    const router = findMyWay();
    for (const path of paths) router.on('GET', path, () => undefined);
    let turn = 0;
    bench(`sevenfold, ${count} paths`, () => do_not_optimize(ours()));
    bench(`find-my-way, ${count} paths`, () => do_not_optimize(router.find('GET', sent[turn++ & (REQUESTS - 1)]!)));
  }
});

await run();

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Heap growth per call, in bytes, over a million calls of a warm function. */
function bytesPerCall(call: () => unknown): number {
  const calls = 1_000_000;
  for (let i = 0; i < 100_000; i++) call();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < calls; i++) call();
  return (process.memoryUsage().heapUsed - before) / calls;
}

console.log('\nheap bytes per match');
console.log(`  10 rules      ${bytesPerCall(few).toFixed(3)}`);
console.log(`  10,000 rules  ${bytesPerCall(many).toFixed(3)}`);

console.log('\ncompile');
for (const [hosts, paths, tenants] of [
  [1, 5, 2],
  [25, 40, 10],
  [100, 100, 10],
] as const) {
  const config = rulesFor(hosts, paths, tenants);
  const start = performance.now();
  const { table, rules } = compile(config);
  const ms = performance.now() - start;
  console.log(`  ${rules.length} rules: ${ms.toFixed(0)} ms, table of ${(table.byteLength / 1024).toFixed(0)} KiB`);
}
