// checkInvariants(): silent about a worker at work, and not about one whose books were cooked.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { BACKEND, type BackendConnection, backendOf, type ClientConnection } from '../../../src/codec/connections.js';
import { slotOf } from '../../../src/engine/engine.js';
import { CHUNK_BYTES } from '../../../src/engine/layout.js';
import { KIND } from '../../../src/exchange/exchange.js';
import { checkInvariants } from '../../../src/worker/invariants.js';
import type { Worker } from '../../../src/worker/worker.js';
import { listenRaw } from '../../origins/raw.js';
import { use } from '../../support/proxy.js';
import { WireClient } from '../../support/wire-client.js';
import { useWorker } from './one-worker.js';

const HALF_A_REQUEST = 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nhalf ';

interface AtWork {
  readonly worker: Worker;
  readonly client: ClientConnection;
  readonly backend: BackendConnection;
}

/** A worker in the middle of a request: half of its body has reached the server. */
async function useWorkerAtWork(t: TestContext): Promise<AtWork> {
  const origin = await use(
    t,
    listenRaw((visit, noting) => {
      visit.socket.on('data', (text: string) => {
        visit.bytes += text;
        noting.note();
      });
    }),
  );
  const { worker, place } = useWorker(t, {
    routes: [{ rules: [{ pool: 'main' }] }],
    pools: { main: { servers: [{ address: origin.address }] } },
  });
  const wire = await WireClient.connect(place);
  t.after(() => wire.close());
  await wire.send(HALF_A_REQUEST);
  await origin.until('half a request', ({ visits }) => visits[0]?.bytes.endsWith('half '));
  let client: ClientConnection | undefined;
  worker.connections.eachClient((one) => {
    client = one;
  });
  assert.ok(client?.x.attempt.isOpen);
  return { worker, client, backend: backendOf(client.x.attempt) };
}

test('a worker in the middle of a request breaks no rule', async (t) => {
  const { worker } = await useWorkerAtWork(t);
  assert.deepEqual(checkInvariants(worker), []);
});

const cooked: readonly { what: string; cook(at: AtWork): void; says: RegExp }[] = [
  {
    what: 'a chunk with a reference too many',
    cook: ({ worker }) => worker.engine.retain(worker.chunksKept[0]!),
    says: /^chunk \d+: 1 more references than holders$/,
  },
  {
    what: 'a chunk with a holder too many',
    cook: ({ worker, client }) => {
      client.pendingAt = worker.engine.slabAt + 3 * CHUNK_BYTES + 5;
    },
    says: /^chunk 3: 1 more holders than references$/,
  },
  {
    what: 'a head that is read for longer than a turn',
    cook: ({ worker, client }) => {
      client.headAt = worker.chunksKept[0]!;
    },
    says: /reads a head between two turns$/,
  },
  {
    what: 'a request in flight that nobody made',
    cook: ({ worker, backend }) => worker.state.requestBegins(backend.server!.index),
    says: /^server 0, requests in flight: 2, expected 1$/,
  },
  {
    what: 'a connection that the shared state lost',
    cook: ({ worker, backend }) => worker.state.connectionCloses(backend.server!.index),
    says: /^server 0, connections: 0, expected 1$/,
  },
  {
    what: 'a request that waits in no line',
    cook: ({ client }) => {
      client.x.queued = true;
    },
    says: /^pool 0, requests that wait: 0, expected 1$/,
  },
  {
    what: 'an exchange without a backend connection',
    cook: ({ client }) => {
      client.x.attempt.backend = null;
    },
    says: /has no backend connection at work$/,
  },
  {
    what: 'a request that is taken for a raw connection',
    cook: ({ client }) => {
      client.x.kind = KIND.RAW;
    },
    says: /is raw, and has a rule$/,
  },
  {
    what: 'a backend connection that is idle and on no list',
    cook: ({ backend }) => {
      backend.state = BACKEND.IDLE;
    },
    says: /IDLE: is set aside, or on the idle list: not one of them$/,
  },
  {
    what: 'a deadline that an idle connection has left behind',
    cook: ({ worker, backend }) => worker.deadlines.set(slotOf(backend.conn), 10),
    says: /HEAD: its socket takes what it gets, and has a deadline$/,
  },
  {
    what: 'a wait without an end',
    cook: ({ worker, client, backend }) => {
      worker.deadlines.clear(slotOf(client.conn));
      worker.deadlines.clear(slotOf(backend.conn));
      worker.exchangeDeadlines.clear(client.x.id);
      worker.attemptDeadlines.clear(client.x.attempt.id);
    },
    says: /no deadline runs for what it waits for$/,
  },
  {
    what: 'a parser that nobody holds',
    cook: ({ worker }) => worker.llhttp.acquireRequest(),
    says: /^parsers in use: 1, expected 0$/,
  },
];

for (const { what, cook, says } of cooked) {
  test(`finds ${what}`, async (t) => {
    const at = await useWorkerAtWork(t);
    cook(at);
    const violations = checkInvariants(at.worker);
    assert.ok(
      violations.some((violation) => says.test(violation)),
      violations.join('\n'),
    );
    // What the worker does with such books on its way out is no matter.
    at.client.pendingAt = -1;
  });
}
