// Reloading under load: no request fails, kept pools keep their connections, memory does not grow with reloads.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, serveRequests, type Visit } from '../origins/raw.js';
import { freePlace, type Place, scratchDirectory } from '../support/addresses.js';
import { Child, residentBytes } from '../support/child.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { documentOf, MAIN, RunningProxy, use } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

const RELOADS = 50;
const MIB = 2 ** 20;

interface Reloadable {
  readonly proxy: RunningProxy;
  reload(pools: object): Promise<void>;
  /** Reloads what cannot be applied, and returns what is said about it. */
  reloadRefused(pools: object, places: readonly Place[]): Promise<string>;
}

/** A proxy whose file can be changed. */
async function startReloadable(pools: object): Promise<Reloadable> {
  const place: Place = freePlace();
  const file = join(scratchDirectory(), 'proxy.yaml');
  const write = (next: object, places = [place] as readonly Place[]): void => {
    writeFileSync(file, JSON.stringify(documentOf({ pools: next as Record<string, object> }, [...places])));
  };
  write(pools);
  const child = new Child(process.execPath, [MAIN, 'run', '-c', file, '--workers', '2']);
  await child.until('line `sevenfold ready`', () => (/^sevenfold ready$/m.test(child.stdout) ? true : undefined));
  const reloads = (): number => (child.stdout.match(/^reloaded /gm) ?? []).length;
  return {
    proxy: new RunningProxy(child, [place]),
    reload: async (next) => {
      const before = reloads();
      write(next);
      child.kill('SIGHUP');
      await child.until('word about the reload', () => (reloads() > before ? true : undefined));
    },
    reloadRefused: async (next, places) => {
      const before = child.stderr.length;
      write(next, places);
      child.kill('SIGHUP');
      return child.until('word about the refusal', () => {
        const said = child.stderr.slice(before);
        return said.includes('was not reloaded') ? said : undefined;
      });
    },
  };
}

test('fifty reloads under load: no request fails, and memory stays', async (t) => {
  const origins = await Promise.all([0, 1, 2].map(() => use(t, startAnswers())));
  const pool = (...indices: number[]): object => ({
    main: { servers: indices.map((index) => ({ address: origins[index]!.address })) },
  });
  const { proxy, reload } = await startReloadable(pool(0, 1));
  t.after(() => proxy.stop());
  let over = false;
  let answered = 0;
  const load = Array.from({ length: 16 }, async () => {
    const client = await WireClient.connect(proxy.place);
    while (!over) {
      const response = await client.exchange(
        answered % 3 === 0 ? 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi' : get(),
      );
      assert.equal(statusOf(response), 200);
      answered++;
    }
    client.close();
  });
  for (let i = 0; i < 10; i++) await reload(pool(i % 3, (i + 1) % 3));
  const before = residentBytes(proxy.pid);
  for (let i = 0; i < RELOADS; i++) await reload(pool(i % 3, (i + 1) % 3));
  const grown = residentBytes(proxy.pid) - before;
  over = true;
  await Promise.all(load);
  assert.ok(answered > RELOADS, `${answered} requests were answered meanwhile`);
  assert.ok(grown < 48 * MIB, `memory grew by ${Math.round(grown / MIB)} MiB`);
  await proxy.heldNothing();
});

test('a pool that stays keeps its connections, and one that goes closes them', async (t) => {
  const kept = await use(t, startAnswers());
  const gone = await use(t, startAnswers());
  const servers = (...all: { address: string }[]): object => ({
    main: { servers: all.map(({ address }) => ({ address })) },
  });
  const { proxy, reload } = await startReloadable(servers(kept, gone));
  t.after(() => proxy.stop());
  const client = await WireClient.connect(proxy.place);
  for (let i = 0; i < 4; i++) await client.exchange(get());
  assert.deepEqual([kept.accepted, gone.accepted], [1, 1]);
  await reload(servers(kept));
  await gone.until('closed connection', (seen) => seen.visits[0]?.ended || seen.visits[0]?.closed);
  for (let i = 0; i < 4; i++) await client.exchange(get());
  assert.equal(kept.accepted, 1);
  client.close();
});

test('a reload may bring more servers and pools than the start had room for, one that brings too many changes nothing', async (t) => {
  const origin = await use(t, startAnswers());
  const main = { servers: [{ address: origin.address }] };
  const { proxy, reload, reloadRefused } = await startReloadable({ main });
  t.after(() => proxy.process.kill('SIGKILL'));
  const client = await WireClient.connect(proxy.place);
  await client.exchange(get());
  const servers = Array.from({ length: 2000 }, (_, i) => ({ address: `127.1.${i >> 8}.${i & 255}:9`, weight: 0 }));
  const many = Object.fromEntries(
    Array.from({ length: 400 }, (_, i) => [`p${i}`, { servers: [{ ...servers[i], weight: 1 }] }]),
  );
  await reload({ ...many, main: { servers: [...servers, { address: origin.address }] } });
  assert.equal(statusOf(await client.exchange(get())), 200);
  assert.equal(Object.keys(await proxy.pools()).length, 401);

  const place = freePlace();
  const most = Array.from({ length: 65_536 }, (_, i) => ({ address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:9` }));
  const said = await reloadRefused({ main, most: { servers: most } }, [proxy.place, place]);
  assert.match(said, /found no room, expected at most 65536 servers and 16384 pools in one process/);
  await assert.rejects(WireClient.connect(place), /ECONNREFUSED/, 'the listener of a refused reload is closed again');
  assert.equal(statusOf(await client.exchange(get())), 200);
  client.close();
  await proxy.heldNothing();
  proxy.process.kill('SIGTERM');
  assert.equal((await proxy.process.exited()).code, 0);
});

test('a request in flight ends under the rules it began with', async (t) => {
  const held: Visit[] = [];
  const old = await use(
    t,
    serveRequests((_request, visit) => void held.push(visit)),
  );
  const next = await use(t, startAnswers(ok('from the new one')));
  const { proxy, reload } = await startReloadable({ main: { servers: [{ address: old.address }] } });
  t.after(() => proxy.stop());
  const client = await WireClient.connect(proxy.place);
  await client.send(get());
  await old.until('request', () => held.length === 1);
  await reload({ main: { servers: [{ address: next.address }] } });
  held[0]!.socket.write(ok('from the old one', 'X-Old: yes'));
  const response = await client.response();
  assert.equal(response.body, 'from the old one');
  assert.equal(fieldValue(response, 'x-old'), 'yes');
  assert.equal((await client.exchange(get())).body, 'from the new one');
  client.close();
});
