// A server that answers before it has read the body, and closes: what is written to it then fails, and its kernel resets the
// connection because of the bytes it never read. The answer was received before that, and has to reach the client.

import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { loopback } from '../support/addresses.js';
import { closing } from '../support/closing.js';
import { authority, authorityFile, makeIdentity } from '../support/identity.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { WireClient } from '../support/wire-client.js';

const TRIALS = 40;
const BODY_BYTES = 2_000_000;
const HEAD = `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`;
const BODY = 'b'.repeat(BODY_BYTES);

const answers: Record<string, string> = {
  'with a length': 'HTTP/1.1 413 Payload Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge',
  'that ends with the connection': 'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\nlogin',
};

const identity = makeIdentity({ names: ['backend.example'] });
const ca = authorityFile(authority());

/** Answers once a little of the body is there, reads no more, and closes as soon as the answer has left. */
async function startEarly(answer: string, tls: boolean): Promise<{ address: string; close(): Promise<unknown> }> {
  const serve = (socket: Socket): void => {
    socket.on('error', () => {});
    let received = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text;
      if (!received.includes('\r\n\r\n') || received.length < HEAD.length + 1) return;
      socket.removeAllListeners('data').pause();
      socket.end(answer, () => socket.destroy());
    });
  };
  const server: Server = tls
    ? createTlsServer({ key: identity.issued.key, cert: identity.issued.cert }, serve)
    : createServer(serve);
  const close = closing(server);
  await new Promise<void>((resolve) => server.listen(0, loopback, resolve));
  return { address: `${loopback}:${(server.address() as AddressInfo).port}`, close };
}

for (const secure of [false, true]) {
  for (const [how, answer] of Object.entries(answers)) {
    test(`an early answer ${how} reaches the client over ${secure ? 'TLS' : 'TCP'} although its server closes`, async (t) => {
      const origin = await use(t, startEarly(answer, secure));
      const tls = secure ? { tls: { ca, serverName: 'backend.example' } } : {};
      const proxy = await useProxy(t, { pools: { main: { servers: [{ address: origin.address }], ...tls } } });
      const statuses = new Map<number, number>();
      for (let i = 0; i < TRIALS; i++) {
        const client = await WireClient.connect(proxy.place);
        void client.send(HEAD + BODY);
        const status = statusOf(await client.response('POST'));
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        client.close();
      }
      assert.deepEqual([...statuses], [[Number(answer.slice(9, 12)), TRIALS]]);
      await proxy.heldNothing();
    });
  }
}
