// One pool as workers get it: what the balancer needs, and how its servers are dialled.

import type { BalancePoolPlan } from '../balance/options.js';
import type { KeepAlive } from '../base/keep-alive.js';
import type { ProxyVersion } from '../base/proxy-protocol.js';

/** The part of a snapshot that changes with the members, the weights or the options of one pool. */
export interface PoolPart extends BalancePoolPlan {
  /** The engine's TLS context for connections to its servers, -1 for none. */
  tls: number;
  /** The same for connections that are passed on unread. */
  tunnelTls: number;
  /** The version of the PROXY header that connections to its servers begin with, null for none. */
  proxyProtocol: ProxyVersion | null;
  /** TCP keep-alive of connections to its servers. */
  keepAlive: KeepAlive;
}
