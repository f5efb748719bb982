// Metrics of a running process: what clients did is what a scrape says, over reloads and the death of a worker.

import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { start as startAnswers } from '../origins/answers.js';
import { freePlace, scratchDirectory, written } from '../support/addresses.js';
import { Child } from '../support/child.js';
import { statusOf } from '../support/messages.js';
import { askHttp, promtool, samples, type Where } from '../support/metrics.js';
import { describeProduct, documentOf, MAIN, type ProxySpec, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const TOKEN = 'a-token-of-some-length';
const preload = new URL('../support/dies-on-demand.mjs', import.meta.url).href;

async function scrape(where: Where, query = ''): Promise<Map<string, number>> {
  const { status, text } = await askHttp(where, `/metrics${query}`);
  assert.equal(status, 200, text);
  return samples(text);
}

/** Scrapes until `good`: what workers copy once a tick comes a little later. */
async function scrapeUntil(
  where: Where,
  what: string,
  good: (all: Map<string, number>) => boolean,
): Promise<Map<string, number>> {
  for (const deadline = Date.now() + 10_000; ; ) {
    const all = await scrape(where);
    if (good(all)) return all;
    assert.ok(Date.now() < deadline, `not ${what}: ${[...all].map(([name, value]) => `${name} ${value}`).join('\n')}`);
  }
}

describeProduct('metrics', () => {
  test('requests, attempts and connections are counted where they belong, over a reload', async (t) => {
    const origin = await use(t, startAnswers());
    const failing = await use(t, startAnswers('HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno'));
    const dead = written(freePlace());
    const [directory, place] = [scratchDirectory(), freePlace()];
    const where = { socketPath: join(directory, 'admin.sock') };
    const rule = (value: string, pool: string) => ({ matches: [{ path: { value } }], pool });
    const spec: ProxySpec = {
      listeners: [{ name: 'web' }, { protocol: 'tcp', pool: 'good', name: 'raw' }],
      routes: [
        { name: 'shop', rules: [rule('/good', 'good'), rule('/retried', 'retried')] },
        { rules: [rule('/failing', 'failing')] },
      ],
      pools: {
        good: { servers: [{ address: origin.address, name: 'one' }] },
        // Dead servers are asked first or not at all: the other one is a backup.
        retried: { servers: [{ address: dead }, { address: origin.address, backup: true }] },
        failing: { servers: [{ address: failing.address }] },
      },
      admin: { address: `unix:${where.socketPath}` },
      metrics: { address: written(place), token: TOKEN },
      args: ['--workers', '2'],
    };
    const proxy = await useProxy(t, spec);
    const [web, raw] = proxy.listeners;
    for (let i = 0; i < 6; i++) assert.equal(statusOf(await ask(web!, get('/good'))), 200);
    for (let i = 0; i < 3; i++) assert.equal(statusOf(await ask(web!, get('/failing'))), 503);
    assert.equal(statusOf(await ask(web!, get('/retried'))), 200);
    assert.equal(statusOf(await ask(web!, get('/nowhere'))), 404);
    assert.equal(statusOf(await ask(web!, 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n')), 400);
    assert.equal(statusOf(await ask(raw!, get('/raw'))), 200);

    const requests = (route: string, pool: string, code: string): string =>
      `sevenfold_requests_total{listener="web",route="${route}",pool="${pool}",code="${code}"}`;
    // Each worker copies its counters for itself.
    const counted: readonly (readonly [string, number])[] = [
      ['sevenfold_failures_total{reason="HOST_INVALID",fault="client"}', 1],
      ['sevenfold_raw_connections_total{listener="raw",pool="good"}', 1],
      ['sevenfold_connections_accepted_total', 13],
      ['sevenfold_retries_total', 1],
    ];
    const all = await scrapeUntil(where, 'counted', (now) => counted.every(([name, value]) => now.get(name) === value));
    assert.equal(all.get(requests('shop', 'good', '2xx')), 6);
    assert.equal(all.get(requests('shop', 'retried', '2xx')), 1);
    assert.equal(all.get(requests('routes[1]', 'failing', '5xx')), 3);
    assert.equal(all.get(requests('', '', '4xx')), 2);
    assert.ok(all.get('sevenfold_raw_sent_bytes_total{listener="raw",pool="good"}')! > 0);
    const good = 'listener="web",route="shop",pool="good"';
    assert.equal(all.get(`sevenfold_request_duration_seconds_count{${good}}`), 6);
    assert.ok(all.get(`sevenfold_request_duration_seconds_sum{${good}}`)! > 0);
    assert.equal(all.get(`sevenfold_request_duration_seconds_bucket{${good},le="10.0"}`), 6);
    assert.ok(all.get(`sevenfold_response_bytes_total{${good}}`)! > 6 * 40);
    assert.ok(all.get(`sevenfold_request_bytes_total{${good}}`)! > 6 * 20);
    assert.equal(all.get('sevenfold_server_attempts_total{pool="good",server="one",code="2xx"}'), 6);
    assert.equal(all.get(`sevenfold_server_attempts_total{pool="retried",server="${dead}",code="none"}`), 1);
    assert.equal(all.get(`sevenfold_server_attempts_failed_total{pool="retried",server="${dead}"}`), 1);
    assert.equal(all.get(`sevenfold_server_retries_total{pool="retried",server="${origin.address}"}`), 1);
    assert.equal(all.get('sevenfold_attempt_failures_total{reason="CONNECT_REFUSED"}'), 1);
    assert.equal(all.get('sevenfold_server_up{pool="good",server="one"}'), 1);
    assert.equal(all.get('sevenfold_config_generation'), 1);
    assert.equal(all.get('sevenfold_access_log_records_total{result="dropped"}'), 0);

    // Routes change places and names; what stays counts on.
    const routes = [
      { name: 'new', rules: [rule('/new', 'good'), rule('/failing', 'failing'), rule('/retried', 'retried')] },
      { name: 'shop', rules: [rule('/good', 'good')] },
    ];
    await proxy.reload({ ...spec, routes });
    assert.equal(statusOf(await ask(web!, get('/good'))), 200);
    assert.equal(statusOf(await ask(web!, get('/new'))), 200);
    const after = await scrapeUntil(
      where,
      'counted on',
      (now) => now.get('sevenfold_connections_accepted_total') === 13 + 2,
    );
    assert.equal(after.get(requests('shop', 'good', '2xx')), 7);
    assert.equal(after.get(requests('new', 'good', '2xx')), 1);
    assert.equal(after.get(requests('routes[1]', 'failing', '5xx')), undefined);
    assert.equal(after.get('sevenfold_server_attempts_total{pool="good",server="one",code="2xx"}'), 8);
    assert.equal(after.get('sevenfold_config_generation'), 2);
    assert.equal(after.get('sevenfold_config_reloads_total{result="applied"}'), 1);

    // The formats, and what may be asked.
    const plain = await askHttp(where, '/metrics', { headers: { 'Accept-Encoding': 'gzip' } });
    assert.match(String(plain.headers['content-type']), /^text\/plain; version=0\.0\.4/);
    assert.equal(plain.headers['content-encoding'], 'gzip');
    const text = gunzipSync(plain.body).toString();
    const checked = promtool(['check', 'metrics'], text);
    if (checked === null) t.diagnostic('promtool is not installed: not asked');
    else assert.equal(checked.status, 0, checked.said);
    const open = await askHttp(where, '/metrics', { headers: { Accept: 'application/openmetrics-text' } });
    assert.match(String(open.headers['content-type']), /^application\/openmetrics-text; version=1\.0\.0/);
    assert.ok(open.text.endsWith('# EOF\n'));
    const scoped = await scrape(where, '?scope=pool');
    assert.ok([...scoped.keys()].every((name) => name.startsWith('sevenfold_pool_')));
    assert.equal((await askHttp(where, '/metrics?scope=all')).status, 400);

    // The place for scrapers alone.
    const own = { host: place.host, port: place.port };
    assert.equal((await askHttp(own, '/metrics')).status, 401);
    const headers = { Authorization: `Bearer ${TOKEN}` };
    assert.equal((await askHttp(own, '/metrics', { headers })).status, 200);
    assert.equal((await askHttp(own, '/config', { headers })).status, 404);
    assert.equal((await askHttp(own, '/metrics', { headers, method: 'POST' })).status, 405);
    assert.equal(
      (await askHttp(own, '/metrics', { headers: { ...headers, Origin: 'http://evil.example' } })).status,
      403,
    );

    // A reload moves the socket of the admin API, and closes what it does not name.
    const moved = { socketPath: join(directory, 'other.sock') };
    await proxy.reload({
      ...spec,
      routes,
      admin: { address: `unix:${moved.socketPath}`, metrics: false },
      metrics: {},
    });
    assert.equal((await askHttp(moved, '/metrics')).status, 404);
    assert.equal((await askHttp(moved, '/readyz')).text, 'ok\n');
    assert.equal(statSync(moved.socketPath).mode & 0o777, 0o600);
    assert.equal(existsSync(where.socketPath), false);
    await assert.rejects(askHttp(own, '/metrics', { headers }), { code: 'ECONNREFUSED' });
    await proxy.stop();
    assert.equal(existsSync(moved.socketPath), false);
  });

  test('totals do not go back when a worker dies, and a socket file that was left is no obstacle', async (t) => {
    const origin = await use(t, startAnswers());
    const directory = scratchDirectory();
    const place = freePlace();
    const where = { socketPath: join(directory, 'admin.sock') };
    const [deaths, config] = [join(directory, 'deaths'), join(directory, 'proxy.yaml')];
    const spec = { servers: [origin.address], admin: { address: `unix:${where.socketPath}` } };
    writeFileSync(deaths, '');
    writeFileSync(config, JSON.stringify(documentOf(spec, [place])));
    const environment = { NODE_OPTIONS: `--import=${preload}`, SEVENFOLD_DIES_FILE: deaths };
    const startOne = async (): Promise<Child> => {
      const child = new Child(process.execPath, [MAIN, 'run', '-c', config, '--workers', '2'], environment);
      t.after(() => child.kill('SIGKILL'));
      await child.until('line `sevenfold ready`', () => (/^sevenfold ready$/m.test(child.stdout) ? true : undefined));
      return child;
    };
    const first = await startOne();
    first.kill('SIGKILL');
    await first.exited();
    assert.ok(existsSync(where.socketPath));

    const child = await startOne();
    const total = (all: Map<string, number>): number =>
      [...all].reduce((sum, [name, value]) => (name.startsWith('sevenfold_requests_total{') ? sum + value : sum), 0);
    const accepted = 'sevenfold_connections_accepted_total';
    for (let i = 0; i < 20; i++) assert.equal(statusOf(await ask(place, get())), 200);
    await scrapeUntil(where, 'all counted', (all) => all.get(accepted) === 20 && total(all) === 20);
    writeFileSync(deaths, '1 throw\n');
    await scrapeUntil(where, 'dead', (all) => all.get('sevenfold_worker_deaths_total') === 1);
    const clients = await Promise.all(Array.from({ length: 10 }, () => WireClient.connect(place)));
    for (const client of clients) assert.equal(statusOf(await client.exchange(get())), 200);
    const all = await scrapeUntil(where, 'counted on', (now) => now.get(accepted) === 30);
    assert.equal(total(all), 30);
    for (const client of clients) client.close();
    child.kill('SIGTERM');
    assert.equal((await child.exited()).code, 0);
  });
});
