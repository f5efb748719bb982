// An origin on bare node:net: counts request heads and bodies, and answers from prepared bytes.
// Run as a program: `socket-origin PORT`. Paths: /small /post /64k /1m /echo, /delay/MS, and the two that test a load
// generator: /uniform/MIN/MAX (a delay drawn evenly between MIN and MAX ms) and /stall/EVERY/MS (freezes the whole
// server for MS ms once every EVERY ms). Understands Content-Length bodies only; it meets our own load and proxies.
import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { SMALL_BODY } from '../workloads.js';

const HEAD_END = Buffer.from('\r\n\r\n');

/** Creates the server, not yet listening. */
export function createSocketOrigin(): Server {
  const bodies = new Map<string, Buffer>([
    ['/small', answer(Buffer.from(SMALL_BODY), 'application/json')],
    ['/post', answer(Buffer.from(SMALL_BODY), 'application/json')],
    ['/64k', answer(randomBytes(65_536), 'application/octet-stream')],
    ['/1m', answer(randomBytes(1_048_576), 'application/octet-stream')],
  ]);
  let drawn = 0;
  let frozenUntil = 0;
  let nextStall = 0;
  const delayOf = (path: string): number => {
    const [, kind, first = '', second = ''] = path.split('/');
    if (kind === 'delay') return Number(first);
    // The golden ratio's multiples fill the range evenly, and the same way each time.
    if (kind === 'uniform')
      return Number(first) + ((drawn++ * 0.6180339887498949) % 1) * (Number(second) - Number(first));
    if (kind !== 'stall') return 0;
    const now = performance.now();
    if (nextStall === 0) nextStall = now + Number(first);
    if (now >= nextStall) {
      frozenUntil = nextStall + Number(second);
      nextStall += Number(first);
    }
    return Math.max(0, frozenUntil - now);
  };
  const reply = (socket: Socket, head: string, close: boolean): void => {
    const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/'));
    const bytes =
      path === '/echo' ? answer(Buffer.from(echo(head)), 'text/plain') : (bodies.get(path) ?? bodies.get('/small')!);
    const write = (): void => {
      if (socket.destroyed) return;
      if (close) socket.end(bytes);
      else socket.write(bytes);
    };
    const delayMs = delayOf(path);
    if (delayMs > 0) setTimeout(write, delayMs);
    else write();
  };
  return createServer({ noDelay: true }, (socket) => {
    let rest: Buffer = Buffer.alloc(0);
    let bodyLeft = 0;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (;;) {
        const skipped = Math.min(bodyLeft, data.length);
        bodyLeft -= skipped;
        data = data.subarray(skipped);
        const end = data.indexOf(HEAD_END);
        if (end < 0) break;
        const head = data.toString('latin1', 0, end);
        data = data.subarray(end + HEAD_END.length);
        bodyLeft = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
        reply(socket, head, /^connection: *close/im.test(head));
      }
      rest = data;
    });
  });
}

function echo(head: string): string {
  const field = (name: string): string => new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1]?.trim() ?? '';
  return `for=${field('x-forwarded-for')} proto=${field('x-forwarded-proto')} host=${field('host')} id=${field('x-request-id')} via=${field('via')} tier=${field('x-tier')}`;
}

function answer(body: Buffer, type: string): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  createSocketOrigin().listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 16_384 }, () => {
    console.log('listening');
  });
}
