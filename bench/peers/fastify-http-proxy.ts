// @fastify/http-proxy at its best: undici with a pool wide enough for every client connection, no logger, and the
// forwarded headers that Sevenfold sets. Run as a program: `fastify-http-proxy PORT ORIGIN_PORT`.
import { randomUUID } from 'node:crypto';
import httpProxy from '@fastify/http-proxy';
import { fastify } from 'fastify';

const [port, originPort] = process.argv.slice(2).map(Number);
const server = fastify({ logger: false, keepAliveTimeout: 3_600_000 });
await server.register(httpProxy, {
  upstream: `http://127.0.0.1:${originPort}`,
  undici: { connections: 1024, pipelining: 1, keepAliveTimeout: 3_600_000 },
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => ({
      ...headers,
      host: request.headers.host,
      'x-forwarded-for': request.socket.remoteAddress,
      'x-forwarded-proto': 'http',
      'x-forwarded-host': request.headers.host,
      'x-forwarded-port': String(request.socket.localPort),
      'x-request-id': randomUUID(),
      via: '1.1 fastify-http-proxy',
    }),
  },
});
await server.listen({ port: port!, host: '127.0.0.1', backlog: 16_384 });
console.log('listening');
