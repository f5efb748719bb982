// GET /metrics: all there is to count, in the form that the scraper asks for.
// Owns the reply, and what the service itself adds. Leaves the rest to primary/ and observe/metrics/.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { alternatives } from '../base/problems.js';
import {
  CONTENT_TYPES,
  counter,
  Exposition,
  type Family,
  formatFor,
  gauge,
  labels,
  SCOPES,
  type Scope,
} from '../observe/metrics/exposition.js';
import { writeProcess } from '../observe/metrics/process.js';
import { Refused } from './problem.js';
import type { AdminTarget } from './target.js';

const zip = promisify(gzip);

const READY = gauge('process', 'sevenfold_ready', '1 when requests are taken: started, and not draining.');
const GENERATION = gauge(
  'process',
  'sevenfold_config_generation',
  'Number of the configuration that runs; changes of the DNS count, too.',
);
const RELOADS = counter('process', 'sevenfold_config_reloads_total', 'Reloads, by result.');
const LAST_GOOD = gauge('process', 'sevenfold_config_last_reload_successful', '1 unless the last reload was refused.');
const LAST_AT = gauge(
  'process',
  'sevenfold_config_last_reload_timestamp_seconds',
  'When a reload was tried last, or else the start; seconds since 1970.',
);
const APPLIED_AT = gauge(
  'process',
  'sevenfold_config_applied_timestamp_seconds',
  'When the configuration that runs was loaded; seconds since 1970.',
);
const DEATHS = counter('process', 'sevenfold_worker_deaths_total', 'Workers that died and were started again.');
const LINES_LOST = counter(
  'process',
  'sevenfold_log_lines_lost_total',
  'Lines of the process log that could not be written.',
);
const RECORDED = counter(
  'process',
  'sevenfold_access_log_records_total',
  'Requests that workers recorded for access logs, and those dropped because the log thread did not keep up; wrap at 4294967296.',
);
const LOG_DEATHS = counter(
  'process',
  'sevenfold_log_thread_deaths_total',
  'Times that the log thread died and was started again.',
);
const RENEWALS = counter('tls', 'sevenfold_certificate_renewals_total', 'Changes of certificate files, by result.');
const NOT_AFTER = gauge(
  'tls',
  'sevenfold_certificate_not_after_seconds',
  'When a certificate of a listener expires; seconds since 1970.',
);

/** Answers a scrape. Throws a Refused for a query that means nothing. */
export async function serveMetrics(
  target: AdminTarget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const format = formatFor(request.headers.accept ?? '');
  const text = metricsText(target, new URL(request.url ?? '/', 'http://localhost').searchParams, format);
  const headers = {
    'Content-Type': CONTENT_TYPES[format],
    Vary: 'Accept, Accept-Encoding',
    'Cache-Control': 'no-store',
  };
  const zipped = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(String(request.headers['accept-encoding'] ?? ''));
  const body = zipped ? await zip(text, { level: constants.Z_BEST_SPEED }) : Buffer.from(text);
  response.writeHead(200, {
    ...headers,
    ...(zipped ? { 'Content-Encoding': 'gzip' } : {}),
    'Content-Length': body.length,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function metricsText(target: AdminTarget, query: URLSearchParams, format: 'prometheus' | 'openmetrics'): string {
  const out = new Exposition(format, { scopes: scopesOf(query), names: new Set(query.getAll('name')) });
  writeProcess(out, target.version);
  writeService(out, target);
  target.primary?.writeMetrics(out);
  return out.end();
}

function scopesOf(query: URLSearchParams): Set<Scope> {
  for (const key of query.keys()) {
    if (key === 'scope' || key === 'name') continue;
    throw new Refused(400, `'${key}' is not asked of metrics.`, {
      place: 'query',
      found: key,
      expected: 'scope or name',
    });
  }
  const scopes = new Set<Scope>();
  for (const text of query.getAll('scope')) {
    const scope = SCOPES.find((known) => known === text);
    if (scope === undefined) {
      throw new Refused(400, `'${text}' is no scope.`, {
        place: 'query.scope',
        found: text,
        expected: alternatives(SCOPES),
      });
    }
    scopes.add(scope);
  }
  return scopes;
}

function writeService(out: Exposition, { primary, ending, record, linesLost }: AdminTarget): void {
  const one = (of: Family, value: number): void => {
    if (out.begin(of)) out.sample('', value);
  };
  one(READY, Number(primary !== null && !ending));
  one(GENERATION, primary?.generation ?? 0);
  if (out.begin(RELOADS)) {
    out.sample(labels({ result: 'applied' }), record.reloadsApplied);
    out.sample(labels({ result: 'refused' }), record.reloadsRefused);
  }
  one(LAST_GOOD, Number(record.lastReloadGood));
  one(LAST_AT, (record.triedAt ?? record.startedAt) / 1000);
  one(APPLIED_AT, record.appliedAt / 1000);
  one(DEATHS, record.workersDied);
  one(LINES_LOST, linesLost);
  const { recorded = 0, dropped = 0, deaths = 0 } = primary?.accessLogCounts ?? {};
  if (out.begin(RECORDED)) {
    out.sample(labels({ result: 'recorded' }), recorded);
    out.sample(labels({ result: 'dropped' }), dropped);
  }
  one(LOG_DEATHS, deaths);
  if (out.begin(RENEWALS)) {
    out.sample(labels({ result: 'renewed' }), record.certificatesRenewed);
    out.sample(labels({ result: 'refused' }), record.certificatesRefused);
  }
  if (out.begin(NOT_AFTER)) {
    for (const { user, file, endsMs } of primary?.certificates ?? []) {
      out.sample(labels({ user, file }), endsMs / 1000);
    }
  }
}
