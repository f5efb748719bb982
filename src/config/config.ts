// The configuration as the rest of the program uses it: plain, complete, and structured-cloneable.
// Owns the step from the parsed document to that shape. Leaves validation to load.ts, and the shape of routes to src/routing.

import { dirname, resolve } from 'node:path';
import { type Endpoint, isAt, portOf, type SocketEndpoint } from '../base/endpoint.js';
import { type KeepAlive, NO_KEEP_ALIVE } from '../base/keep-alive.js';
import type { LogDestination } from '../base/log-destination.js';
import type { ProxyVersion } from '../base/proxy-protocol.js';
import type { TlsVersion } from '../base/tls-versions.js';
import { kindOf } from '../filters/registry.js';
import type { ReasonCode } from '../http/reasons.js';
import { exceptionOf } from '../routing/exceptions.js';
import type { ErrorPageConfig, RouteConfig } from '../routing/input.js';
import type { FilterConfig } from '../routing/plan.js';
import { type PoolOptions, poolOptions } from './pool-options.js';
import { SYSLOG_FACILITIES, SYSLOG_SEVERITIES } from './schema/access-log.js';
import { tcpKeepAlive as keepAliveSchema } from './schema/keep-alive.js';
import type { LISTENER_PROTOCOLS } from './schema/listeners.js';
import type { ParsedConfig } from './schema.js';
import { headersOf } from './semantics-access-log.js';

/** Where clients come in. */
export interface ListenerConfig {
  /** What routes are bound to. */
  readonly name?: string;
  /** As it was written, for messages. */
  readonly address: string;
  /** The same, read: a TCP host is an IP address. */
  readonly endpoint: SocketEndpoint;
  /** Who may connect to a unix socket. */
  readonly socket?: SocketOptions;
  /** Set exactly when the host is ::, whether it takes no IPv4 connections. */
  readonly ipv6Only?: boolean;
  /** Of accepted connections; off for a unix socket. */
  readonly tcpKeepAlive: KeepAlive;
  readonly protocol: (typeof LISTENER_PROTOCOLS)[number];
  /** Clients may speak HTTP/2 beside HTTP/1. */
  readonly http2: boolean;
  /** The pool that gets the connections unread; set when `protocol` is `tcp`, and only when it is a raw one. */
  readonly pool?: string;
  /** Empty unless `protocol` is `tls` or `tls-passthrough`. */
  readonly tlsRoutes: readonly TlsRouteConfig[];
  /** Set exactly when `protocol` is `https` or `tls`. Files with absolute names. */
  readonly tls?: TlsConfig;
  /** The port that requests are sent to by https, instead of being routed. */
  readonly redirectToHttps?: number;
  /** Prefixes of paths that are routed all the same: in normal form, without a closing slash. */
  readonly redirectToHttpsExcept?: readonly string[];
  /** Value of the field added to every response. */
  readonly strictTransportSecurity?: string;
  /** CIDR ranges whose connections begin with a PROXY header. */
  readonly proxySources?: readonly string[];
  /** The field in which trusted peers state the client's address. */
  readonly clientAddressHeader?: string;
  /** What becomes of runs of `/` in paths, unless a rule says otherwise. Default merge. */
  readonly repeatedSlashes?: 'merge' | 'keep' | 'refuse';
  /** Around those of routes and rules. */
  readonly filters?: readonly FilterConfig[];
  /** In place of those of all listeners. */
  readonly accessLogs?: readonly AccessLogConfig[];
}

/** What a listener says of the requests that come to it, defaults filled in; undefined is one that says nothing. */
export function requestSettings(listener: ListenerConfig | undefined) {
  return {
    name: listener?.name ?? '',
    redirectToHttps: listener?.redirectToHttps ?? 0,
    redirectToHttpsExcept: [...(listener?.redirectToHttpsExcept ?? [])],
    clientAddressHeader: listener?.clientAddressHeader ?? '',
    repeatedSlashes: listener?.repeatedSlashes ?? ('merge' as const),
    strictTransportSecurity: listener?.strictTransportSecurity ?? '',
  };
}

/** An access log, with all that can be said of it. */
export interface AccessLogConfig {
  readonly format: 'json' | 'combined' | 'template';
  /** Empty but for a template. */
  readonly template: string;
  readonly to: LogDestination;
  readonly statuses: readonly { readonly from: number; readonly to: number }[];
  readonly minDurationMs: number;
  readonly retried: boolean;
  /** Names of routes or rules. */
  readonly routes: readonly string[];
  readonly reasons: readonly ReasonCode[];
  readonly sample: number;
  readonly query: boolean;
  /** In lower case: those of a template too. */
  readonly headers: readonly { readonly name: string; readonly redact: boolean }[];
}

/** The file of a unix socket. */
export interface SocketOptions {
  readonly mode?: number | undefined;
  /** USER, USER:GROUP or :GROUP. */
  readonly owner?: string | undefined;
}

/** A certificate of a listener. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** The OCSP response to staple. */
  readonly ocsp?: string;
}

/** How a listener speaks TLS. */
interface TlsConfig {
  readonly certificates: readonly CertificateFiles[];
  readonly minVersion: TlsVersion;
  /** For TLS 1.2, as OpenSSL names them; empty for the default. */
  readonly ciphers: string;
  /** What clients of a `tls` listener may agree on by ALPN; empty for none. */
  readonly alpnProtocols: readonly string[];
  /** Set when clients are asked for a certificate; `ca` with an absolute name. */
  readonly clientCertificates?: { readonly mode: 'optional' | 'required'; readonly ca: string };
}

/** Connections that ask for one of these names, and the pools that share them. */
export interface TlsRouteConfig {
  readonly hostnames: readonly string[];
  readonly backendRefs: readonly { readonly pool: string; readonly weight: number }[];
}

/** Listeners that pass bytes on unread. */
export function isRaw(protocol: ListenerConfig['protocol']): boolean {
  return protocol !== 'http' && protocol !== 'https';
}

/** One server of a pool. */
interface ServerConfig {
  /** The name given, or the address. Unique in its pool. */
  readonly name: string;
  /** As it was written, for messages. */
  readonly address: string;
  readonly endpoint: Endpoint;
  readonly weight: number;
  /** Used only when no other server of the pool can be. */
  readonly backup: boolean;
}

/** How TLS is spoken to servers. */
export interface BackendTlsConfig {
  readonly serverName: string;
  /** Files with absolute names. */
  readonly ca?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
  readonly minVersion: TlsVersion;
  readonly verify: boolean;
}

/** A group of servers. */
export interface PoolConfig {
  readonly name: string;
  readonly balance: ParsedConfig['pools'][string]['balance'];
  readonly servers: readonly ServerConfig[];
  readonly options: PoolOptions;
  /** Set when TLS is spoken to the servers. */
  readonly tls?: BackendTlsConfig;
  /** Of connections to the servers; those over unix sockets have none. */
  readonly tcpKeepAlive: KeepAlive;
  /** The version of the PROXY header that connections to the servers begin with. */
  readonly proxyProtocol?: ProxyVersion;
}

/** Sizes in bytes; 0 in `bodyBytesMax` is unlimited. */
type LimitsConfig = Readonly<Required<ParsedConfig['limits']>> & {
  readonly uriBytesMax: number;
};

/** The limits as they are run, with `autoSlabBytes` for a slab that is sized by the machine. */
export function limitsWith({ limits }: Config, autoSlabBytes: number): LimitsConfig & { slabBytes: number } {
  return { ...limits, slabBytes: limits.slabBytes === 'auto' ? autoSlabBytes : limits.slabBytes };
}

/** All in milliseconds; 0 is no limit. */
type TimeoutsConfig = { readonly [Name in keyof ParsedConfig['timeouts'] as `${Name}Ms`]: number };

/** One route expectation. */
export type TestConfig = NonNullable<ParsedConfig['tests']>[number];

/** Where something of ours listens that is no listener. */
export interface OwnListenerConfig {
  /** As it was written, for messages. */
  readonly address: string;
  readonly endpoint: SocketEndpoint;
  readonly socket?: SocketOptions;
  /** What clients have to know. */
  readonly token?: string;
}

export interface AdminConfig extends OwnListenerConfig {
  readonly metrics: boolean;
  /** With an absolute name. */
  readonly stateFile?: string;
}

export interface MetricsConfig {
  /** Where metrics alone are served; undefined for nowhere. */
  readonly listener?: OwnListenerConfig;
  readonly seriesMax: number;
}

/** A whole configuration, every default filled in. */
export interface Config {
  readonly listeners: readonly ListenerConfig[];
  readonly routes: readonly RouteConfig[];
  /** Of all requests, around all others. */
  readonly filters?: readonly FilterConfig[];
  /** By name, in the order of the file: the order is the pool's index. */
  readonly pools: Readonly<Record<string, PoolConfig>>;
  /** Of listeners that have none of their own. */
  readonly accessLogs: readonly AccessLogConfig[];
  /** Of all requests. Files with absolute names. */
  readonly errorPages: readonly ErrorPageConfig[];
  readonly limits: LimitsConfig;
  readonly timeouts: TimeoutsConfig;
  /** CIDR ranges with their prefix length written out. */
  readonly trustedProxies: readonly string[];
  /** DNS servers to ask for names, with a port or without; none asks as the system does. */
  readonly nameservers: readonly string[];
  readonly tests: readonly TestConfig[];
  /** Undefined for none. */
  readonly admin?: AdminConfig;
  readonly metrics: MetricsConfig;
}

/** The longest request target unless the file says otherwise. */
const URI_BYTES_MAX = 8192;

/** Fills in what the schema cannot: units in names, names of servers, file names relative to the configuration `file`. */
export function resolveConfig(parsed: ParsedConfig, file: string): Config {
  const { limits, timeouts } = parsed;
  return {
    listeners: parsed.listeners.map((listener) => listenerConfig(listener, parsed.listeners, dirname(file))),
    routes: (parsed.routes ?? []).map((route) => withFiles(route, dirname(file))),
    pools: Object.fromEntries(
      Object.entries(parsed.pools).map(([name, pool]) => [
        name,
        {
          name,
          balance: pool.balance,
          servers: pool.servers.map((server) => ({
            name: server.name ?? server.address.address,
            ...server.address,
            weight: server.weight,
            backup: server.backup,
          })),
          tcpKeepAlive: keepAliveOf(pool.tcpKeepAlive),
          ...withTls(pool, poolOptions(pool, limits.retriesMax), dirname(file)),
          ...(pool.proxyProtocol === undefined ? {} : { proxyProtocol: pool.proxyProtocol }),
        },
      ]),
    ),
    accessLogs: accessLogs(parsed.accessLog ?? [], dirname(file)),
    errorPages: (parsed.errorPages ?? []).map((page) => withFile(page, dirname(file))),
    limits: {
      ...limits,
      uriBytesMax: limits.uriBytesMax ?? Math.min(URI_BYTES_MAX, limits.headBytesMax),
    },
    timeouts: {
      requestHeadMs: timeouts.requestHead,
      tlsHandshakeMs: timeouts.tlsHandshake,
      idleMs: timeouts.idle,
      requestBodyMs: timeouts.requestBody,
      connectMs: timeouts.connect,
      responseHeadMs: timeouts.responseHead,
      responseIdleMs: timeouts.responseIdle,
      backendIdleMs: timeouts.backendIdle,
      requestMs: timeouts.request,
      drainLeadMs: timeouts.drainLead,
      drainMs: timeouts.drain,
      tunnelIdleMs: timeouts.tunnelIdle,
      halfClosedMs: timeouts.halfClosed,
      clientRateMs: timeouts.clientRate,
      mirrorMs: timeouts.mirror,
    },
    trustedProxies: parsed.trustedProxies,
    ...withFiltersFiles(parsed.filters, dirname(file)),
    nameservers: parsed.nameservers,
    tests: parsed.tests ?? [],
    ...(parsed.admin === undefined ? {} : { admin: adminConfig(parsed.admin, dirname(file)) }),
    metrics: metricsConfig(parsed.metrics),
  };
}

/** The file of the admin API is for the user of the process alone, unless it says otherwise. */
const ADMIN_SOCKET_MODE = 0o600;

function adminConfig(admin: NonNullable<ParsedConfig['admin']>, directory: string): AdminConfig {
  const { address, socket, metrics, token, stateFile } = admin;
  const file = { socket: { mode: ADMIN_SOCKET_MODE, ...socket } };
  return {
    ...address,
    ...(address.endpoint.kind === 'unix' ? file : {}),
    ...(token === undefined ? {} : { token }),
    metrics,
    ...(stateFile === undefined ? {} : { stateFile: resolve(directory, stateFile) }),
  };
}

function metricsConfig({ address, socket, token, seriesMax }: ParsedConfig['metrics']): MetricsConfig {
  if (address === undefined) return { seriesMax };
  const rest = { ...(socket === undefined ? {} : { socket }), ...(token === undefined ? {} : { token }) };
  return { listener: { ...address, ...rest }, seriesMax };
}

/** TCP keep-alive in the kernel's units; what is not said has its default. */
function keepAliveOf(said: ParsedConfig['listeners'][number]['tcpKeepAlive']): KeepAlive {
  const { idle, interval, probes } = said ?? keepAliveSchema.parse({});
  if (idle === 0) return NO_KEEP_ALIVE;
  return { idleSeconds: idle / 1000, intervalSeconds: interval / 1000, probes };
}

/** Some listener takes every IPv4 connection at the port: then [::] does not. */
function hasV4Wildcard(listeners: ParsedConfig['listeners'], port: number | undefined): boolean {
  return listeners.some(({ address }) => isAt(address.endpoint, '0.0.0.0', port));
}

function listenerConfig(
  listener: ParsedConfig['listeners'][number],
  all: ParsedConfig['listeners'],
  directory: string,
): ListenerConfig {
  const { address, protocol, pool, tlsRoutes, tls, redirectToHttps, strictTransportSecurity, proxyProtocol } = listener;
  const { name, clientAddressHeader, redirectToHttpsExcept, repeatedSlashes, filters, socket, accessLog } = listener;
  const port = portOf(address.endpoint);
  return {
    ...(name === undefined ? {} : { name }),
    ...address,
    ...(socket === undefined ? {} : { socket }),
    ...(isAt(address.endpoint, '::', port) ? { ipv6Only: listener.ipv6Only ?? hasV4Wildcard(all, port) } : {}),
    tcpKeepAlive: address.endpoint.kind === 'unix' ? NO_KEEP_ALIVE : keepAliveOf(listener.tcpKeepAlive),
    protocol,
    http2: listener.http2 ?? protocol === 'https',
    ...(pool === undefined ? {} : { pool }),
    tlsRoutes: (tlsRoutes ?? []).map((route) => ({
      hostnames: route.hostnames.map((hostname) => hostname.toLowerCase()),
      backendRefs: route.backendRefs ?? (route.pool === undefined ? [] : [{ pool: route.pool, weight: 1 }]),
    })),
    ...(tls === undefined ? {} : { tls: tlsConfig(tls, directory) }),
    ...(redirectToHttps === undefined ? {} : { redirectToHttps }),
    ...(redirectToHttpsExcept === undefined
      ? {}
      : { redirectToHttpsExcept: redirectToHttpsExcept.flatMap((path) => exceptionOf(path) ?? []) }),
    ...(strictTransportSecurity === undefined ? {} : { strictTransportSecurity }),
    ...(proxyProtocol === undefined ? {} : { proxySources: proxyProtocol.from }),
    ...(clientAddressHeader === undefined ? {} : { clientAddressHeader }),
    ...(repeatedSlashes === undefined ? {} : { repeatedSlashes }),
    ...withFiltersFiles(filters, directory),
    ...(accessLog === undefined ? {} : { accessLogs: accessLogs(accessLog, directory) }),
  };
}

/** The mode of a log that is made: not for everyone to read. */
const LOG_MODE = 0o640;

function accessLogs(logs: NonNullable<ParsedConfig['accessLog']>, directory: string): AccessLogConfig[] {
  return logs.map((log) => {
    const { format, template = '', to, when, sample, query } = log;
    return {
      format,
      template,
      to: logDestination(to, directory),
      statuses: when.statuses ?? [],
      minDurationMs: when.minDuration,
      retried: when.retried,
      routes: when.routes ?? [],
      reasons: when.reasons ?? [],
      sample,
      query: query ?? format !== 'json',
      headers: headersOf(log),
    };
  });
}

function logDestination(
  { file, mode, syslog }: NonNullable<ParsedConfig['accessLog']>[number]['to'],
  directory: string,
): LogDestination {
  if (file !== undefined) return { type: 'file', file: resolve(directory, file), mode: mode ?? LOG_MODE };
  if (syslog === undefined) return { type: 'stdout' };
  const { address, facility, severity, appName } = syslog;
  const priority = SYSLOG_FACILITIES.indexOf(facility) * 8 + SYSLOG_SEVERITIES.indexOf(severity);
  return { type: 'syslog', ...address, priority, appName };
}

function tlsConfig(
  {
    certificates,
    minVersion,
    ciphers,
    alpnProtocols,
    clientCertificates,
  }: NonNullable<ParsedConfig['listeners'][number]['tls']>,
  directory: string,
): TlsConfig {
  return {
    certificates: certificates.map(({ cert, key, ocsp }) => ({
      cert: resolve(directory, cert),
      key: resolve(directory, key),
      ...(ocsp === undefined ? {} : { ocsp: resolve(directory, ocsp) }),
    })),
    minVersion,
    ciphers: ciphers ?? '',
    alpnProtocols: alpnProtocols ?? [],
    ...(clientCertificates === undefined
      ? {}
      : { clientCertificates: { ...clientCertificates, ca: resolve(directory, clientCertificates.ca) } }),
  };
}

/** The name that servers are asked for by TLS: the one given, or the host they all have; undefined when there is none. */
export function serverNameOf({ tls, servers }: ParsedConfig['pools'][string]): string | undefined {
  if (tls?.serverName !== undefined) return tls.serverName;
  const hosts = new Set(
    servers.map(({ address: { endpoint } }) => (endpoint.kind === 'tcp' ? endpoint.host : undefined)),
  );
  return hosts.size === 1 ? [...hosts][0] : undefined;
}

/** The options of a pool, whose health checks speak to its servers as requests do. */
function withTls(
  pool: ParsedConfig['pools'][string],
  options: PoolOptions,
  directory: string,
): { options: PoolOptions; tls?: BackendTlsConfig } {
  if (pool.tls === undefined) return { options };
  const { ca, cert, key, minVersion, insecureSkipVerify } = pool.tls;
  const tls = {
    serverName: serverNameOf(pool) ?? 'localhost',
    ...(ca === undefined ? {} : { ca: resolve(directory, ca) }),
    ...(cert === undefined || key === undefined
      ? {}
      : { certificate: { cert: resolve(directory, cert), key: resolve(directory, key) } }),
    minVersion,
    verify: !insecureSkipVerify,
  };
  const { healthCheck } = options;
  return { tls, options: healthCheck === null ? options : { ...options, healthCheck: { ...healthCheck, tls } } };
}

/** The route with the files of its direct responses and error pages named absolutely. */
function withFiles(route: RouteConfig, directory: string): RouteConfig {
  const rules = route.rules.map((rule) => ({
    ...rule,
    ...(rule.errorPages === undefined ? {} : { errorPages: rule.errorPages.map((page) => withFile(page, directory)) }),
    ...withFiltersFiles(rule.filters, directory),
  }));
  return { ...route, rules, ...withFiltersFiles(route.filters, directory) };
}

/** The same with its file named absolutely, if it has one. */
function withFile<Part extends { readonly file?: string | undefined }>(part: Part, directory: string): Part {
  return part.file === undefined ? part : { ...part, file: resolve(directory, part.file) };
}

/** A list of filters with their files named absolutely; nothing without one. */
function withFiltersFiles(
  filters: readonly FilterConfig[] | undefined,
  directory: string,
): { filters?: readonly FilterConfig[] } {
  return filters === undefined ? {} : { filters: filters.map((filter) => withFilterFiles(filter, directory)) };
}

function withFilterFiles(filter: FilterConfig, directory: string): FilterConfig {
  const { withFiles } = kindOf(filter.type);
  if (withFiles === undefined) return filter;
  return withFiles(filter, (name) => resolve(directory, name));
}
