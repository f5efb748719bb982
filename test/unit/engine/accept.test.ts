// How client connections reach an engine: handed over by a thread that accepts, or accepted by the engine itself.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { addon } from '../../../src/engine/addon.js';
import { slotOf } from '../../../src/engine/engine.js';
import { CONTROL, PEER_BYTES } from '../../../src/engine/layout.js';
import { type Cleanup, type Lab, NOTHING, useLab, useListener, useSocket } from './lab.js';

/** Both ways in. `listen` makes connections to `host` reach the lab's engine. */
const WAYS = [
  { name: 'handed over', listen: (t: Cleanup, _: Lab, host: string) => useListener(t, host, true) },
  {
    name: 'accepted by the engine',
    listen: (t: Cleanup, lab: Lab, host: string) => {
      const opened = useListener(t, host, false);
      lab.engine.listen(opened.listener);
      return opened;
    },
  },
];

const peerOf = (lab: Lab, conn: number): Buffer =>
  Buffer.from(lab.engine.peers.subarray(slotOf(conn) * PEER_BYTES, (slotOf(conn) + 1) * PEER_BYTES));

for (const { name, listen } of WAYS) {
  test(`${name}: a connection names its listener and its peer, and carries bytes both ways`, async (t) => {
    const lab = useLab(t);
    const { listener, port } = listen(t, lab, '127.0.0.1');
    const socket = await useSocket(t, { host: '127.0.0.1', port });
    const conn = await lab.accepted();
    assert.equal(lab.of(conn, 'accepted')[0]!.at, listener);
    const peer = peerOf(lab, conn);
    assert.equal(peer[0], 4);
    assert.equal(peer.readUInt16BE(2), socket.localPort);
    assert.deepEqual([...peer.subarray(4, 8)], [127, 0, 0, 1]);
    socket.end('hello');
    assert.equal(String(await lab.has(conn, 5)), 'hello');
    await lab.next(conn, 'eof');
    assert.equal(lab.engine.counter(CONTROL.clientConnections), 1);
    lab.act((engine) => engine.closeConn(conn));
    assert.deepEqual(lab.holdings, NOTHING);
  });

  test(`${name}: an IPv6 peer is told as such, an IPv4 one at an IPv6 listener as IPv4`, async (t) => {
    const lab = useLab(t);
    const { port } = listen(t, lab, '::');
    await useSocket(t, { host: '::1', port });
    const six = peerOf(lab, await lab.accepted());
    assert.equal(six[0], 6);
    assert.deepEqual([...six.subarray(4)], [...new Uint8Array(15), 1]);
    await useSocket(t, { host: '127.0.0.1', port });
    const four = peerOf(lab, await lab.accepted(2));
    assert.equal(four[0], 4);
    assert.deepEqual([...four.subarray(4, 8)], [127, 0, 0, 1]);
  });

  test(`${name}: a peer at a unix socket has no address`, async (t) => {
    const lab = useLab(t);
    const path = join(tmpdir(), `sevenfold-${randomBytes(8).toString('hex')}`);
    listen(t, lab, path);
    await useSocket(t, { path });
    assert.deepEqual([...peerOf(lab, await lab.accepted())], [...new Uint8Array(PEER_BYTES)]);
  });

  test(`${name}: beyond connectionsMax connections wait, and are taken as others close`, async (t) => {
    const lab = useLab(t, { connectionsMax: 2 });
    const { port } = listen(t, lab, '127.0.0.1');
    for (let i = 0; i < 4; i++) await useSocket(t, { host: '127.0.0.1', port });
    const first = await lab.accepted();
    await lab.accepted(2);
    assert.equal(lab.engine.counter(CONTROL.clientConnections), 2);
    // A worker has a timer that runs turns: here it is the test's.
    const timer = setInterval(() => lab.engine.run(), 10);
    t.after(() => clearInterval(timer));
    lab.act((engine) => engine.closeConn(first));
    await lab.accepted(3);
    assert.equal(lab.engine.counter(CONTROL.clientConnections), 2);
    assert.equal(lab.engine.counter(CONTROL.refused), 0);
  });

  test(`${name}: without a free handle a connection is turned away and counted`, async (t) => {
    const lab = useLab(t, { slotCount: 1, connectionsMax: 8 });
    const { port } = listen(t, lab, '127.0.0.1');
    const first = await useSocket(t, { host: '127.0.0.1', port });
    const conn = await lab.accepted();
    const second = createConnection({ host: '127.0.0.1', port });
    t.after(() => second.destroy());
    second.on('error', () => {});
    await new Promise<void>((resolve) => second.on('close', () => resolve()).resume());
    assert.equal(lab.engine.counter(CONTROL.refused), 1);
    first.end();
    await lab.next(conn, 'eof');
    lab.act((engine) => engine.closeConn(conn));
    await useSocket(t, { host: '127.0.0.1', port });
    await lab.accepted(2);
  });
}

test('stops accepting after listenEnd and keeps what is open', async (t) => {
  const lab = useLab(t);
  const { listener, port } = useListener(t, '127.0.0.1', false);
  lab.engine.listen(listener);
  const socket = await useSocket(t, { host: '127.0.0.1', port });
  const conn = await lab.accepted();
  lab.engine.listenEnd(listener);
  // The kernel still completes the handshake; nobody takes the connection.
  await useSocket(t, { host: '127.0.0.1', port });
  socket.write('on');
  await lab.has(conn, 2);
  assert.equal(lab.events.filter(({ kind }) => kind === 'accepted').length, 1);
});

test('hands over to the engine with the fewest connections', async (t) => {
  const labs = [useLab(t), useLab(t), useLab(t)];
  const { port } = useListener(t, '127.0.0.1', true);
  let taken = (): void => {};
  for (const lab of labs) lab.onEvent = () => taken();
  for (let i = 0; i < 9; i++) {
    const accepted = new Promise<void>((resolve) => {
      taken = resolve;
    });
    await useSocket(t, { host: '127.0.0.1', port });
    await accepted;
  }
  const counts = labs.map((lab) => lab.engine.counter(CONTROL.clientConnections));
  assert.deepEqual(counts, [3, 3, 3]);
});

test('takes over the file of a unix socket that nobody listens on, and takes it away at the end', (t) => {
  const path = join(tmpdir(), `sevenfold-${randomBytes(8).toString('hex')}`);
  const { listener } = useListener(t, path, false);
  assert.ok(existsSync(path));
  assert.throws(() => addon().listenerOpen(path, -1, 16, false), { code: 'EADDRINUSE' });
  assert.ok(existsSync(path));
  addon().listenerClose(listener);
  assert.equal(existsSync(path), false);
});

test('leaves alone what another process has put in the place of its socket, links, and files that are no sockets', (t) => {
  const path = join(tmpdir(), `sevenfold-${randomBytes(8).toString('hex')}`);
  const { listener } = useListener(t, path, false);
  unlinkSync(path);
  writeFileSync(path, 'precious');
  addon().listenerClose(listener);
  assert.equal(readFileSync(path, 'utf8'), 'precious');
  assert.throws(() => addon().listenerOpen(path, -1, 16, false), { code: 'EADDRINUSE' });
  assert.equal(readFileSync(path, 'utf8'), 'precious');
  unlinkSync(path);
  symlinkSync(`${path}.elsewhere`, path);
  assert.throws(() => addon().listenerOpen(path, -1, 16, false), { code: 'EADDRINUSE' });
  unlinkSync(path);
});

test('says why a listener cannot be opened', (t) => {
  const { port } = useListener(t, '127.0.0.1', false);
  assert.throws(() => addon().listenerOpen('127.0.0.1', port, 16, false), { code: 'EADDRINUSE' });
  assert.throws(() => addon().listenerOpen('203.0.113.1', 0, 16, false), { code: 'EADDRNOTAVAIL' });
  assert.throws(() => addon().listenerOpen('nowhere', 0, 16, false), { code: 'EINVAL' });
  assert.throws(() => addon().listenerOpen('/nowhere/at/all.sock', -1, 16, false), { code: 'ENOENT' });
  assert.throws(() => addon().listenerPort(-1), { code: 'ERR_ARGUMENT' });
  assert.equal(addon().listenerPort(63), -1);
});

test('says why TCP keep-alive cannot be set', (t) => {
  const { listener } = useListener(t, '127.0.0.1', false);
  addon().listenerKeepAlive(listener, 32_767, 32_767, 127);
  addon().listenerKeepAlive(listener, 0, 0, 0);
  for (const [idle, interval, probes] of [
    [-1, 1, 1],
    [32_768, 1, 1],
    [1, 0, 1],
    [1, 32_768, 1],
    [1, 1, 0],
    [1, 1, 128],
  ] as const) {
    assert.throws(() => addon().listenerKeepAlive(listener, idle, interval, probes), { code: 'EINVAL' });
  }
  assert.throws(() => addon().listenerKeepAlive(listener + 1, 1, 1, 1), { code: `E${constants.errno.EBADF}` });
  const file = addon().listenerOpen(`@sevenfold-${process.pid}-keep-alive`, -1, 16, false);
  t.after(() => addon().listenerClose(file));
  assert.throws(() => addon().listenerKeepAlive(file, 1, 1, 1), { code: `E${constants.errno.EOPNOTSUPP}` });
});

test('the number of a closed listener never means another one', () => {
  const numbers = new Set<number>();
  for (let i = 0; i < 100; i++) {
    const listener = addon().listenerOpen('127.0.0.1', 0, 16, false);
    numbers.add(listener);
    addon().listenerClose(listener);
  }
  assert.equal(numbers.size, 100);
  const open = addon().listenerOpen('127.0.0.1', 0, 16, false);
  for (const number of numbers) {
    assert.equal(addon().listenerPort(number), -1);
    addon().listenerClose(number);
  }
  assert.ok(addon().listenerPort(open) > 0);
  addon().listenerClose(open);
});
