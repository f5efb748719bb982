// The origin servers of the demo: two that answer JSON and say who they are, two that serve a picture.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { catPicture } from './demo-picture.js';

interface Origins {
  /** HOST:PORT of each. */
  api: string[];
  images: string[];
  close(): Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function api(name: string): Handler {
  return (request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(
      `${JSON.stringify({ server: name, method: request.method, path: request.url, forwardedFor: request.headers['x-forwarded-for'] })}\n`,
    );
  };
}

function images(name: string): Handler {
  const picture = catPicture();
  return (request, response) => {
    response.setHeader('X-Server', name);
    if (request.url !== '/images/cat.png') {
      response.statusCode = 404;
      response.end('there is only /images/cat.png\n');
      return;
    }
    response.setHeader('Content-Type', 'image/png');
    response.setHeader('Content-Length', picture.length);
    response.end(picture);
  };
}

async function listen(handler: Handler): Promise<Server> {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const addressOf = (server: Server): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;

/** Starts the four servers on free ports of 127.0.0.1. */
export async function startOrigins(): Promise<Origins> {
  const servers = await Promise.all([api('api-1'), api('api-2'), images('images-1'), images('images-2')].map(listen));
  const addresses = servers.map(addressOf);
  return {
    api: addresses.slice(0, 2),
    images: addresses.slice(2),
    close: async () => {
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
