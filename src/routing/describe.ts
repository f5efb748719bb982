// Describes an explanation, and what a rule does, for people.
// Owns the wording. Leaves deciding to explain.ts, and where the text goes to the command line.

import type { PrecedenceStep } from './compiled-match.js';
import type { Candidate, Explanation } from './explain.js';
import type { FilterTypes } from './filter-types.js';
import type { Comparison, Finding, Part } from './findings.js';
import type {
  ErrorPagePlan,
  FilterPlan,
  RepeatedSlashes,
  RuleLimits,
  RulePlan,
  RuleTimeouts,
  StickyPlan,
} from './plan.js';

const PART_NAMES: Readonly<Record<Part, string>> = {
  listener: 'listener',
  hostname: 'host',
  path: 'path',
  method: 'method',
  header: 'header',
  cookie: 'cookie',
  queryParam: 'query parameter',
  clientAddress: 'client address',
  serverName: 'TLS server name',
  scheme: 'scheme',
  tlsVersion: 'TLS version',
  tlsCipher: 'TLS cipher',
  clientCertificate: 'SHA-256 of the client certificate',
  clientCertificateSubject: 'subject of the client certificate',
  clientCertificateSubjectAltName: 'alternative names of the client certificate',
};

const COMPARISON_NAMES: Readonly<Record<Comparison, string>> = {
  Exact: '',
  PathPrefix: 'prefix ',
  Prefix: 'beginning with ',
  Suffix: 'ending with ',
  Contains: 'containing ',
  Present: 'any value',
  RegularExpression: 'matching ',
  Within: 'within ',
  OneOf: 'one of ',
};

const STEP_NAMES: Readonly<Record<PrecedenceStep, string>> = {
  priority: 'a lower priority',
  hostname: 'a less specific host name',
  path: 'a less specific path',
  method: 'no condition on the method',
  headers: 'fewer conditions on headers and cookies',
  queryParams: 'fewer conditions on query parameters',
  client: 'fewer conditions on the client',
  order: 'later in the file, otherwise equal',
};

/**
 * The explanation as lines of text. `pools` are the names of the pools in the order of their indexes; `notes` are lines about the
 * request itself, `outer` the filters of all and of its listener.
 */
export function describeExplanation(
  explanation: Explanation,
  pools: readonly string[],
  filterTypes: FilterTypes,
  notes: readonly string[] = [],
  outer: readonly OuterFilters[] = [],
): string {
  const { request, winner, knowsHost, losers } = explanation;
  const query = request.query === '' ? '' : `?${request.query}`;
  const site = request.host === '' ? '' : `${request.scheme}://${request.host}`;
  const lines = [`${request.method} ${site}${request.path}${query}`, ...notes, ''];
  if (winner === undefined) {
    lines.push('No rule matches: the answer is 404.');
    if (!knowsHost && request.host !== '') lines.push(`No route is for the host ${quoted(request.host)}.`);
  } else {
    lines.push(`goes to ${describeCandidate(winner)}`);
    for (const finding of winner.findings) lines.push(`  because ${describeHolding(finding)}`);
    for (const line of actionLines(winner.rule, pools, filterTypes, outer)) lines.push(`  ${line}`);
  }
  for (const loser of losers) {
    lines.push('', `not to ${describeCandidate(loser)}`);
    if (loser.outrankedBy !== undefined) lines.push(`  it matches too, but has ${STEP_NAMES[loser.outrankedBy]}`);
    for (const finding of loser.findings) if (!finding.holds) lines.push(`  ${describeLacking(finding)}`);
  }
  return `${lines.join('\n')}\n`;
}

function describeCandidate({ rule, place, match }: Candidate): string {
  const where = place.line === 0 ? place.file : `${place.file}:${place.line}:${place.column}`;
  return `${rule.name}, match ${match + 1} (${where})`;
}

function describeExpected({ comparison, expected, invert }: Finding): string {
  // An expression as it is written: its backslashes would not be read twice.
  const value = comparison === 'Present' ? '' : comparison === 'RegularExpression' ? `"${expected}"` : quoted(expected);
  return `${invert ? 'not ' : ''}${COMPARISON_NAMES[comparison]}${value}`;
}

function describePart({ part, name }: Finding): string {
  return name === undefined ? PART_NAMES[part] : `${PART_NAMES[part]} ${name}`;
}

function describeHolding(finding: Finding): string {
  if (finding.part === 'hostname' && finding.expected === '*') return 'the route is for every host';
  const verb = finding.part === 'clientCertificateSubjectAltName' ? 'are' : 'is';
  return `${describePart(finding)} ${verb} ${describeFound(finding)}, expected ${describeExpected(finding)}`;
}

function describeLacking(finding: Finding): string {
  const found = isUnstated(finding) ? describeFound(finding) : `found ${describeFound(finding)}`;
  return `${describePart(finding)}: ${found}, expected ${describeExpected(finding)}`;
}

function describeFound(finding: Finding): string {
  if (isUnstated(finding)) return 'not stated';
  return finding.found === undefined ? 'absent' : quoted(finding.found);
}

/** True for what a request in words leaves out of its certificate. A subject may be empty; a fingerprint never is. */
function isUnstated({ part, found }: Finding): boolean {
  return (part === 'clientCertificateSubject' || part === 'clientCertificate') && found === '';
}

function quoted(value: string): string {
  return JSON.stringify(value);
}

/** Filters around those of a route, and in words whose they are: `all`, `listener plain`. */
export interface OuterFilters {
  readonly of: string;
  readonly filters: readonly FilterPlan[];
}

/**
 * What a rule does with a request: its pools and their shares, then the filters, the outermost first; of those around the
 * rule only what applies to its requests.
 */
export function actionLines(
  rule: RulePlan,
  pools: readonly string[],
  filterTypes: FilterTypes,
  outer: readonly OuterFilters[] = [],
): string[] {
  const total = rule.backendRefs.reduce((sum, { weight }) => sum + weight, 0);
  const lines = rule.backendRefs.map(({ pool, weight }) => {
    const share = total === 0 ? 0 : (weight / total) * 100;
    return `pool ${pools[pool] ?? pool}${rule.backendRefs.length === 1 ? '' : ` gets ${Number(share.toFixed(2))} %`}`;
  });
  if (rule.priority !== 0) lines.unshift(`priority ${rule.priority}`);
  if (rule.sticky !== null) lines.push(describeSticky(rule.sticky));
  const fallback = rule.fallback === null ? null : `pool ${pools[rule.fallback] ?? rule.fallback}`;
  if (rule.drained)
    lines.push(`every weight is 0: ${fallback === null ? 'the answer is 500' : `${fallback} gets all`}`);
  else if (fallback !== null) lines.push(`${fallback} where that cannot answer`);
  // No server sees a request that the rule answers: of what is around it only changes of the response are left.
  const isLocal = rule.filters.some(filterTypes.repliesLocally);
  for (const { of, filters } of [...outer, { of: 'route', filters: rule.routeFilters }]) {
    for (const filter of filters) {
      if (!isLocal || filterTypes.isBesideLocalReply(filter))
        lines.push(`${filterTypes.describe(filter, pools)} (${of})`);
    }
  }
  for (const filter of rule.filters) lines.push(filterTypes.describe(filter, pools));
  lines.push(...errorPageLines(rule.errorPages));
  const slashes = rule.repeatedSlashes === undefined ? [] : [SLASH_TEXTS[rule.repeatedSlashes]];
  return [...lines, ...slashes, ...timeoutLines(rule.timeouts), ...limitLines(rule.limits)];
}

const SLASH_TEXTS: Readonly<Record<RepeatedSlashes, string>> = {
  merge: 'the server gets one / for a run of them',
  keep: 'the server gets runs of / as they were sent',
  refuse: 'a path with a run of / is answered with 400',
};

function describeSticky(sticky: StickyPlan): string {
  if (sticky.by === 'session') return `a client stays with its pool by the ${sticky.type.toLowerCase()} ${sticky.name}`;
  const { type, name } = sticky;
  const part = {
    ClientAddress: 'address of the client',
    Path: 'path',
    Header: 'header',
    Cookie: 'cookie',
    QueryParam: 'query parameter',
  }[type];
  return `the pool is chosen by a hash of the ${part}${name === '' ? '' : ` ${name}`}`;
}

/** The error pages of a rule, or of all, in words. */
export function errorPageLines(pages: readonly ErrorPagePlan[]): string[] {
  return pages.map(({ statuses, contentType, body, file }) => {
    const ranges = statuses.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
    const source = file === undefined ? '' : ` from ${file}`;
    return `error page for local replies ${ranges}: ${body.length} bytes of ${contentType}${source}`;
  });
}

const TIMEOUT_TEXTS: Readonly<Record<keyof RuleTimeouts, string>> = {
  request: 'the whole request may take',
  backendRequest: 'one attempt may take, from the request sent to the end of the response,',
  responseHead: 'the head of the response may take',
  responseIdle: 'between two pieces of the response may pass',
  requestBody: 'between two pieces of the request body may pass',
  tunnelIdle: 'a tunnel may be idle for',
};

function timeoutLines(timeouts: RuleTimeouts): string[] {
  return (Object.keys(TIMEOUT_TEXTS) as (keyof RuleTimeouts)[]).flatMap((name) => {
    const ms = timeouts[name];
    return ms === undefined ? [] : [`${TIMEOUT_TEXTS[name]} ${ms === 0 ? 'any time' : `${ms} ms`}`];
  });
}

function limitLines({ bodyBytesMax, retryBodyBytesMax }: RuleLimits): string[] {
  const lines: string[] = [];
  if (bodyBytesMax !== undefined)
    lines.push(`the request body may have ${bodyBytesMax === 0 ? 'any length' : `${bodyBytesMax} bytes`}`);
  if (retryBodyBytesMax !== undefined)
    lines.push(`a request body of up to ${retryBodyBytesMax} bytes is kept for another try`);
  return lines;
}
