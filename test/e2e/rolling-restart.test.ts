// Two servers restarted one after the other, as a deploy does: whoever is well gets the requests, whatever its past.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { test } from 'node:test';
import { freePlace, type Place, written } from '../support/addresses.js';
import { statusOf } from '../support/messages.js';
import { useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

async function startAt(place: Place): Promise<Server> {
  const server = createServer((_request, response) => response.end('here\n'));
  server.listen(place.port, place.host);
  await once(server, 'listening');
  return server;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

test('a server that was ejected is asked when the other one goes away', async (t) => {
  const [first, second] = [freePlace(), freePlace()];
  const well = await startAt(second);
  const servers = [{ address: written(first) }, { address: written(second) }];
  const proxy = await useProxy(t, { pools: { main: { servers, outlierDetection: { baseEjection: '60s' } } } });
  const client = await WireClient.connect(proxy.place);
  // Nobody is at the first address: it is ejected, for longer than this test takes.
  for (let i = 0; i < 20; i++) assert.equal(statusOf(await client.exchange(get(`/${i}`))), 200);
  const back = await startAt(first);
  t.after(() => stop(back));
  await stop(well);
  for (let i = 0; i < 20; i++) assert.equal(statusOf(await client.exchange(get(`/after/${i}`))), 200);
  client.close();
});
