// A worker's side of pools and servers: the balancer of each pool, the idle backend connections of each server.
// Owns the idle lists and the address indexes. Leaves the choice of server to balance/, and state to its shared words.

import type { KeySource, ServerPlan } from '../balance/options.js';
import { Pool as BalancePool } from '../balance/pool.js';
import type { ServerState } from '../balance/server-state.js';
import type { KeepAlive } from '../base/keep-alive.js';
import type { ProxyVersion } from '../base/proxy-protocol.js';
import { engineAddress } from '../engine/address.js';
import type { Engine } from '../engine/engine.js';
import type { Context } from './context.js';
import { Deadlines } from './deadlines.js';
import type { Exchange } from './exchange.js';
import { armFor } from './pool-limits.js';
import type { PoolPart } from './pool-part.js';

/** A connection that can be pooled. */
export interface Poolable {
  /** Its place among its server's idle connections; -1 when it is none. */
  idleAt: number;
}

/** A server as one worker knows it. Stays the same object across reloads, by its index in the shared state. */
export class Server {
  readonly index: number;
  /** HOST:PORT or unix:PATH, for messages and for a Host field when a request has none. */
  readonly address: string;
  /** The engine's index of the address; -1 once it is not current, since it is given to others. */
  addressIndex: number;
  /** Idle connections, the one used last at the end: it is the likeliest to be alive. */
  readonly idle: Poolable[] = [];
  /** Connections set aside, which become idle after a while. */
  asideCount = 0;
  /** Until this tick, requests that cannot be repeated avoid its pooled connections: it closed one in use. */
  staleReuseUntil = 0;
  /** The engine's TLS context for new connections, -1 for none. Idle ones are all of it. */
  tls = -1;
  /** The same for connections that are passed on unread; none of those is ever idle. */
  tunnelTls = -1;
  /** The version of the PROXY header that new connections begin with; null for none. Idle ones are all of it. */
  proxyProtocol: ProxyVersion | null = null;
  /** Counts changes of how it is dialled (TLS context, PROXY header). Numbers of contexts cannot tell: they come back. */
  dialVersion = 0;
  /** Still part of the configuration: connections to one that is not are closed, not kept. */
  current = true;

  constructor(index: number, address: string, addressIndex: number) {
    this.index = index;
    this.address = address;
    this.addressIndex = addressIndex;
  }

  idleAdd(backend: Poolable): void {
    backend.idleAt = this.idle.length;
    this.idle.push(backend);
  }

  /** Takes an idle connection off the list, wherever it is. */
  idleRemove(backend: Poolable): void {
    const last = this.idle.pop()!;
    if (last !== backend) {
      this.idle[backend.idleAt] = last;
      last.idleAt = backend.idleAt;
    }
    backend.idleAt = -1;
  }

  /** The connection used last, or null. */
  idleTake(): Poolable | null {
    const backend = this.idle.pop();
    if (backend === undefined) return null;
    backend.idleAt = -1;
    return backend;
  }
}

/** A pool of one snapshot, with all that balancing knows of it. */
export class Pool extends BalancePool<Exchange, PoolPart> {
  /** Ticks one attempt may take until its answer is complete; 0 for none. A rule's own setting goes first. */
  readonly attemptTicks = Deadlines.ticks(this.plan.retry.perTryTimeoutMs);
  /** The header that names the session, in lower case; null when a cookie does, or nothing. */
  readonly sessionName: Uint8Array | null =
    this.plan.session?.type === 'Header' ? Buffer.from(this.plan.session.name.toLowerCase(), 'latin1') : null;
  /** Ticks a request may wait for room. */
  readonly queueTicks = Deadlines.ticks(this.plan.limits.queueTimeoutMs);
  /** Requests may have to wait for room here. */
  readonly limited = this.plan.limits.serverRequestsMax + this.plan.limits.serverConnectionsMax > 0;
  /** Makes another worker's offer of room wake this one. */
  readonly arm: (w: Context) => void;
  /** What the hashing balancer's key is called: a header in lower case, a cookie or a query parameter as written. */
  readonly keyName = keyName(this.plan.balance.key);

  constructor(plan: PoolPart, state: ServerState, before?: Pool) {
    super(plan, state, before);
    this.arm = before?.arm ?? armFor(this);
  }
}

function keyName(key: KeySource): Uint8Array {
  const name = 'name' in key ? key.name : '';
  return Buffer.from(key.type === 'Header' ? name.toLowerCase() : name, 'latin1');
}

/** All servers a worker knows, by their index in the shared state. */
export class Servers {
  readonly byIndex: (Server | undefined)[] = [];
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Makes the servers of `part` the current ones of its pool, whose part was `before`. A server that stays
   * keeps its connections. Returns the servers that were removed, or whose dial version changed: the caller closes their idle
   * connections. Throws when an address cannot be read.
   */
  apply(part: PoolPart, before: PoolPart | null): Server[] {
    const changed: Server[] = [];
    const members = new Set<number>();
    const sameKeepAlive = before !== null && isSame(part.keepAlive, before.keepAlive);
    for (const plan of part.servers) {
      members.add(plan.index);
      const known = this.byIndex[plan.index];
      if (known === undefined || known.address !== plan.address) {
        if (known !== undefined && this.#retire(known)) changed.push(known);
        this.#dial(this.#add(plan, part), part);
        continue;
      }
      if (!known.current || !sameKeepAlive) this.#renew(known, plan, part);
      if (this.#dial(known, part)) changed.push(known);
    }
    return [...changed, ...this.#leave(before, members)];
  }

  /** The pool of this part is gone, and its servers with it: returns them, as `apply` does. */
  remove(before: PoolPart): Server[] {
    return this.#leave(before, new Set());
  }

  /** Retires the servers of a part that are not among `members`. */
  #leave(before: PoolPart | null, members: ReadonlySet<number>): Server[] {
    const gone: Server[] = [];
    for (const { index, address } of before?.servers ?? []) {
      const server = this.byIndex[index];
      if (members.has(index) || server?.address !== address) continue;
      if (this.#retire(server)) gone.push(server);
    }
    return gone;
  }

  /** True when it was current. */
  #retire(server: Server): boolean {
    if (!server.current) return false;
    server.current = false;
    this.#engine.addressRemove(server.addressIndex);
    server.addressIndex = -1;
    return true;
  }

  #add(plan: ServerPlan, part: PoolPart): Server {
    const server = new Server(plan.index, plan.address, this.#addressIndexOf(plan, part));
    this.byIndex[plan.index] = server;
    return server;
  }

  /** Makes a known server current, with the keep-alive of its pool. */
  #renew(server: Server, plan: ServerPlan, part: PoolPart): void {
    const addressIndex = this.#addressIndexOf(plan, part);
    // Added before the old one is removed: one that stays keeps its place.
    if (server.addressIndex >= 0) this.#engine.addressRemove(server.addressIndex);
    server.current = true;
    server.addressIndex = addressIndex;
  }

  /** Dials a server as its pool says now. True when that is another way than before. */
  #dial(server: Server, { tls, tunnelTls, proxyProtocol }: PoolPart): boolean {
    const changed = server.tls !== tls || server.proxyProtocol !== proxyProtocol;
    if (changed) server.dialVersion++;
    server.tls = tls;
    server.tunnelTls = tunnelTls;
    server.proxyProtocol = proxyProtocol;
    return changed;
  }

  #addressIndexOf({ name, address, endpoint }: ServerPlan, { keepAlive }: PoolPart): number {
    const [host, port] = engineAddress(endpoint);
    const addressIndex = this.#engine.addressAdd(host, port, keepAlive);
    if (addressIndex < 0) throw new Error(`server ${name}: '${address}' is not an address the engine can reach`);
    return addressIndex;
  }
}

function isSame(a: KeepAlive, b: KeepAlive): boolean {
  return a.idleSeconds === b.idleSeconds && a.intervalSeconds === b.intervalSeconds && a.probes === b.probes;
}
