// What watches exchanges: counters, later an access log, metrics and traces.

import type { Exchange } from './exchange.js';

/**
 * GUARANTEED: `exchangeEnded` is called exactly once for each exchange that began, when its outcome is known and before
 * anything of it is given back. The exchange is pooled: nothing of it may be kept. Hot: it must not allocate, nor throw.
 */
export interface Observer {
  exchangeEnded(x: Exchange): void;
}
