// A peer whose socket takes no more, and takes bytes again: whatever is waited for has its deadline, before and after.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { backendFlow, clientFlow } from '../../../src/codec/flow.js';
import { checkInvariants } from '../../../src/worker/invariants.js';
import { start as startEarly } from '../../origins/early-answer.js';
import { use } from '../../support/proxy.js';
import { get, WireClient } from '../../support/wire-client.js';
import { useWorker } from './one-worker.js';

/** A request whose server has sent the head of its response and some of its body, and sends no more. */
async function halfAnswered(t: TestContext, request: string, timeouts: object) {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst';
  const origin = await use(t, startEarly({ answer }));
  const { place, worker } = useWorker(t, {
    routes: [{ rules: [{ pool: 'main' }] }],
    pools: { main: { servers: [{ address: origin.address }] } },
    timeouts,
  });
  const client = await WireClient.connect(place);
  t.after(() => client.close());
  await client.send(request);
  await client.until('the first piece', () => (client.received.endsWith('first') ? true : undefined));
  return { client, worker };
}

test('a server that began its response, and took the rest of the request late, may not fall silent', async (t) => {
  const { client, worker } = await halfAnswered(t, get('/'), { responseIdle: '200ms' });
  worker.connections.eachBackend((backend) => backendFlow(worker, backend, true));
  // The deadline of the response passes, while the server takes what waits for it.
  for (let looking = false; !looking; await setImmediate()) {
    worker.connections.eachBackend(({ slot }) => {
      looking = worker.deadlines.runs(slot);
    });
  }
  worker.connections.eachBackend((backend) => backendFlow(worker, backend, false));
  assert.deepEqual(checkInvariants(worker), []);
  assert.equal(await client.closed(), 'reset');
});

test('the time of a whole request runs on while its client takes what waits for it', async (t) => {
  const upload = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf';
  const timeouts = { requestBody: '1s', request: '3s', responseIdle: '60s' };
  const { client, worker } = await halfAnswered(t, upload, timeouts);
  worker.connections.eachClient((each) => clientFlow(worker, each, true));
  await client.send('-'); // a piece: from now on the next one has a deadline
  worker.connections.eachClient(({ x }) => assert.equal(x.request.done, false));
  assert.equal(await client.closed(10_000), 'reset');
  assert.equal(worker.report().reasons.REQUEST_TIMEOUT, 1);
});
