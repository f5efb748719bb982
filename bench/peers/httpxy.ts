// httpxy at its best: connections to the origin kept alive and the forwarded headers that Sevenfold sets.
// Run as a program: `httpxy PORT ORIGIN_PORT`.
import { randomUUID } from 'node:crypto';
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'httpxy';

const [port, originPort] = process.argv.slice(2).map(Number);
const proxy = createProxyServer({
  target: { host: '127.0.0.1', port: originPort! },
  agent: new Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 1024 }),
  xfwd: true,
});
proxy.on('proxyReq', (request) => {
  request.setHeader('X-Request-Id', randomUUID());
  request.setHeader('Via', '1.1 httpxy');
});
createServer({ keepAliveTimeout: 3_600_000, noDelay: true }, (request, response) => {
  proxy.web(request, response).catch(() => response.destroy());
}).listen({ port: port!, host: '127.0.0.1', backlog: 16_384 }, () => console.log('listening'));
