// The fuzz target of the running product: mutated requests from clients that cut, leave and reset, mutated answers from
// servers that do the same. Nothing malformed may reach a server, nobody may crash, nothing may be left behind.
// Owns the siege of one proxy. Leaves how long it lasts to the tests.

import assert from 'node:assert/strict';
import { ok, type RawOrigin, serveRequests } from '../origins/raw.js';
import { reset } from '../support/endings.js';
import { statusOf } from '../support/messages.js';
import type { RunningProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';
import { requests, responses } from './corpus.js';
import { mutate, pieces, Random } from './random.js';

/** Clients at once. */
const CLIENTS = 32;

/** Short ones: a half request is to be over soon. */
export const TIMEOUTS = {
  requestHead: '500ms',
  requestBody: '500ms',
  responseHead: '500ms',
  responseIdle: '500ms',
  idle: '500ms',
  tunnelIdle: '500ms',
};

/** A server that answers well half the time; `random` is what the rest is made of. Every fuzzed host gets mutated ones. */
export function startOrigin(random: () => Random): Promise<RawOrigin> {
  return serveRequests((request, visit) => {
    const dice = random();
    if (request.startLine.includes('/plain-check') || dice.below(2) === 0) visit.socket.write(ok('fine'), 'latin1');
    else {
      visit.socket.write(mutate(dice, dice.pick(responses)));
      const ending = dice.below(4);
      if (ending === 0) visit.socket.end();
      if (ending === 1) reset(visit.socket);
    }
  });
}

/** One client that sends what `seed` says and goes as it says. */
async function fuzzClient(proxy: RunningProxy, seed: number): Promise<void> {
  const random = new Random(seed);
  const client = await WireClient.connect(proxy.place, { halfOpen: random.below(2) === 0 });
  const count = 1 + random.below(3);
  for (let i = 0; i < count && !client.ended; i++) {
    for (const piece of pieces(random, mutate(random, random.pick(requests)))) {
      if (client.ended) break;
      await client.send(piece).catch(() => {});
    }
  }
  const ending = random.below(4);
  if (ending === 0) client.reset();
  else if (ending === 1) client.close();
  else {
    if (ending === 2) client.end();
    await client.closed();
    client.close();
  }
}

/** A round of clients, the first with `seed`. Then: no malformed byte at the server, and a plain request is served. */
export async function fuzzRound(proxy: RunningProxy, origin: RawOrigin, seed: number): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, (_, i) => fuzzClient(proxy, (seed + i * 0x10001) >>> 0)));
  assert.deepEqual(origin.malformed, [], 'the server got bytes that are no request');
  assert.equal(proxy.process.exit, undefined, `the proxy is gone: ${proxy.process.stderr}`);
  assert.equal(statusOf(await ask(proxy.place, get('/plain-check'))), 200);
}
