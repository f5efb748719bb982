// Turns host names into addresses, in the primary, and again whenever they may have changed.
// Owns resolving and comparing. Leaves slots to Membership, and handing changes to workers to the primary.

import { isIP } from 'node:net';
import { WEIGHT_MAX } from '../balance/server-state.js';
import { type Endpoint, hostPortText, type SocketEndpoint } from '../base/endpoint.js';
import type { EventSink } from '../observe/events.js';
import type { Resolver } from './resolvers.js';
import type { Timers } from './timers.js';

/** A server as the config lists it: perhaps a name. */
export interface ListedServer {
  name: string;
  /** `endpoint` as it is written; it tells servers apart. */
  address: string;
  endpoint: Endpoint;
  weight: number;
  backup: boolean;
  /** The name that led to this address, for those who ask the server by it; not set for an address written as such. */
  host?: string;
}

/** A server that can be connected to. */
export interface ResolvedServer extends ListedServer {
  endpoint: SocketEndpoint;
}

/** A pool's present servers, names resolved. */
export interface Discovered {
  pool: string;
  servers: ResolvedServer[];
  added: string[];
  removed: string[];
}

/** Answers of "no such name" in a row before known addresses are given up, and the least time they must span, in
 *  milliseconds: some may be slips of a DNS server that restarts. */
const NOT_FOUND_MAX = 3;
const NOT_FOUND_HOLD_MS = 30_000;
/** Wait after a first failure, in milliseconds; each further one in a row doubles it, up to the interval. */
const RETRY_MS = 1000;
/** Bounds of the time between two resolutions of a name, in milliseconds, whatever its TTL says. */
const AGAIN_MIN_MS = 1000;

interface DiscoveryParts {
  resolver: Resolver;
  timers: Timers;
  /** Longest time between two resolutions of a name, in milliseconds; a shorter TTL is followed. */
  intervalMs: number;
  /** Called when the servers of a pool changed, and once for each pool when its first resolution ended. */
  onChange: (now: Discovered) => void;
  /** Takes that a name does not resolve, and that it does again. */
  emit: EventSink;
}

interface Name {
  listed: ListedServer;
  servers: ResolvedServer[];
  /** The first resolution ended, well or not. */
  tried: boolean;
  /** Failures in a row, of any kind. */
  failures: number;
  notFound: number;
  /** When the first of them came. */
  notFoundSinceMs: number;
  /** It did not resolve when it was asked last. */
  stale: boolean;
  cancel: () => void;
}

interface ResolvedPool {
  name: string;
  names: Name[];
  /** Its servers as onChange had them last, as text; null before the first time. */
  reported: string[] | null;
  /** The start or reload that brought it still waits: its addresses are reported once every name was tried. */
  waits: boolean;
}

/** Resolves the names of pools, again and again. A name that does not resolve is no error: its pool is empty, and says so. */
export class Discovery {
  readonly #parts: DiscoveryParts;
  readonly #pools = new Map<string, ResolvedPool>();
  #waiting: (() => void)[] = [];

  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
  }

  /** The pools to follow from now on. A name that stays keeps its addresses until they change. */
  apply(pools: readonly { name: string; servers: readonly ListedServer[] }[]): void {
    const wanted = new Set(pools.map((pool) => pool.name));
    for (const [name, pool] of this.#pools) {
      if (wanted.has(name)) continue;
      for (const each of pool.names) each.cancel();
      this.#pools.delete(name);
    }
    for (const { name, servers } of pools) {
      const before = this.#pools.get(name);
      const pool: ResolvedPool = { name, names: [], reported: before?.reported ?? null, waits: true };
      this.#pools.set(name, pool);
      for (const listed of servers) {
        const known = before?.names.find((each) => each.listed.address === listed.address && each.tried);
        const entry: Name = {
          listed,
          servers: known?.servers.map((each) => relisted(each, known.listed, listed)) ?? [],
          tried: known !== undefined,
          failures: 0,
          notFound: 0,
          notFoundSinceMs: 0,
          stale: false,
          cancel: () => {},
        };
        pool.names.push(entry);
      }
      for (const each of before?.names ?? []) each.cancel();
      for (const entry of pool.names) this.#resolve(pool, entry);
      this.#report(pool);
    }
    this.#settle();
  }

  /**
   * Fulfilled once every name was tried; at most `timeoutMs` later, whatever the DNS does. A pool with names that are
   * not answered by then goes on with the servers that are known.
   */
  firstRound(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#parts.timers.after(timeoutMs, () => {
        for (const pool of this.#pools.values()) {
          pool.waits = false;
          this.#report(pool);
        }
        resolve();
      });
      this.#waiting.push(() => {
        stop();
        resolve();
      });
      this.#settle();
    });
  }

  /** Stops resolving. Who waits for it does so no longer. */
  stop(): void {
    for (const { names } of this.#pools.values()) for (const each of names) each.cancel();
    this.#pools.clear();
    this.#settle();
  }

  #resolve(pool: ResolvedPool, entry: Name): void {
    const { endpoint } = entry.listed;
    if (endpoint.kind === 'unix' || (endpoint.kind === 'tcp' && isIP(endpoint.host) !== 0)) {
      entry.servers = [{ ...entry.listed, endpoint }];
      entry.tried = true;
      return;
    }
    let calledOff = false;
    entry.cancel = () => {
      calledOff = true;
    };
    const resolving =
      endpoint.kind === 'srv'
        ? this.#resolveService(entry.listed, endpoint.name)
        : this.#resolveHost(entry.listed, endpoint.host, endpoint.port);
    void resolving
      .then(
        ({ servers, ttlSeconds }) => {
          if (calledOff) return null;
          if (entry.stale) {
            this.#parts.emit({ type: 'discovery.fresh', pool: pool.name, address: entry.listed.address });
          }
          entry.stale = false;
          entry.failures = 0;
          entry.notFound = 0;
          entry.servers = servers;
          return ttlSeconds;
        },
        (error: unknown) => {
          if (!calledOff) this.#failed(pool, entry, error);
          return null;
        },
      )
      .then((ttlSeconds) => {
        if (calledOff) return;
        entry.tried = true;
        const { timers } = this.#parts;
        const ms = this.#againInMs(entry.failures, ttlSeconds);
        entry.cancel = timers.after(ms, () => this.#resolve(pool, entry));
        this.#report(pool);
        this.#settle();
      });
  }

  /** When to ask again: as the records say, or soon after a failure. */
  #againInMs(failures: number, ttlSeconds: number | null): number {
    const { intervalMs } = this.#parts;
    if (failures > 0) return Math.min(intervalMs, RETRY_MS * 2 ** Math.min(failures - 1, 20));
    return ttlSeconds === null ? intervalMs : Math.min(intervalMs, Math.max(AGAIN_MIN_MS, ttlSeconds * 1000));
  }

  #failed(pool: ResolvedPool, entry: Name, error: unknown): void {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const nowMs = this.#parts.timers.now();
    entry.failures++;
    if (code === 'ENOTFOUND' || code === 'ENODATA') {
      if (entry.notFound === 0) entry.notFoundSinceMs = nowMs;
      entry.notFound++;
    }
    if (entry.notFound >= NOT_FOUND_MAX && nowMs - entry.notFoundSinceMs >= NOT_FOUND_HOLD_MS) entry.servers = [];
    if (entry.stale) return;
    entry.stale = true;
    this.#parts.emit({
      type: 'discovery.stale',
      pool: pool.name,
      address: entry.listed.address,
      code,
      addressesKept: entry.servers.length,
    });
  }

  async #resolveHost(listed: ListedServer, host: string, port: number) {
    const { addresses, ttlSeconds } = await this.#parts.resolver.addresses(host);
    const servers = addresses
      .sort()
      .map((ip) => server(listed, host, { kind: 'tcp', host: ip, port }, listed.weight, listed.backup));
    return { servers, ttlSeconds };
  }

  /** RFC 2782: the lowest priority is used first, so all others become backups; weights are scaled to WEIGHT_MAX. */
  async #resolveService(listed: ListedServer, name: string) {
    const records = await this.#parts.resolver.services(name);
    const first = Math.min(...records.map(({ priority }) => priority));
    const heaviest = Math.max(...records.map(({ weight }) => weight));
    const scale = heaviest > WEIGHT_MAX ? WEIGHT_MAX / heaviest : 1;
    let ttlSeconds: number | null = null;
    const found = await Promise.all(
      records.map(async (record) => {
        const resolved = await this.#parts.resolver.addresses(record.name);
        if (resolved.ttlSeconds !== null) ttlSeconds = Math.min(ttlSeconds ?? resolved.ttlSeconds, resolved.ttlSeconds);
        const weight = listed.weight === 0 ? 0 : Math.max(1, Math.round(record.weight * scale));
        const backup = listed.backup || record.priority !== first;
        return resolved.addresses.map((ip) =>
          server(listed, record.name, { kind: 'tcp', host: ip, port: record.port }, weight, backup),
        );
      }),
    );
    const servers = found.flat().sort((a, b) => (a.address < b.address ? -1 : 1));
    return { servers, ttlSeconds: ttlSeconds as number | null };
  }

  #report(pool: ResolvedPool): void {
    if (pool.waits && pool.names.some((each) => !each.tried)) return;
    // Two names may lead to one address: it is one server then, and the first listing counts.
    const byAddress = new Map<string, ResolvedServer>();
    for (const { servers } of pool.names)
      for (const each of servers) if (!byAddress.has(each.address)) byAddress.set(each.address, each);
    const servers = [...byAddress.values()];
    const now = servers.map((each) => JSON.stringify(each));
    const before = pool.reported;
    if (before !== null && before.length === now.length && before.every((each, i) => each === now[i])) return;
    const had = new Set((before ?? []).map((each) => (JSON.parse(each) as ListedServer).address));
    pool.reported = now;
    this.#parts.onChange({
      pool: pool.name,
      servers,
      added: servers.map((each) => each.address).filter((address) => !had.has(address)),
      removed: [...had].filter((address) => !byAddress.has(address)),
    });
  }

  #settle(): void {
    for (const { names } of this.#pools.values()) if (names.some((each) => !each.tried)) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function server(
  listed: ListedServer,
  host: string,
  endpoint: Extract<SocketEndpoint, { kind: 'tcp' }>,
  weight: number,
  backup: boolean,
): ResolvedServer {
  const address = hostPortText(endpoint.host, endpoint.port);
  return { name: nameOf(listed, address), address, endpoint, weight, backup, host };
}

/** A server that is known, as the configuration lists its name now: the DNS may not answer, and is not what has changed. */
function relisted(known: ResolvedServer, before: ListedServer, listed: ListedServer): ResolvedServer {
  const isService = listed.endpoint.kind === 'srv';
  const weight = isService && listed.weight > 0 ? Math.max(1, known.weight) : listed.weight;
  const backup = isService && before.backup === listed.backup ? known.backup : listed.backup;
  return { ...known, name: nameOf(listed, known.address), weight, backup };
}

function nameOf({ name, address: written }: ListedServer, address: string): string {
  return name === written ? address : `${name}/${address}`;
}
