// Raw listeners in front of one server for each pool, for tests of TLS that is ended at a listener, begun to a server, or
// passed on.

import { type ProxySpec, type RunningProxy, startProxy } from './proxy.js';

interface Origin {
  readonly address: string;
  close(): Promise<unknown>;
}

export interface TlsSite<O> {
  readonly proxy: RunningProxy;
  /** The servers, by the name of their pool. */
  readonly origins: O;
  /** Everything has to be closed and given back by now; then the proxy stops, and the servers. */
  stop(): Promise<void>;
}

/** Starts a proxy in front of `origins`, which become pools by their names, with what `pools` says of them besides. */
export async function startTlsSite<O extends Readonly<Record<string, Origin>>>(
  origins: O,
  listeners: NonNullable<ProxySpec['listeners']>,
  pools: Readonly<Record<string, object>> = {},
): Promise<TlsSite<O>> {
  const ofOrigins = Object.entries(origins).map(([name, { address }]) => [name, { servers: [{ address }] }]);
  const proxy = await startProxy({ listeners, pools: { ...Object.fromEntries(ofOrigins), ...pools } });
  const stop = async (): Promise<void> => {
    try {
      await proxy.closedAll();
    } finally {
      await proxy.stop();
      await Promise.all(Object.values(origins).map((origin) => origin.close()));
    }
  };
  return { proxy, origins, stop };
}
