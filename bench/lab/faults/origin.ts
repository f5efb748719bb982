// An origin that can be told to misbehave, as a process of its own so that it can be killed and frozen.
// Owns the faults a server makes by itself. Leaves SIGKILL, SIGSTOP and the choice of the moment to run.ts.
// Run: node --import tsx bench/lab/faults/origin.ts HOST PORT NAME, with an IPC channel that carries `Fault`s.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What an origin does wrong. `refuses` closes the listening socket and every connection. */
export type Fault = 'none' | 'slow' | 'errors' | 'closes' | 'resets' | 'refuses';

/** Delay of a slow answer, in milliseconds. */
export const SLOW_MS = 400;
/** Longest time a closing origin leaves a connection idle, in milliseconds. */
const CLOSES_WITHIN_MS = 30;
const BODY = Buffer.alloc(1024, 'x');
const LONG_BODY_BYTES = 256 * 1024;

const [host, port, name] = [process.argv[2]!, Number(process.argv[3]), process.argv[4]!];
const sockets = new Set<Socket>();
const busy = new Set<Socket>();
let fault: Fault = 'none';

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  const { socket } = request;
  busy.add(socket);
  response.once('close', () => {
    busy.delete(socket);
    if (fault === 'closes') closeSoon(socket);
  });
  request.resume().once('end', () => answer(request, response));
});
server.on('connection', (socket: Socket) => {
  sockets.add(socket);
  socket.on('error', () => {}).once('close', () => sockets.delete(socket));
});

function answer(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('x-origin', name);
  switch (fault) {
    case 'slow':
      setTimeout(() => response.end(BODY), SLOW_MS);
      break;
    case 'errors':
      response.writeHead(500).end('broken');
      break;
    case 'resets':
      response.writeHead(200, { 'content-length': LONG_BODY_BYTES });
      response.write(BODY, () => request.socket.resetAndDestroy());
      break;
    default:
      response.end(BODY);
  }
}

/** Closes an idle connection at a random moment: perhaps just as the next request is on its way. */
function closeSoon(socket: Socket): void {
  setTimeout(() => {
    if (!busy.has(socket)) socket.destroy();
  }, Math.random() * CLOSES_WITHIN_MS);
}

process.on('message', (next: Fault) => {
  if (next === 'refuses') {
    server.close();
    for (const socket of sockets) socket.destroy();
  } else if (fault === 'refuses') {
    server.listen(port, host);
  }
  fault = next;
  process.send!(next);
});
process.once('disconnect', () => process.exit());
server.listen(port, host, () => process.send!('listening'));
