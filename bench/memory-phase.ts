// Memory of an idle client connection: how much resident memory grows by connection, one answered request on each.
// A proxy at Layer 4 holds a connection to the origin for each of them; that is part of its price.
import { connect, type Socket } from 'node:net';
import type { Fleet } from './fleet.js';
import { ResponseReader } from './load/response-reader.js';
import { treeRssBytes } from './proc.js';
import type { Run } from './run.js';
import { requestBytes, WORKLOADS } from './workloads.js';

const CONNECTIONS = 2000;
/** Opened before the counted ones: what a process allocates once, at its first connections, is not the price of one. */
const UNCOUNTED = 1000;

/** By contestant, roughly. */
const SECONDS = 1;

/** Seconds that all of it will take. */
export function planMemory(run: Run): number {
  return (
    SECONDS *
    run.contestants.filter((one) => one.mode !== 'direct' && one.scheme === 'http' && one.missing() === undefined)
      .length
  );
}

/** Measures each contestant that has a process to look at. */
export async function runMemory(run: Run, fleet: Fleet): Promise<void> {
  for (const { contestant, running } of fleet.entries) {
    if (run.signal.aborted) return;
    const pid = running.pid;
    if (pid === undefined || running.process === undefined || contestant.scheme === 'https') continue;
    run.progress.step(`memory of ${CONNECTIONS} idle connections: ${contestant.id}`, SECONDS);
    try {
      const bytes = await growthByConnection(running.port, pid, CONNECTIONS);
      run.connectionMemory.push({ contestant: contestant.id, connections: CONNECTIONS, bytesPerConnection: bytes });
    } catch (error) {
      run.leftOut.push({
        contestant: contestant.id,
        reason: `memory by connection: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }
}

/** Opens `count` connections to 127.0.0.1:`port`, one request on each, and gives the growth of `pid` by connection. */
export async function growthByConnection(port: number, pid: number, count: number): Promise<number> {
  const request = requestBytes(WORKLOADS[0]!, 'bench.example.com');
  const sockets: Socket[] = [];
  // In batches: what is measured is that they are there, not a flood of connects.
  const openMany = async (wanted: number): Promise<void> => {
    for (let at = 0; at < wanted; at += 100) {
      const batch = Array.from({ length: Math.min(100, wanted - at) }, () => askOnce(port, request));
      sockets.push(...(await Promise.all(batch)));
    }
  };
  try {
    await openMany(UNCOUNTED);
    const before = treeRssBytes(pid);
    await openMany(count);
    return Math.max(0, treeRssBytes(pid) - before) / count;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function askOnce(port: number, request: Buffer): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const reader = new ResponseReader();
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer within 5 s')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed before it was answered')));
    socket.on('data', (chunk: Buffer) => {
      if (reader.push(chunk) > 0) resolve(socket);
    });
  });
}
