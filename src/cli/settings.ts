// Settings of a configuration one by one, under the paths they have in a document.
// Owns what compare.ts has no words of its own for, whatever a later version adds to it. Leaves comparing to compare.ts.

import { createHash } from 'node:crypto';
import type { KeepAlive } from '../base/keep-alive.js';
import type { Config, ListenerConfig, OwnListenerConfig, PoolConfig } from '../config/config.js';
import type { RuleConfig } from '../routing/input.js';

/** Settings by their paths, the values as text. What is not set is not there. */
export type Settings = ReadonlyMap<string, string>;

/** What a configuration has at its top beyond the sections that compare.ts words. `tests` change nothing that runs. */
export function topSettings(config: Config): Settings {
  const except = ['listeners', 'routes', 'pools', 'limits', 'timeouts', 'trustedProxies', 'nameservers', 'tests'];
  const { admin, metrics, ...rest } = config;
  const { listener, ...counted } = metrics;
  return settingsOf({ ...rest, admin: ownListener(admin), metrics: { ...ownListener(listener), ...counted } }, except);
}

/** Of the admin API or of metrics. Tokens are compared, not shown. */
function ownListener(listener: OwnListenerConfig | undefined): object | undefined {
  if (listener === undefined) return undefined;
  const { endpoint: _, socket, token, ...rest } = listener;
  const mode = socket?.mode === undefined ? undefined : `0${socket.mode.toString(8)}`;
  const digest = token === undefined ? undefined : createHash('sha256').update(token).digest('hex').slice(0, 8);
  return { ...rest, socket: { ...socket, mode }, token: digest === undefined ? undefined : `a secret (${digest})` };
}

/** Everything of a listener but its address, its protocol, where it leads, and whether it asks for client certificates. */
export function listenerSettings({ tls, proxySources, socket, tcpKeepAlive, ...listener }: ListenerConfig): Settings {
  const except = ['address', 'endpoint', 'protocol', 'pool', 'tlsRoutes', 'tls.clientCertificates'];
  const proxyProtocol = proxySources === undefined ? undefined : { from: proxySources };
  const mode = socket?.mode === undefined ? undefined : `0${socket.mode.toString(8)}`;
  return settingsOf(
    { ...listener, tls, proxyProtocol, socket: { ...socket, mode }, tcpKeepAlive: keepAliveSettings(tcpKeepAlive) },
    except,
  );
}

/** Everything of a pool but its servers and its options. */
export function poolSettings({ tls, tcpKeepAlive, ...rest }: PoolConfig): Settings {
  const pool = { ...rest, tcpKeepAlive: keepAliveSettings(tcpKeepAlive) };
  const except = ['name', 'balance', 'servers', 'options'];
  if (tls === undefined) return settingsOf(pool, except);
  const { certificate, verify, ...others } = tls;
  return settingsOf({ ...pool, tls: { ...others, ...certificate, insecureSkipVerify: !verify } }, except);
}

function keepAliveSettings({ idleSeconds, intervalSeconds, probes }: KeepAlive): object {
  return idleSeconds === 0 ? { idle: 0 } : { idle: `${idleSeconds}s`, interval: `${intervalSeconds}s`, probes };
}

/** Everything of a rule but its name, its conditions and its pools, which have words of their own. */
export function ruleSettings({ name, matches, priority, pool, backendRefs, ...rule }: RuleConfig): Settings {
  return settingsOf(rule, []);
}

/** The settings of `value` but those at the paths in `except`. */
function settingsOf(value: object, except: readonly string[]): Settings {
  const settings = new Map<string, string>();
  collect(value, '', except, settings);
  return settings;
}

function collect(value: unknown, path: string, except: readonly string[], settings: Map<string, string>): void {
  if (value === undefined || except.includes(path)) return;
  if (typeof value !== 'object' || value === null) {
    settings.set(path, value === '' ? 'the default' : String(value));
  } else if (!Array.isArray(value)) {
    for (const [key, member] of Object.entries(value)) {
      collect(member, path === '' ? key : `${path}.${key}`, except, settings);
    }
  } else if (value.some((item) => typeof item === 'object')) {
    for (const [index, item] of value.entries()) collect(item, `${path}[${index}]`, except, settings);
  } else {
    settings.set(path, value.join(', ') || 'none');
  }
}
