// Sentences about the servers of pools: their health, their ejections, and the names that lead to them.

import { error, type Sentences, status } from './sentence.js';

interface Named {
  readonly pool: string;
  readonly server: string;
}

const named = ({ pool, server }: Named): string => `Pool ${pool}: server ${server}`;
const failed = (event: Named): string => `${named(event)} failed repeatedly`;

export const SERVERS: Sentences<'server'> = {
  'server.up': (event) => error(`${named(event)} is up again (${event.sent}: ${event.found}).`),
  'server.down': (event) => error(`${named(event)} is down (${event.sent}: ${event.found}).`),
  'server.ejected': (event) => status(`${failed(event)}; it is ejected for ${event.ejectedMs / 1000} s.`),
  'server.returned': (event) => {
    const checks = event.checksPassed === 1 ? 'a check' : `${event.checksPassed} checks in a row`;
    return status(`${named(event)} passed ${checks}; its ejection ends.`);
  },
  'server.failing': (event) => status(`${failed(event)}; it stays in use, because the pool may eject no more servers.`),
  'server.answering': (event) => status(`${named(event)} answers again.`),
};

export const DISCOVERY: Sentences<'discovery'> = {
  'discovery.stale': ({ pool, address, code, addressesKept }) =>
    error(
      `Pool ${pool}: ${address} does not resolve (${code}); ` +
        (addressesKept > 0 ? `its last ${addressesKept} addresses stay in use.` : 'it adds no server until it does.'),
    ),
  'discovery.fresh': ({ pool, address }) => error(`Pool ${pool}: ${address} resolves again.`),
  'discovery.refused': ({ reason }) => error(`the addresses that names resolve to now cannot be used: ${reason}`),
};
