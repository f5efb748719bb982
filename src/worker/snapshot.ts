// What the primary tells a worker: plain data, fit for structured clone.
// Owns the shapes. Leaves making them to primary/, and living by them to worker.ts.

import type { BalancePoolPlan } from '../balance/options.js';
import type { KeepAlive } from '../base/keep-alive.js';
import type { Limits, ListenerPlan, Timeouts } from '../exchange/settings.js';
import type { ProxyVersion } from '../http/proxy-protocol.js';
import type { ErrorPagePlan, FilterPlan, RulePlan } from '../routing/plan.js';

/** One version of the configuration, as workers live by it. */
export interface WorkerPlan {
  generation: number;
  listeners: ListenerPlan[];
  /** The routing table, shared and immutable. */
  table: SharedArrayBuffer;
  rules: RulePlan[];
  /** The error pages of all requests; a rule may have its own. */
  errorPages: ErrorPagePlan[];
  pools: BalancePoolPlan[];
  /** The engine's TLS context for the servers of each pool, -1 for none. */
  poolTls: number[];
  /** The same for connections that are passed on unread. */
  poolTunnelTls: number[];
  /** TCP keep-alive of connections to the servers of each pool. */
  poolKeepAlive: KeepAlive[];
  /** The version of the PROXY header that connections to the servers of each pool begin with, null for none. */
  poolProxyProtocol: (ProxyVersion | null)[];
  limits: Limits;
  timeouts: Timeouts;
  /** CIDR ranges whose forwarding fields are believed. */
  trustedProxies: string[];
  /** What is done to all requests and their responses. */
  filters: readonly FilterPlan[];
}
