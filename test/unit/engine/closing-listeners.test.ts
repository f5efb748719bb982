// A listener is closed while connections come in: each is taken by it, or by the wider one at its port.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addon } from '../../../src/engine/addon.js';
import { scratchDirectory } from '../../support/addresses.js';
import { useLab, useListener, useSocket } from './lab.js';

const SOURCE = fileURLToPath(new URL('../../support/connects.c', import.meta.url));
const CLOSES = 300;
/** For handshakes that are under way as the listener is retired: between processes of one machine they take less. */
const HANDSHAKES_MS = 5;

test(`no connection is lost when a listener beside a wider one is closed, ${CLOSES} times`, async (t) => {
  const program = join(scratchDirectory(), 'connects');
  const { LD_PRELOAD: _, ...env } = process.env;
  execFileSync('cc', ['-O1', '-o', program, SOURCE, '-lpthread'], { env });
  const lab = useLab(t);
  const wide = useListener(t, '0.0.0.0', true);
  let taken = 0;
  lab.onEvent = ({ kind, conn, at }) => {
    if (kind !== 'accepted') return;
    lab.engine.closeConn(conn);
    if (at !== wide.listener) taken++;
  };
  const load = spawn(program, ['127.0.0.1', String(wide.port), '2'], { stdio: ['pipe', 'pipe', 'inherit'], env });
  t.after(() => load.kill('SIGKILL'));
  const said = text(load.stdout);
  for (let i = 0; i < CLOSES; i++) {
    const narrow = addon().listenerOpen('127.0.0.1', wide.port, 64, false);
    addon().acceptorStart(narrow);
    taken = 0;
    await lab.until('a connection at the narrow one', () => taken > 0 || undefined);
    lab.events.length = 0;
    addon().listenerRetire(narrow);
    await setTimeout(HANDSHAKES_MS);
    addon().listenerClose(narrow);
  }
  load.stdin.end();
  const [, made, lost] = /made (\d+) lost (\d+)/.exec(await said)!;
  assert.ok(Number(made) > CLOSES);
  assert.equal(Number(lost), 0, `of ${made} connections`);
});

test('a retired listener refuses what comes, keeps what waits, and hands it over', async (t) => {
  const lab = useLab(t);
  const { listener, port } = useListener(t, '127.0.0.1', false);
  const waiting = await useSocket(t, { host: '127.0.0.1', port });
  addon().listenerRetire(listener);
  addon().listenerRetire(listener);
  await assert.rejects(useSocket(t, { host: '127.0.0.1', port }), { code: 'ECONNREFUSED' });
  addon().listenerClose(listener);
  addon().listenerRetire(listener);
  const conn = await lab.accepted();
  waiting.write('hello');
  await lab.has(conn, 5);
});

test('a retired listener of a unix socket leaves its path to others', async (t) => {
  const lab = useLab(t);
  const path = join(scratchDirectory(), 'engine.sock');
  const { listener } = useListener(t, path, false);
  const waiting = await useSocket(t, { path });
  addon().listenerRetire(listener);
  await assert.rejects(useSocket(t, { path }), { code: 'ENOENT' });
  useListener(t, path, false);
  addon().listenerClose(listener);
  assert.ok(existsSync(path), 'the file is that of the other');
  const conn = await lab.accepted();
  waiting.write('hello');
  await lab.has(conn, 5);
});
