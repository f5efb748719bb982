// Describes a rule and its matches in short, for tables and comparisons.
// Owns the short wording. Leaves the reasons for a decision to src/routing.

import type { Place } from '../base/document-path.js';
import type { LoadedRoutes } from '../config/routes.js';
import { filterTypes, localReplyOf } from '../filters/registry.js';
import { actionLines } from '../routing/describe.js';
import { hostnameOf } from '../routing/findings.js';
import type { MatchConfig, RuleConfig, StringMatchConfig } from '../routing/input.js';
import type { RulePlan } from '../routing/plan.js';

/** One match of one rule under one host name, in words. */
export interface RouteLine {
  readonly host: string;
  /** `exact /a`, `prefix /a` or `regex /a.*`. */
  readonly path: string;
  /** `any` for every method. */
  readonly method: string;
  /** Conditions on headers, cookies, query and client, in alphabetical order: their order does not matter. */
  readonly conditions: readonly string[];
  readonly priority: number;
  /** The rule's name, or its place in the document. */
  readonly rule: string;
  readonly isNamed: boolean;
  /** Where the request goes, in short: `api 90 %, api-next 10 %`, `redirect 308`, `answer 503`. */
  readonly target: string;
  /** What becomes of the request: pools, filters, timeouts. */
  readonly actions: readonly string[];
  /** The rule as it is configured: for what no words of `actions` tell. */
  readonly config: RuleConfig;
  readonly place: Place;
}

/** Every match under every host name, in order of precedence. */
export function routeLines({ config, routes }: LoadedRoutes): RouteLine[] {
  const rules = config.routes.flatMap((route): readonly RuleConfig[] => route.rules);
  const listeners = config.routes.flatMap((route) => route.rules.map(() => route.listeners));
  const pools = Object.keys(config.pools);
  const actions = routes.rules.map((rule) => actionLines(rule, pools, filterTypes));
  const targets = routes.rules.map((rule) => describeTarget(rule, pools));
  return routes.entries.map((entry) => {
    const { rule: index, match: matchIndex, place } = entry.match;
    const rule = rules[index]!;
    const plan = routes.rules[index];
    return {
      host: hostnameOf(entry),
      ...describeMatch(rule.matches?.[matchIndex] ?? {}, listeners[index]),
      priority: plan?.priority ?? 0,
      rule: plan?.name ?? '',
      isNamed: rule.name !== undefined,
      target: targets[index] ?? '',
      actions: actions[index] ?? [],
      config: rule,
      place,
    };
  });
}

function describeTarget({ backendRefs, filters, drained, fallback }: RulePlan, pools: readonly string[]): string {
  const reply = localReplyOf(filters);
  if (reply !== undefined) return reply.says;
  if (drained) return fallback === null ? 'answer 500' : `fallback ${pools[fallback]}`;
  const total = backendRefs.reduce((sum, { weight }) => sum + weight, 0);
  const shares =
    backendRefs.length === 1
      ? [pools[backendRefs[0]!.pool] ?? '']
      : backendRefs.map(({ pool, weight }) => `${pools[pool]} ${Number(((weight / total) * 100).toFixed(2))} %`);
  return [...shares, ...(fallback === null ? [] : [`fallback ${pools[fallback]}`])].join(', ');
}

/** A route line as one text that is equal for equal conditions. */
export function conditionsKey({ host, path, method, conditions }: RouteLine): string {
  return [host, path, method, ...conditions].join(' | ');
}

/** Its conditions as people say them: `shop.example.com prefix /api POST header Accept contains json`. */
export function describeConditions({ host, path, method, conditions }: RouteLine): string {
  const parts = [host === '*' ? 'any host' : host, path, ...(method === 'any' ? [] : [method]), ...conditions];
  return parts.join(', ');
}

const PATH_TYPES = { Exact: 'exact', PathPrefix: 'prefix', RegularExpression: 'regex' } as const;

const COMPARISONS = {
  Exact: 'is',
  Prefix: 'begins with',
  Suffix: 'ends with',
  Contains: 'contains',
  Present: 'is there',
  RegularExpression: 'matches',
} as const;

function describeMatch(match: Partial<MatchConfig>, listeners: readonly string[] | undefined) {
  const { path, method, headers, queryParams, cookies, clientAddress } = match;
  const conditions = [
    ...(listeners === undefined ? [] : [`listener ${[...listeners].sort().join(' or ')}`]),
    ...describeConnectionMatch(match),
    ...(headers ?? []).map((header) => `header ${describeValueMatch({ ...header, name: header.name.toLowerCase() })}`),
    ...(cookies ?? []).map((cookie) => `cookie ${describeValueMatch(cookie)}`),
    ...(queryParams ?? []).map((parameter) => `query ${describeValueMatch(parameter)}`),
    ...(clientAddress === undefined ? [] : [`client in ${[...clientAddress].sort().join(' or ')}`]),
  ];
  return {
    path: `${PATH_TYPES[path?.type ?? 'PathPrefix']} ${path?.value ?? '/'}`,
    method: method ?? 'any',
    conditions: conditions.sort(),
  };
}

/** Conditions on TLS and on the client's certificate. */
function describeConnectionMatch({
  serverName,
  scheme,
  tlsVersion,
  tlsCipher,
  clientCertificate,
}: Partial<MatchConfig>): string[] {
  const words = [
    ...(serverName === undefined ? [] : [`server name ${serverName.toLowerCase()}`]),
    ...(scheme === undefined ? [] : [`scheme ${scheme}`]),
    ...(tlsVersion === undefined ? [] : [tlsVersion]),
    ...(tlsCipher === undefined ? [] : [tlsCipher]),
  ];
  if (clientCertificate === undefined) return words;
  const { subject, subjectAltName, fingerprint } = clientCertificate;
  const certificate = [
    ...(subject === undefined ? [] : [describeValueMatch({ name: 'subject', ...subject })]),
    ...(subjectAltName === undefined ? [] : [describeValueMatch({ name: 'name', ...subjectAltName })]),
    ...(fingerprint === undefined ? [] : [`SHA-256 ${fingerprint}`]),
  ].map((condition) => `client certificate ${condition}`);
  return [...words, ...(certificate.length === 0 ? ['client certificate is there'] : certificate)];
}

function describeValueMatch({ name, type = 'Exact', value, invert }: StringMatchConfig): string {
  const quoted = type === 'RegularExpression' ? `"${value}"` : JSON.stringify(value);
  const words = value === undefined ? COMPARISONS[type] : `${COMPARISONS[type]} ${quoted}`;
  return invert ? `${name} not: ${words}` : `${name} ${words}`;
}

/** `shop.yaml:12:9`, or the file alone where there are no lines. */
export function describePlace({ file, line, column }: Place): string {
  return line > 0 ? `${file}:${line}:${column}` : file;
}
