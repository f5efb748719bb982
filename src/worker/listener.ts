// A listener as one worker applies it: the settings of the plan, made ready, for the connections that came in there.
// Owns what a listener adds to heads, and where its raw connections go. Leaves accepting to accept.ts.

import { HOST_NAME, portLine } from '../codec/h1/write-forwarding.js';
import { TlsRoutes } from '../codec/raw/tls-routes.js';
import type { Pinned, PinnedTexts } from '../engine/text.js';
import type { ConnectionGate, ConnectionHold, FilterScope } from '../exchange/filter.js';
import type { Pool } from '../exchange/pools.js';
import type { ListenerPlan } from '../exchange/settings.js';
import { Trust } from '../exchange/trust.js';
import { gateOf, holdOf } from '../filters/runs.js';
import { PreparedLogs } from '../observe/log/listener-logs.js';
import type { FilterPlan } from '../routing/plan.js';
import { HttpListener } from './http-listener.js';

/** What all listeners of one snapshot share. */
interface ListenerScope {
  /** Filters of all. */
  readonly filters: readonly FilterPlan[];
  /** By index, as they change. */
  readonly pools: readonly Pool[];
  readonly filterScope: FilterScope;
  readonly pinned: PinnedTexts;
  /** The worker's index. */
  readonly seed: number;
}

/**
 * Known by its number in the engine's registry, which is never given out twice. Connections hold the listener itself: they
 * see new settings with their next request, and those of a listener that is gone keep its last ones.
 */
class Listener {
  plan: ListenerPlan;
  /** How requests are read that come in here. */
  http: HttpListener;
  /** Still part of the configuration. Where it is not, its pools are not either, and its TLS context is about to be closed. */
  current = true;
  /** Whose connections begin with a PROXY header; null for those of no client. */
  proxySources: Trust | null = null;
  /** Which clients may connect, where connections are passed on unread; null for all. Requests are asked one by one. */
  gate: ConnectionGate | null = null;
  /** What counts its connections in; null for nothing. */
  hold: ConnectionHold | null = null;
  /** Which access logs its requests come to; null for none. One that is gone keeps its last ones, for connections that stand. */
  logs: PreparedLogs | null = null;
  /** The Strict-Transport-Security line; empty for none. */
  strictTransport = '';
  /** Forwarding lines that are the same for every stranger, by http and by https; null when the slab has no room for them. */
  forwarding: Pinned | null = null;
  forwardingSecure: Pinned | null = null;
  #tlsRoutes: TlsRoutes | null = null;
  /** By index, as they change. */
  #pools: readonly Pool[] = [];

  constructor(plan: ListenerPlan, filterScope: FilterScope) {
    this.plan = plan;
    this.http = new HttpListener(plan, [], filterScope);
  }

  /** Applies its plan in a snapshot. */
  apply(plan: ListenerPlan, { filters, pools, filterScope, pinned, seed }: ListenerScope): void {
    this.plan = plan;
    this.http = new HttpListener(plan, filters, filterScope);
    this.current = true;
    this.proxySources = plan.proxySources.length === 0 ? null : new Trust(plan.proxySources);
    this.gate = plan.protocol === 'http' || plan.protocol === 'https' ? null : gateOf([filters, plan.filters]);
    this.hold = holdOf([filters, plan.filters], filterScope);
    this.#pools = pools;
    this.#tlsRoutes = new TlsRoutes(plan, pools, seed);
    this.logs = plan.accessLogs.set < 0 ? null : new PreparedLogs(plan.accessLogs);
    const strict = plan.strictTransportSecurity;
    this.strictTransport = strict === '' ? '' : `Strict-Transport-Security: ${strict}\r\n`;
    const lines = (scheme: string): Pinned | null =>
      pinned.pinIfRoom(`X-Forwarded-Proto: ${scheme}\r\n${portLine(plan.port)}Via: 1.1 sevenfold\r\n${HOST_NAME}`);
    this.forwarding = lines('http');
    this.forwardingSecure = lines('https');
  }

  get label(): string {
    return this.plan.name === '' ? this.plan.address : this.plan.name;
  }

  /** The new snapshot has no such listener. Nothing that belongs to a snapshot may be used from here on. */
  retire(): void {
    this.current = false;
    this.http.retire();
    this.#pools = [];
    this.#tlsRoutes = null;
    this.forwarding = null;
    this.forwardingSecure = null;
  }

  /** The pool for connections that are passed on without a name, or null. */
  get pool(): Pool | null {
    return this.#pools[this.plan.pool] ?? null;
  }

  /** The pool for a connection that asks for `sni`, or null when none is for it. */
  poolFor(sni: string): Pool | null {
    return this.#tlsRoutes?.choose(sni) ?? null;
  }
}

/** The listeners of one worker. */
export class WorkerListeners {
  readonly #byNumber = new Map<number, Listener>();

  /** The listener with this number; undefined when it is gone since more than one plan. */
  get(number: number): Listener | undefined {
    return this.#byNumber.get(number);
  }

  /**
   * Applies the listeners of a snapshot. Those that it does not have stay known until the next one: connections that came in
   * before may still be handed over. One that speaks another protocol is another listener: what began a handshake for the one
   * before must not go on as what this one speaks.
   */
  apply(listeners: readonly ListenerPlan[], scope: ListenerScope): void {
    const wanted = new Set(listeners.map(({ listener }) => listener));
    for (const [number, listener] of this.#byNumber) {
      if (wanted.has(number)) continue;
      if (!listener.current) this.#byNumber.delete(number);
      listener.retire();
    }
    for (const plan of listeners) {
      const known = this.#byNumber.get(plan.listener);
      const goesOn = known !== undefined && known.plan.protocol === plan.protocol;
      if (!goesOn) known?.retire();
      const listener = goesOn ? known : new Listener(plan, scope.filterScope);
      this.#byNumber.set(plan.listener, listener);
      listener.apply(plan, scope);
    }
  }
}
