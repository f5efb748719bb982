// All metrics of the process, added up at the moment they are asked for. No worker is stopped, or asked.
// Owns which metrics there are. Leaves counting to observe/metrics/, the text to exposition.ts.

import type { BalancePoolPlan } from '../balance/options.js';
import { GATE, POOL, SERVER, type ServerState, WEIGHT_ONE } from '../balance/server-state.js';
import { CHUNK_BYTES } from '../base/chunk.js';
import { REASON_ROWS } from '../http/reasons.js';
import {
  boundText,
  counter,
  type Exposition,
  type Family,
  gauge,
  histogram,
  labels,
} from '../observe/metrics/exposition.js';
import {
  ATTEMPTS,
  CLASSES,
  DURATION_BOUNDS,
  type MetricsMemory,
  OWN,
  SERIES,
  viewOf,
  WORKER_COUNTERS,
  WORKER_GAUGES,
  type WorkerCounter,
  type WorkerGauge,
} from '../observe/metrics/layout.js';
import type { SeriesRegistry } from '../observe/metrics/series.js';

/** What the metrics of the workers and of the shared state are read from. */
interface MetricsSource {
  readonly memory: MetricsMemory;
  readonly series: SeriesRegistry;
  readonly state: ServerState;
  readonly pools: readonly BalancePoolPlan[];
}

const REQUESTS = counter(
  'route',
  'sevenfold_requests_total',
  'Requests that ended, by class of the status; none: the client got no response.',
);
const DURATION = histogram(
  'route',
  'sevenfold_request_duration_seconds',
  'Time from the first byte of a request to the end of its response.',
);
const BYTES_IN = counter('route', 'sevenfold_request_bytes_total', 'Bytes of requests that came from clients.');
const BYTES_OUT = counter('route', 'sevenfold_response_bytes_total', 'Bytes of responses that went to clients.');
const RAW = counter('route', 'sevenfold_raw_connections_total', 'Connections passed on unread that ended.');
const RAW_IN = counter(
  'route',
  'sevenfold_raw_received_bytes_total',
  'Bytes that came from clients on connections passed on unread.',
);
const RAW_OUT = counter(
  'route',
  'sevenfold_raw_sent_bytes_total',
  'Bytes that went to clients on connections passed on unread.',
);
const FOLDED = gauge(
  'route',
  'sevenfold_metrics_series_folded',
  'Combinations of listener, route and pool that are counted as _other: metrics.seriesMax is reached.',
);

const REASONS_TOTAL = counter(
  'process',
  'sevenfold_failures_total',
  'Requests and connections that failed, by reason (docs/errors.md) and whose fault it is.',
);
const ATTEMPT_REASONS = counter(
  'process',
  'sevenfold_attempt_failures_total',
  'Attempts at servers that failed, by reason.',
);

const POOL_QUEUE = gauge('pool', 'sevenfold_pool_queue_length', 'Requests that wait for a server with room.');
const POOL_EJECTED = gauge(
  'pool',
  'sevenfold_pool_ejected_servers',
  'Servers that outlier detection keeps out of use.',
);
const POOL_SERVERS = gauge('pool', 'sevenfold_pool_servers', 'Servers of the pool, by whether they take new requests.');

const SERVER_UP = gauge('server', 'sevenfold_server_up', '1 when the server takes new requests.');
const SERVER_STATE = gauge(
  'server',
  'sevenfold_server_healthy',
  '1 unless health checks or outlier detection keep the server out.',
);
const SERVER_DRAINING = gauge(
  'server',
  'sevenfold_server_draining',
  '1 when the server is taken out: weight 0, drained, or removed.',
);
const SERVER_WEIGHT = gauge(
  'server',
  'sevenfold_server_weight',
  'What the server counts for now: less than configured while it starts slowly.',
);
const SERVER_IN_FLIGHT = gauge('server', 'sevenfold_server_requests_in_flight', 'Requests under way at the server.');
const SERVER_CONNECTIONS = gauge(
  'server',
  'sevenfold_server_connections',
  'Connections open to the server, idle ones included.',
);
const SERVER_FAILURES = counter(
  'server',
  'sevenfold_server_failures_total',
  'Failures and 5xx answers of the server; wraps at 4294967296.',
);
const SERVER_EJECTIONS = counter(
  'server',
  'sevenfold_server_ejections_total',
  'Times the server was ejected; wraps at 4294967296.',
);
const SERVER_RESPONSES = counter(
  'server',
  'sevenfold_server_attempts_total',
  'Attempts at the server that ended, by class of the status; none: no response.',
);
const SERVER_FAILED = counter(
  'server',
  'sevenfold_server_attempts_failed_total',
  'Attempts at the server that failed.',
);
const SERVER_RETRIES = counter(
  'server',
  'sevenfold_server_retries_total',
  'Attempts at the server that were not the first one of their request.',
);
const SERVER_DURATION = histogram(
  'server',
  'sevenfold_server_attempt_duration_seconds',
  'Time from the choice of the server to the end of the attempt.',
);

/** What workers count of themselves, all together. */
const OF_WORKERS: readonly (readonly [WorkerCounter, Family])[] = [
  ['accepted', counter('process', 'sevenfold_connections_accepted_total', 'Client connections accepted.')],
  [
    'acceptFailures',
    counter('process', 'sevenfold_connections_refused_total', 'Client connections closed at once: no room for them.'),
  ],
  [
    'acceptPauses',
    counter('process', 'sevenfold_accept_pauses_total', 'Times accepting paused: no descriptor was free.'),
  ],
  [
    'backendsOpened',
    counter('process', 'sevenfold_backend_connections_opened_total', 'Connections opened to servers.'),
  ],
  [
    'backendsReused',
    counter('process', 'sevenfold_backend_connections_reused_total', 'Requests that took a pooled connection.'),
  ],
  ['retries', counter('process', 'sevenfold_retries_total', 'Attempts after the first one.')],
  [
    'fallbacks',
    counter('process', 'sevenfold_fallbacks_total', 'Requests that went to the fallback pool of their rule.'),
  ],
  ['mirrored', counter('process', 'sevenfold_mirrored_requests_total', 'Copies of requests sent to mirrors.')],
  [
    'mirrorsDropped',
    counter('process', 'sevenfold_mirrors_dropped_total', 'Copies for mirrors that were not sent, or given up.'),
  ],
  [
    'clientsTooSlow',
    counter(
      'process',
      'sevenfold_clients_too_slow_total',
      'Clients cut for being slower than limits.clientBytesPerSecondMin.',
    ),
  ],
  ['slabFull', counter('process', 'sevenfold_slab_full_total', 'Times reading paused because the slab was full.')],
];

const HANDSHAKES = counter('tls', 'sevenfold_tls_handshakes_total', 'TLS handshakes with clients, by result.');
const HANDSHAKE_RESULTS: readonly (readonly [WorkerCounter, string])[] = [
  ['handshakesNew', 'new'],
  ['handshakesResumed', 'resumed'],
  ['handshakesFailed', 'failed'],
  ['handshakesRefused', 'refused'],
];

/** What each worker says of itself, and in what unit it is kept. */
const BY_WORKER: readonly (readonly [WorkerGauge, number, Family])[] = [
  ['clientConnections', 1, gauge('worker', 'sevenfold_worker_client_connections', 'Client connections open.')],
  ['backendConnections', 1, gauge('worker', 'sevenfold_worker_backend_connections', 'Connections to servers open.')],
  ['handshaking', 1, gauge('worker', 'sevenfold_worker_tls_handshakes_under_way', 'TLS handshakes under way.')],
  ['mirrors', 1, gauge('worker', 'sevenfold_worker_mirrors_under_way', 'Copies of requests under way to mirrors.')],
  ['slabChunksUsed', CHUNK_BYTES, gauge('worker', 'sevenfold_worker_slab_used_bytes', 'Memory for messages in use.')],
  ['slabChunks', CHUNK_BYTES, gauge('worker', 'sevenfold_worker_slab_bytes', 'Memory for messages.')],
  ['queuedBytes', 1, gauge('worker', 'sevenfold_worker_queued_bytes', 'Bytes that wait for sockets to take them.')],
  [
    'loopDelaySeconds',
    1,
    gauge(
      'worker',
      'sevenfold_worker_loop_delay_seconds',
      'By how much the loop of the worker was late, at worst in the last 30 to 60 seconds.',
    ),
  ],
];
const BUSY = counter(
  'worker',
  'sevenfold_worker_busy_seconds_total',
  'Time in which the thread of the worker did something.',
);

const LOG_LINES_DROPPED = counter(
  'process',
  'sevenfold_access_log_lines_dropped_total',
  'Lines of access logs that a destination did not take.',
);

const CODES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;
/** Classes that every series shows once it has counted anything, so that the first failure is seen as an increase. 1xx is never final. */
const SHOWN_CODES = [0, 2, 3, 4, 5] as const;
const BOUNDS = DURATION_BOUNDS.map(boundText);

/** Writes what requests, pools, servers and workers counted. */
export function writeMetrics(out: Exposition, source: MetricsSource): void {
  writeSeries(out, source);
  writeWorkers(out, source);
  writePools(out, source);
  writeServers(out, source);
}

/** Writes how many lines of access logs no destination took. */
export function writeLinesDropped(out: Exposition, lines: number): void {
  if (out.begin(LOG_LINES_DROPPED)) out.sample('', lines);
}

function writeSeries(out: Exposition, { memory, series }: MetricsSource): void {
  const sums = memory.sum('series', series.top);
  const used: { readonly at: number; readonly text: string; readonly raw: boolean }[] = [];
  for (let place = 0; place < series.top; place++) {
    const of = series.labels(place);
    const at = place * SERIES.WORDS;
    if (of === undefined || sumOf(sums, at + SERIES.byClass, CLASSES) === 0) continue;
    const { listener, route, pool, raw } = of;
    used.push({ at, raw, text: raw ? labels({ listener, pool }) : labels({ listener, route, pool }) });
  }
  const requests = used.filter(({ raw }) => !raw);
  const tunnels = used.filter(({ raw }) => raw);
  if (out.begin(REQUESTS)) for (const { at, text } of requests) writeCodes(out, text, sums, at + SERIES.byClass);
  if (out.begin(DURATION)) {
    for (const { at, text } of requests)
      out.histogram(text, BOUNDS, sums, at + SERIES.buckets, sums[at + SERIES.seconds]!);
  }
  if (out.begin(BYTES_IN)) for (const { at, text } of requests) out.sample(text, sums[at + SERIES.bytesIn]!);
  if (out.begin(BYTES_OUT)) for (const { at, text } of requests) out.sample(text, sums[at + SERIES.bytesOut]!);
  if (out.begin(RAW)) for (const { at, text } of tunnels) out.sample(text, sumOf(sums, at + SERIES.byClass, CLASSES));
  if (out.begin(RAW_IN)) for (const { at, text } of tunnels) out.sample(text, sums[at + SERIES.bytesIn]!);
  if (out.begin(RAW_OUT)) for (const { at, text } of tunnels) out.sample(text, sums[at + SERIES.bytesOut]!);
  if (out.begin(FOLDED)) out.sample('', series.folded);
}

function writeWorkers(out: Exposition, { memory }: MetricsSource): void {
  const own = memory.workers.map((worker) => viewOf(worker.own));
  const total = (word: number): number => own.reduce((sum, words) => sum + words[word]!, 0);
  const counterOf = (name: WorkerCounter): number => OWN.counters + WORKER_COUNTERS.indexOf(name);
  if (out.begin(REASONS_TOTAL)) {
    for (const { code, index, fault } of REASON_ROWS)
      out.sample(labels({ reason: code, fault }), total(OWN.reasons + index));
  }
  if (out.begin(ATTEMPT_REASONS)) {
    for (const { code, index, fault } of REASON_ROWS) {
      if (fault === 'client') continue;
      out.sample(labels({ reason: code }), total(OWN.attemptReasons + index));
    }
  }
  for (const [name, family] of OF_WORKERS) if (out.begin(family)) out.sample('', total(counterOf(name)));
  if (out.begin(HANDSHAKES)) {
    for (const [name, result] of HANDSHAKE_RESULTS) out.sample(labels({ result }), total(counterOf(name)));
  }
  for (const [name, unit, family] of BY_WORKER) {
    if (!out.begin(family)) continue;
    const word = OWN.gauges + WORKER_GAUGES.indexOf(name);
    for (const [worker, words] of own.entries()) out.sample(labels({ worker }), words[word]! * unit);
  }
  if (!out.begin(BUSY)) return;
  for (const [worker, words] of own.entries()) out.sample(labels({ worker }), words[counterOf('busySeconds')]!);
}

function writePools(out: Exposition, { pools, state }: MetricsSource): void {
  const { words } = state;
  const named = pools.map((plan) => ({ plan, at: state.poolAt(plan.slot), text: labels({ pool: plan.name }) }));
  if (out.begin(POOL_QUEUE)) for (const { at, text } of named) out.sample(text, words[at + POOL.waiting]!);
  if (out.begin(POOL_EJECTED)) for (const { at, text } of named) out.sample(text, words[at + POOL.ejected]!);
  if (out.begin(POOL_SERVERS)) {
    for (const { plan } of named) {
      const up = plan.servers.filter(({ index }) => state.gate(index) === GATE.OPEN).length;
      out.sample(labels({ pool: plan.name, state: 'up' }), up);
      out.sample(labels({ pool: plan.name, state: 'down' }), plan.servers.length - up);
    }
  }
}

function writeServers(out: Exposition, { memory, pools, state }: MetricsSource): void {
  const { words, capacity } = state;
  const servers = pools.flatMap((pool) =>
    pool.servers.map(({ name, index }) => ({
      index,
      at: state.serverAt(index),
      counted: index * ATTEMPTS.WORDS,
      text: labels({ pool: pool.name, server: name }),
    })),
  );
  const each = (family: Family, value: (server: (typeof servers)[number]) => number): void => {
    if (out.begin(family)) for (const server of servers) out.sample(server.text, value(server));
  };
  each(SERVER_UP, ({ index }) => Number(state.gate(index) === GATE.OPEN));
  each(SERVER_STATE, ({ index }) => Number((state.gate(index) & (GATE.DOWN | GATE.EJECTED | GATE.UNCHECKED)) === 0));
  each(SERVER_DRAINING, ({ index }) => Number((state.gate(index) & GATE.DRAINING) !== 0));
  each(SERVER_WEIGHT, ({ at }) => words[at + SERVER.effectiveWeight]! / WEIGHT_ONE);
  each(SERVER_IN_FLIGHT, ({ index }) => state.inFlight(index));
  each(SERVER_CONNECTIONS, ({ index }) => state.connections(index));
  each(SERVER_FAILURES, ({ at }) => words[at + SERVER.failuresTotal]! >>> 0);
  each(SERVER_EJECTIONS, ({ at }) => words[at + SERVER.ejectionsTotal]! >>> 0);
  const sums = memory.sum('servers', capacity.servers);
  const used = servers.filter(({ counted }) => sumOf(sums, counted + ATTEMPTS.byClass, CLASSES) > 0);
  if (out.begin(SERVER_RESPONSES)) {
    for (const { text, counted } of used) writeCodes(out, text, sums, counted + ATTEMPTS.byClass);
  }
  if (out.begin(SERVER_FAILED))
    for (const { text, counted } of used) out.sample(text, sums[counted + ATTEMPTS.failed]!);
  if (out.begin(SERVER_RETRIES))
    for (const { text, counted } of used) out.sample(text, sums[counted + ATTEMPTS.retries]!);
  if (out.begin(SERVER_DURATION)) {
    for (const { text, counted } of used) {
      out.histogram(text, BOUNDS, sums, counted + ATTEMPTS.buckets, sums[counted + ATTEMPTS.seconds]!);
    }
  }
}

function writeCodes(out: Exposition, text: string, sums: Float64Array, at: number): void {
  for (const place of SHOWN_CODES) out.sample(`${text},code="${CODES[place]}"`, sums[at + place]!);
}

function sumOf(words: Float64Array, at: number, count: number): number {
  let sum = 0;
  for (let i = at; i < at + count; i++) sum += words[i]!;
  return sum;
}
