// Listens and never accepts, with its queue full: a connection to it gets no answer at all, not even a refusal.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { freePlace, written } from '../support/addresses.js';

// Another process, because it has to block: Node accepts whenever its loop turns.
const PROGRAM = `
  const { createServer } = require('node:net');
  const [host, port] = process.argv.slice(1);
  createServer().listen({ host, port: Number(port), backlog: 1 }, () => {
    require('node:fs').writeSync(1, 'listening');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

// With a backlog of 1 Linux queues two connections and drops what comes after them.
const QUEUE_CONNECTIONS = 2;

export async function start(): Promise<{ readonly address: string; close(): Promise<void> }> {
  const place = freePlace();
  const child: ChildProcess = spawn(process.execPath, ['-e', PROGRAM, place.host, String(place.port)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  await once(child.stdout!, 'data');
  const fillers: Socket[] = [];
  for (let i = 0; i < QUEUE_CONNECTIONS; i++) {
    const socket = connect(place.port, place.host);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    fillers.push(socket);
  }
  return {
    address: written(place),
    close: async () => {
      process.off('exit', kill);
      const gone = once(child, 'exit');
      kill();
      await gone;
      for (const socket of fillers) socket.destroy();
    },
  };
}
