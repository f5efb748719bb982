// Memory over many reloads and many changes of servers. SOAK_RELOADS says how many; `make soak-reload` asks for 1,000.

import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePlace, type Place, scratchDirectory, written } from '../support/addresses.js';
import { Child, residentBytes } from '../support/child.js';
import { MAIN, RunningProxy, standIn } from '../support/proxy.js';

const RELOADS = Number(process.env.SOAK_RELOADS ?? 60);
/** Reloads before memory is looked at: heaps grow to their working size first. */
const FIRST = 60;
const RULES = 1200;
const SERVERS = 100;
const MIB = 2 ** 20;

/** Rules that stay, and servers that are all others than those of the round before. */
function documentOf(place: Place, round: number): string {
  const rules = Array.from({ length: RULES }, (_, i) => ({
    matches: [{ path: { value: `/part-${i}/of/some/length` }, headers: [{ name: 'x-part', value: `${i}` }] }],
    pool: 'main',
  }));
  const servers = Array.from({ length: SERVERS }, (_, i) => ({
    address: `10.${(round >> 8) & 255}.${round & 255}.${i + 1}:80`,
  }));
  const sessionPersistence = { type: 'Cookie', cookieName: 'at' };
  return JSON.stringify({
    listeners: [{ address: written(place) }],
    routes: [{ rules }],
    pools: { main: { servers, sessionPersistence } },
  });
}

test(`${RELOADS} reloads with ${RULES} rules, and as many times ${SERVERS} other servers, leave memory flat`, {
  skip: standIn && 'only the product',
  // A reload with as many rules takes up to a second on a machine with other work.
  timeout: 120_000 + RELOADS * 2_000,
}, async (t) => {
  const place = freePlace();
  const file = join(scratchDirectory(), 'proxy.json');
  const write = (round: number): void => {
    writeFileSync(`${file}.next`, documentOf(place, round));
    renameSync(`${file}.next`, file);
  };
  write(0);
  const child = new Child(process.execPath, [MAIN, 'run', '-c', file, '--workers', '1']);
  const proxy = new RunningProxy(child, [place]);
  t.after(() => proxy.stop());
  await child.until('sevenfold ready', () => (/^sevenfold ready$/m.test(child.stdout) ? true : undefined));
  let round = 0;
  const reload = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      write(++round);
      child.stdout = '';
      child.kill('SIGHUP');
      await child.until('a reload', () => (/^reloaded /m.test(child.stdout) ? true : undefined));
    }
  };
  await reload(FIRST);
  const before = residentBytes(proxy.pid);
  await reload(RELOADS);
  const grown = residentBytes(proxy.pid) - before;
  t.diagnostic(
    `${Math.round(grown / MIB)} MiB more after ${RELOADS} reloads and ${RELOADS * SERVERS} changes of servers`,
  );
  // One plan more in each reload, as they once stayed, would be 1 MiB and more for each.
  assert.ok(grown < 60 * MIB, `memory grew by ${Math.round(grown / MIB)} MiB`);
  await proxy.heldNothing();
});
