// http-proxy at its best: an agent that keeps connections to the origin alive (its own default opens one per request)
// and the forwarded headers that Sevenfold sets. Run as a program: `http-proxy PORT ORIGIN_PORT`.
import { randomUUID } from 'node:crypto';
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const [port, originPort] = process.argv.slice(2).map(Number);
const proxy = httpProxy.createProxyServer({
  target: { host: '127.0.0.1', port: originPort! },
  agent: new Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 1024 }),
  xfwd: true,
});
proxy.on('proxyReq', (request) => {
  request.setHeader('X-Request-Id', randomUUID());
  request.setHeader('Via', '1.1 http-proxy');
});
proxy.on('error', (_error, _request, response) => response.destroy());
createServer({ keepAliveTimeout: 3_600_000, noDelay: true }, (request, response) =>
  proxy.web(request, response),
).listen({ port: port!, host: '127.0.0.1', backlog: 16_384 }, () => console.log('listening'));
