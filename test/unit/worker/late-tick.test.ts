// A worker that did not run for a while: what arrived meanwhile counts before any deadline does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenRaw } from '../../origins/raw.js';
import { use } from '../../support/proxy.js';
import { get, WireClient } from '../../support/wire-client.js';
import { useWorker } from './one-worker.js';

/** Holds the whole thread, as a stopped process or a busy machine does. */
function hold(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('an answer whose next piece has arrived is not cut for a pause of the worker itself', async (t) => {
  const origin = await use(
    t,
    listenRaw((visit, noting) => {
      visit.socket.on('data', (text: string) => {
        visit.bytes += text;
        noting.note();
      });
    }),
  );
  const { place } = useWorker(t, {
    routes: [{ rules: [{ pool: 'main' }] }],
    pools: { main: { servers: [{ address: origin.address }] } },
    timeouts: { responseIdle: '200ms' },
  });
  const client = await WireClient.connect(place);
  t.after(() => client.close());
  await client.send(get('/'));
  const visit = await origin.until('a request', ({ visits }) =>
    visits[0]?.bytes.endsWith('\r\n\r\n') ? visits[0] : undefined,
  );
  visit.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst');
  await client.until('the first piece', () => (client.received.endsWith('first') ? true : undefined));
  // Written to the kernel at once; the worker is not there to read it until its deadline is long over.
  visit.socket.write('-rest');
  hold(1000);
  await client.until('the rest', () => (client.received.endsWith('first-rest') ? true : undefined));
  assert.equal(client.ending, 'open');
});
