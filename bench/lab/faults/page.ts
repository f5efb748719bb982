// docs/reliability.md, from the figures of a run.
// Owns the words and the tables. Leaves the figures to figures.ts.

import { type Contestant, TRY_TIMEOUT_MS } from './contestants.js';
import type { Figures } from './figures.js';
import { FAULTS, type FaultName, type Schedule } from './run.js';

export interface Result {
  contestant: Contestant;
  fault: FaultName;
  figures: Figures;
}

const seconds = (ms: number | null, otherwise: string): string =>
  ms === null ? otherwise : `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`;

/** One row of a table. */
export function row({ contestant, figures }: Result): string {
  const { requests, failedGets, failedPosts, slowestGetMs, share, leftMs, returnedMs } = figures;
  const cells = [
    contestant,
    requests,
    failedGets,
    failedPosts,
    seconds(slowestGetMs, ''),
    `${(share * 100).toFixed(1)} %`,
    seconds(leftMs, 'stays'),
    seconds(returnedMs, 'not seen'),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The whole page. */
export function page(results: readonly Result[], machine: string, schedule: Schedule): string {
  const faults = [...new Set(results.map(({ fault }) => fault))];
  return `# Reliability

<!-- Written by \`make bench-faults FLAGS=--write\`. Do not edit. -->

What the clients of a pool notice when one of its three servers fails. Real processes: sixteen clients with a
keep-alive connection each send GETs (twelve) and POSTs (four) one at a time, 8 ms after the last answer, and never retry; after
${schedule.warmUpMs / 1000} s one server gets the fault, for ${schedule.faultMs / 1000} s, then it recovers.

All proxies are configured alike: least requests (or connections), two retries, on failed connects, resets,
timeouts of ${TRY_TIMEOUT_MS / 1000} s and the statuses 500, 502, 503 and 504, for idempotent methods; a server is out after a few failures in
a row; health checks every second where there are any (nginx has none without a subscription). The configurations
stand in \`bench/lab/faults/contestants.ts\`.

- **failed**: requests that ended in a status of 500 or above, a broken answer or a broken connection. A POST that was
  on its way to a server that died cannot be sent again safely; every proxy loses those.
- **slowest GET**: the longest that a GET took. A frozen server costs a timeout, here ${TRY_TIMEOUT_MS / 1000} s.
- **touched**: share of the requests begun under the fault that the server answered, failed or held up. A third is its
  fair share.
- **left**: from the start of the fault until the last request that went there; \`stays\` when it kept getting requests.
- **back**: from the end of the fault until its first good answer. A started process needs about half a second itself.

Machine: ${machine}. One run, while the machine had other work to do: read the orders of
magnitude, not the last failed request.

${faults.map((fault) => section(fault, results)).join('\n')}`;
}

function section(fault: FaultName, results: readonly Result[]): string {
  const rows = results.filter((result) => result.fault === fault).map(row);
  return `## A server ${FAULTS[fault]}

| proxy | requests | failed GETs | failed POSTs | slowest GET | touched | left | back |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${rows.join('\n')}
`;
}
