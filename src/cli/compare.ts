// What differs between two configurations, as data.
// Owns the comparison. Leaves settings one by one to settings.ts, reading files and wording the report to diff.ts.

import { BALANCE_DEFAULTS, LIMIT_DEFAULTS, OUTLIER_DEFAULTS, SESSION_DEFAULTS } from '../balance/options.js';
import { RETRY_DEFAULTS } from '../balance/retry.js';
import { type Problem, shown } from '../base/problems.js';
import type { Config, ListenerConfig, PoolConfig } from '../config/config.js';
import type { LoadedRoutes } from '../config/routes.js';
import { describeTlsRoute } from '../explain/connection-lines.js';
import {
  conditionsKey,
  describeConditions,
  describePlace,
  type RouteLine,
  routeLines,
} from '../explain/route-lines.js';
import { HEALTH_CHECK_DEFAULTS } from '../health/options.js';
import type { RuleConfig } from '../routing/input.js';
import { listenerSettings, poolSettings, ruleSettings, type Settings, topSettings } from './settings.js';

/** One rule that came, went, or does something else than before. */
export interface RuleChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** Its name, or its place in the document. A rule that keeps its name is changed, never added or removed. */
  readonly rule: string;
  /** `file:line:column`, in the new file unless the rule was removed. */
  readonly place: string;
  /** The conditions this is about, in words. */
  readonly conditions: readonly string[];
  /** Of a rule that keeps its name: conditions it had and has no more, and those it has now and had not. */
  readonly conditionsBefore?: readonly string[];
  readonly conditionsAfter?: readonly string[];
  /** What became of such requests, and what becomes of them now. Empty where there was, or is, no rule. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** A pool or a setting that came, went or changed, in words. */
export interface SettingChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** `pools.api`, `limits.headBytesMax`, `listener :443 tls.minVersion`. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** Everything that differs. */
export interface Comparison {
  readonly rules: readonly RuleChange[];
  /** Rules and matches that requests do not reach any more, and did before or are new. */
  readonly shadowed: readonly Problem[];
  readonly settings: readonly SettingChange[];
}

export function compare(before: LoadedRoutes, after: LoadedRoutes): Comparison {
  return {
    rules: compareRules(before, after),
    shadowed: newlyShadowed(before, after),
    settings: compareSettings(before.config, after.config),
  };
}

/** Route lines by their conditions. Of equal conditions the first wins, so the others do not count. */
function byConditions(loaded: LoadedRoutes): Map<string, RouteLine> {
  const lines = new Map<string, RouteLine>();
  for (const line of routeLines(loaded)) {
    const key = conditionsKey(line);
    if (!lines.has(key)) lines.set(key, line);
  }
  return lines;
}

function compareRules(before: LoadedRoutes, after: LoadedRoutes): RuleChange[] {
  const oldLines = byConditions(before);
  const newLines = byConditions(after);
  const changes = new Map<string, RuleChange & { conditions: string[] }>();
  const note = (kind: RuleChange['kind'], line: RouteLine, was: readonly string[], is: readonly string[]) => {
    const place = describePlace(line.place);
    // One rule under several hosts, or with several matches, is one change.
    const key = changeKey(kind, line.rule, was, is);
    const known = changes.get(key);
    if (known) known.conditions.push(describeConditions(line));
    else
      changes.set(key, {
        kind,
        rule: line.rule,
        place,
        conditions: [describeConditions(line)],
        before: was,
        after: is,
      });
  };
  const renewed = new Map<string, Renewed>();
  const namedBefore = byName(oldLines.values());
  const namedAfter = byName(newLines.values());
  const renew = (line: RouteLine): Renewed | undefined => {
    const [was, is] = [namedBefore.get(line.rule), namedAfter.get(line.rule)];
    if (!line.isNamed || was === undefined || is === undefined) return undefined;
    const known = renewed.get(line.rule) ?? { was, is, gone: [], come: [] };
    renewed.set(line.rule, known);
    return known;
  };
  for (const [key, line] of newLines) {
    const old = oldLines.get(key);
    const same = old === undefined ? renew(line) : undefined;
    if (same !== undefined) same.come.push(describeConditions(line));
    else if (old === undefined) note('added', line, [], line.actions);
    else if (old.actions.join('\n') !== line.actions.join('\n')) note('changed', line, old.actions, line.actions);
    else if (old.config !== line.config) {
      const [was, is] = unworded(old.config, line.config);
      if (was.length + is.length > 0) note('changed', line, was, is);
    }
  }
  for (const [key, line] of oldLines) {
    if (newLines.has(key)) continue;
    const same = renew(line);
    if (same === undefined) note('removed', line, line.actions, []);
    else same.gone.push(describeConditions(line));
  }
  for (const [rule, { was, is, gone, come }] of renewed) {
    const key = changeKey('changed', rule, was.actions, is.actions);
    const known = changes.get(key) ?? {
      kind: 'changed',
      rule,
      place: describePlace(is.place),
      conditions: [],
      before: was.actions,
      after: is.actions,
    };
    changes.set(key, { ...known, conditionsBefore: gone, conditionsAfter: come });
  }
  return [...changes.values()];
}

/** Settings of a rule that differ although its actions are the same in words: `sessionPersistence.lifetime 3600000`. */
function unworded(before: RuleConfig, after: RuleConfig): [was: string[], is: string[]] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [[], []];
  const [old, now] = [ruleSettings(before), ruleSettings(after)];
  const differing = [...new Set([...old.keys(), ...now.keys()])].filter((path) => old.get(path) !== now.get(path));
  const describe = (settings: Settings, secret: string): string[] =>
    differing.flatMap((path) => {
      const value = settings.get(path);
      if (value === undefined) return [];
      if (path.endsWith('.secret')) return [`${path} ${secret}`];
      return [`${path} ${/^[\w.:-]+$/.test(value) ? value : shown(value)}`];
    });
  return [describe(old, 'one'), describe(now, 'another one')];
}

/** Equal for what is one change of one rule. */
function changeKey(kind: RuleChange['kind'], rule: string, was: readonly string[], is: readonly string[]): string {
  return [kind, rule, ...was, '→', ...is].join('\n');
}

/** A rule that keeps its name and has other conditions now: a line of it before and now, and the conditions that differ. */
interface Renewed {
  readonly was: RouteLine;
  readonly is: RouteLine;
  readonly gone: string[];
  readonly come: string[];
}

/** The first line of each rule that has a name. */
function byName(lines: Iterable<RouteLine>): Map<string, RouteLine> {
  const named = new Map<string, RouteLine>();
  for (const line of lines) if (line.isNamed && !named.has(line.rule)) named.set(line.rule, line);
  return named;
}

/** Warnings of the new configuration that the old one did not give for the same conditions. */
function newlyShadowed(before: LoadedRoutes, after: LoadedRoutes): Problem[] {
  const unreached = ({ routes }: LoadedRoutes) =>
    routes.warnings.filter(({ found }) => found.startsWith('No request reaches'));
  const conditionsOf = (loaded: LoadedRoutes) => {
    const lines = routeLines(loaded);
    return (problem: Problem) =>
      lines
        .filter(
          ({ place, rule }) =>
            problem.path === rule || (place.line === problem.line && place.column === problem.column),
        )
        .map(conditionsKey)
        .join('\n');
  };
  const oldConditions = conditionsOf(before);
  const newConditions = conditionsOf(after);
  const known = new Set(unreached(before).map(oldConditions));
  return unreached(after).filter((problem) => !known.has(newConditions(problem)));
}

function compareSettings(before: Config, after: Config): SettingChange[] {
  const changes: SettingChange[] = [];
  const note = (path: string, was: string | undefined, is: string | undefined) => {
    if (was === is) return;
    const kind = was === undefined ? 'added' : is === undefined ? 'removed' : 'changed';
    changes.push({ kind, path, before: was ?? '', after: is ?? '' });
  };
  const each = <Value>(
    path: string,
    was: ReadonlyMap<string, Value>,
    is: ReadonlyMap<string, Value>,
    describe: (value: Value) => string,
  ) => {
    for (const key of new Set([...was.keys(), ...is.keys()])) {
      const [old, now] = [was.get(key), is.get(key)];
      note(
        `${path}${key}`,
        old === undefined ? undefined : describe(old),
        now === undefined ? undefined : describe(now),
      );
    }
  };
  const timeouts = ({ timeouts }: Config) =>
    new Map(Object.entries(timeouts).map(([name, ms]) => [name.replace(/Ms$/, ''), ms]));
  const listeners = ({ listeners }: Config) => new Map(listeners.map((listener) => [listener.address, listener]));
  each('listener ', listeners(before), listeners(after), describeListener);
  const pools = ({ pools }: Config) => new Map(Object.entries(pools));
  each('pools.', pools(before), pools(after), describePool);
  each('limits.', new Map(Object.entries(before.limits)), new Map(Object.entries(after.limits)), String);
  each('timeouts.', timeouts(before), timeouts(after), (ms) => `${ms} ms`);
  const asked = ({ nameservers }: Config) => nameservers.join(', ') || 'those of the machine';
  note('nameservers', asked(before), asked(after));
  note('trustedProxies', before.trustedProxies.join(', ') || 'none', after.trustedProxies.join(', ') || 'none');
  each('', topSettings(before), topSettings(after), String);
  // What the words above leave out, of those that stay.
  for (const [address, old] of listeners(before)) {
    const now = listeners(after).get(address);
    if (now !== undefined) each(`listener ${address} `, listenerSettings(old), listenerSettings(now), String);
  }
  for (const [name, old] of pools(before)) {
    const now = pools(after).get(name);
    if (now === undefined) continue;
    each(`pools.${name}.`, poolSettings(old), poolSettings(now), String);
    const [secret, newSecret] = [old.options.session?.secret ?? '', now.options.session?.secret ?? ''];
    if (secret !== '' && newSecret !== '' && secret !== newSecret) {
      note(`pools.${name}.sessionPersistence.secret`, 'a secret', 'another one');
    }
  }
  return changes;
}

/** The protocol, where the connections of a raw listener go, and who may come: `tls to api (shop.example.com to shop)`. */
function describeListener({ protocol, pool, tlsRoutes, tls }: ListenerConfig): string {
  const names = tlsRoutes.map((route) => `${route.hostnames.join(', ')} to ${describeTlsRoute(route)}`);
  const { mode, ca } = tls?.clientCertificates ?? {};
  return [
    protocol,
    pool === undefined ? '' : ` to ${pool}`,
    names.length === 0 ? '' : ` (${names.join('; ')})`,
    mode === undefined ? '' : `, client certificates ${mode} (${ca})`,
  ].join('');
}

/** The servers in words, then every option that is not its default. */
function describePool({
  servers,
  options: { balance, healthCheck, outlier, session, retry, limits },
}: PoolConfig): string {
  const list = servers.map(({ name, address, weight, backup }) => {
    const words = [
      name === address ? '' : name,
      address,
      weight === 1 ? '' : `weight ${weight}`,
      backup ? 'backup' : '',
    ];
    return words.filter((word) => word !== '').join(' ');
  });
  const parts = [
    describeOptions(balance.kind, balance, BALANCE_DEFAULTS),
    describeOptions('healthCheck', healthCheck, HEALTH_CHECK_DEFAULTS),
    outlier === null ? 'no outlierDetection' : describeOptions('outlierDetection', outlier, OUTLIER_DEFAULTS),
    describeOptions('sessionPersistence', session, SESSION_DEFAULTS),
    describeOptions('retry', retry, RETRY_DEFAULTS),
    describeOptions('limits', limits, LIMIT_DEFAULTS),
  ];
  const isPlain = (text: string) => text === '' || text === 'retry' || text === 'outlierDetection' || text === 'limits';
  return [list.join(', ') || 'no servers', ...parts.filter((text) => !isPlain(text))].join('; ');
}

/** `healthCheck (path /healthz, intervalMs 2000)`: a name, and what differs from the defaults. */
function describeOptions<Options extends object>(name: string, options: Options | null, defaults: Options): string {
  if (options === null) return '';
  const usual = new Map<string, unknown>(Object.entries(defaults));
  const given = Object.entries(options).flatMap(([key, value]: [string, unknown]) => {
    // tls and proxyProtocol of a health check are those of its pool.
    if (['kind', 'tls', 'proxyProtocol'].includes(key) || JSON.stringify(value) === JSON.stringify(usual.get(key)))
      return [];
    if (key === 'secret') return ['secret'];
    return [`${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`];
  });
  return given.length === 0 ? name : `${name} (${given.join(', ')})`;
}
