// What the primary reports of a whole life: started, reloaded to another listener, drained.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkValue } from '../../../src/config/load.js';
import { compileRoutes, type LoadedRoutes } from '../../../src/config/routes.js';
import type { ProcessEvent } from '../../../src/observe/events.js';
import { Primary } from '../../../src/primary/primary.js';
import { freePlace, written } from '../../support/addresses.js';

const answering = (...addresses: readonly string[]): LoadedRoutes =>
  compileRoutes(
    checkValue({
      listeners: addresses.map((address) => ({ address })),
      routes: [{ rules: [{ filters: [{ type: 'DirectResponse', directResponse: { status: 200 } }] }] }],
    }),
  );

test('reports listeners, workers and the drain, each once and in order', async () => {
  const [first, second] = [written(freePlace()), written(freePlace())];
  const events: ProcessEvent[] = [];
  const taken = (): ProcessEvent[] => events.splice(0);
  const primary = await Primary.start(
    answering(first),
    {
      workers: 1,
      accept: 'handoff',
      pin: false,
      emit: (event) => events.push(event),
      onFatal: assert.ifError,
    },
    new AbortController().signal,
  );
  const opened = { type: 'listener.opened', protocol: 'http', families: '' };
  assert.deepEqual(taken(), [
    { ...opened, address: first, atStart: true },
    { type: 'worker.ready', worker: 0, accept: 'handoff' },
  ]);
  assert.equal(await primary.reload(answering(second)), true);
  assert.deepEqual(taken(), [
    { ...opened, address: second, atStart: false },
    { type: 'listener.closed', address: first },
  ]);
  await primary.drain();
  const [began, ended, ...more] = taken();
  assert.deepEqual([began, more], [{ type: 'drain.began', leadMs: 0 }, []]);
  assert.ok(ended?.type === 'drain.ended' && ended.connectionsCut === 0 && ended.tookMs > 0);
});
