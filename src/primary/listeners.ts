// The listening sockets of the process: opened before a worker starts, kept over reloads, closed first in a drain.

import { readlinkSync } from 'node:fs';
import { endpointKey } from '../base/endpoint.js';
import { type ListenerConfig, requestSettings } from '../config/config.js';
import { addon, EngineUnusableError } from '../engine/addon.js';
import { engineAddress } from '../engine/address.js';
import { type ListenerLogsPlan, NO_LOGS } from '../exchange/log-plan.js';
import type { ListenerPlan } from '../exchange/settings.js';
import type { CompiledRoutes } from '../routing/compile.js';
import { accessKept, setAccess, withMode } from './socket-file.js';
import type { TlsContexts } from './tls-contexts.js';

/** What listen(2) takes; the kernel caps it at net.core.somaxconn. */
const BACKLOG = 4096;

/** A listener could not be opened; the message is one line that says which, why, and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use. Stop the other process, or choose another port.',
  EACCES: 'permission denied. Choose a port from 1024 up, or give the process CAP_NET_BIND_SERVICE.',
  EADDRNOTAVAIL: 'this machine has no such address. Expected one of its own, 0.0.0.0 or [::].',
};

/** The same for unix sockets. */
const SOCKET_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'another process listens there, or a file that is no socket is in the way. Stop the other process, or choose another path.',
  EACCES: 'permission denied. The directory must be writable by the user of this process.',
  ENOENT: 'its directory does not exist. Make it first.',
  ENOTDIR: 'a part of its path is no directory. Choose another path.',
  EROFS: 'its directory is on a file system that cannot be written to. Choose another path.',
};

/** What makes a listener the same one in another plan, however its address is written. */
const placeOf = ({ endpoint, ipv6Only }: ListenerConfig): string => `${endpointKey(endpoint)} ${ipv6Only ?? ''}`;

/** One that is open. */
interface Open {
  readonly listener: number;
  /** What it was opened or kept with last. */
  config: ListenerConfig;
}

/** The open listeners, by their places. */
export class Listeners {
  readonly #open = new Map<string, Open>();
  readonly #started = new Set<number>();
  readonly #acceptHere: boolean;

  /** `acceptHere`: accept on this thread and hand over, instead of leaving it to the workers. */
  constructor(acceptHere: boolean) {
    this.#acceptHere = acceptHere;
  }

  /**
   * Opens what `configs` asks for and is not open, and returns the plans of all. On a ListenError, those opened by this
   * call are closed again, and those that stay are as they were. Accepting begins with `start`.
   */
  open(
    configs: readonly ListenerConfig[],
    poolIndex: ReadonlyMap<string, number>,
    tls: TlsContexts['listeners'],
    filters: CompiledRoutes['listenerFilters'],
    logsOf: (listener: ListenerConfig) => ListenerLogsPlan = () => NO_LOGS,
  ): ListenerPlan[] {
    const undo: (() => void)[] = [];
    try {
      const kept = configs.filter((config) => this.#open.has(placeOf(config)));
      for (const config of configs) {
        const place = placeOf(config);
        if (this.#open.has(place)) continue;
        const listener = openOne(config);
        this.#open.set(place, { listener, config });
        undo.push(() => this.#close(place));
        setKeepAlive(config, listener);
      }
      for (const config of kept) {
        const { listener, config: before } = this.#open.get(placeOf(config))!;
        undo.push(setSocket(config));
        undo.push(() => setKeepAlive(before, listener));
        setKeepAlive(config, listener);
      }
      const plans = configs.map((config, index): ListenerPlan => {
        const { listener } = this.#open.get(placeOf(config))!;
        return {
          listener,
          address: config.address,
          protocol: config.protocol,
          families: config.ipv6Only === undefined ? '' : config.ipv6Only ? 'IPv6 only' : 'IPv6 and IPv4',
          port: addon().listenerPort(listener),
          http2: config.http2,
          tls: tls.get(config.address)?.context ?? -1,
          identities: config.http2 ? (tls.get(config.address)?.identities ?? []) : [],
          ...requestSettings(config),
          strictTransportSecurity: config.strictTransportSecurity ?? '',
          pool: config.pool === undefined ? -1 : poolIndex.get(config.pool)!,
          tlsRoutes: config.tlsRoutes.map(({ hostnames, backendRefs }) => ({
            hostnames: [...hostnames],
            backendRefs: backendRefs.map(({ pool, weight }) => ({ pool: poolIndex.get(pool)!, weight })),
          })),
          proxySources: [...(config.proxySources ?? [])],
          accessLogs: logsOf(config),
          filters: filters[index] ?? [],
        };
      });
      for (const config of kept) this.#open.get(placeOf(config))!.config = config;
      return plans;
    } catch (error) {
      for (const back of undo.reverse()) back();
      throw error;
    }
  }

  /** Accepts from listeners that are not accepted from yet. Those that were closed meanwhile stay closed. */
  start(listeners: readonly ListenerPlan[]): void {
    if (!this.#acceptHere) return;
    const open = this.#numbers();
    for (const { listener } of listeners) {
      if (this.#started.has(listener) || !open.has(listener)) continue;
      this.#started.add(listener);
      addon().acceptorStart(listener);
    }
  }

  /** Lets no new connection come to the listeners that are not among `kept`, and hands over what waits. False when all are. */
  retireOthers(kept: readonly ListenerPlan[]): boolean {
    const numbers = new Set(kept.map(({ listener }) => listener));
    const others = [...this.#numbers()].filter((listener) => !numbers.has(listener));
    for (const listener of others) addon().listenerRetire(listener);
    return others.length > 0;
  }

  /** Closes the listeners that are not among `kept`. */
  closeOthers(kept: readonly ListenerPlan[]): void {
    const numbers = new Set(kept.map(({ listener }) => listener));
    for (const [place, { listener }] of [...this.#open]) if (!numbers.has(listener)) this.#close(place);
  }

  #numbers(): ReadonlySet<number> {
    return new Set([...this.#open.values()].map(({ listener }) => listener));
  }

  #close(place: string): void {
    const { listener } = this.#open.get(place)!;
    this.#open.delete(place);
    this.#started.delete(listener);
    addon().listenerClose(listener);
  }
}

function openOne(config: ListenerConfig): number {
  return explained(config, () => {
    const { endpoint, socket } = config;
    const [host, port] = engineAddress(endpoint);
    const open = (): number => addon().listenerOpen(host, port, BACKLOG, config.ipv6Only ?? true);
    if (socket === undefined || endpoint.kind !== 'unix') return open();
    const listener = withMode(socket, open);
    try {
      setAccess(endpoint.path, socket);
    } catch (error) {
      addon().listenerClose(listener);
      throw error;
    }
    return listener;
  });
}

/** The socket file of a listener that stays open gets the access that is asked for now. Returns what gives it back what it had. */
function setSocket(config: ListenerConfig): () => void {
  const { endpoint, socket } = config;
  if (endpoint.kind !== 'unix' || socket === undefined) return () => {};
  return explained(config, () => {
    const back = accessKept(endpoint.path);
    try {
      setAccess(endpoint.path, socket);
    } catch (error) {
      back();
      throw error;
    }
    return back;
  });
}

/** Sockets that are accepted inherit it. */
function setKeepAlive(config: ListenerConfig, listener: number): void {
  if (config.endpoint.kind === 'unix') return;
  const { idleSeconds, intervalSeconds, probes } = config.tcpKeepAlive;
  explained(config, () => addon().listenerKeepAlive(listener, idleSeconds, intervalSeconds, probes));
}

/** What to do about a symbolic link where a socket is to be made: the system follows none there, and we remove none. */
function linkAdvice(path: string): string | undefined {
  try {
    const target = readlinkSync(path);
    return `a symbolic link to ${target} is in the way. Remove it, or listen on its target.`;
  } catch {
    return undefined; // no link
  }
}

/** Runs `what`, and makes a ListenError of its failure. */
function explained<T>(config: ListenerConfig, what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (error instanceof EngineUnusableError) throw error;
    throw listenFailure(config, error as Error);
  }
}

/** What kept something from listening, in words. */
export function listenFailure(
  { address, endpoint, socket }: Pick<ListenerConfig, 'address' | 'endpoint' | 'socket'>,
  error: Error,
): ListenError {
  const { code, message } = error as NodeJS.ErrnoException;
  const advice = endpoint.kind === 'unix' ? SOCKET_ADVICE : ADVICE;
  const link = endpoint.kind === 'unix' && code === 'EADDRINUSE' ? linkAdvice(endpoint.path) : undefined;
  const owner =
    code === 'EPERM' && socket?.owner !== undefined
      ? `this process may not give the file to ${socket.owner}. Run it as root, or leave 'owner' out.`
      : undefined;
  return new ListenError(`cannot listen on ${address}: ${owner ?? link ?? advice[code ?? ''] ?? message}`);
}
