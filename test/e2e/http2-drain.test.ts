// Connections of HTTP/2 as the process stops, or their listener goes: what was taken is answered, and nothing is lost between.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { join } from 'node:path';
import { test } from 'node:test';
import { ok, type RawOrigin, serveRequests, type Visit } from '../origins/raw.js';
import { scratchDirectory } from '../support/addresses.js';
import { FLAG, FrameClient, frame, get, TYPE } from '../support/frame-client.js';
import { standIn, startProxy, use, useProxy } from '../support/proxy.js';

/** Answers no request before `answer()`. */
async function startHeld(): Promise<RawOrigin & { answer(): void }> {
  const held: Visit[] = [];
  let open = false;
  const origin = await serveRequests((_, visit) => {
    if (open) visit.socket.write(ok('late'));
    else held.push(visit);
  });
  const answer = (): void => {
    open = true;
    for (const { socket } of held) socket.write(ok('late'));
  };
  return Object.assign(origin, { answer });
}

function ask(session: ClientHttp2Session): Promise<number | string> {
  return new Promise((resolve) => {
    const stream = session.request({ ':path': '/' });
    stream.on('response', (fields) => resolve(fields[':status'] ?? 0));
    stream.on('error', (error) => resolve(String(error)));
    stream.resume();
  });
}

test('a drain answers all requests under way on 20 connections, and those that cross its GOAWAY', {
  skip: standIn,
}, async (t) => {
  const origin = await use(t, startHeld());
  const log = join(scratchDirectory(), 'access.log');
  const proxy = await startProxy({
    listeners: [{ http2: true }],
    servers: [origin.address],
    timeouts: { drain: '10s' },
    accessLog: [{ format: 'combined', to: { file: log } }],
  });
  const sessions = Array.from({ length: 20 }, () => connect(proxy.url));
  for (const session of sessions) session.on('error', () => {});
  const answers = sessions.flatMap((session) => Array.from({ length: 30 }, () => ask(session)));
  await origin.until('all requests', ({ requests }) => requests.length === 600);
  const raw = await FrameClient.connect(proxy.place);
  raw.send(get(1, '/'));
  await origin.until('one more', ({ requests }) => requests.length === 601);
  proxy.process.kill('SIGTERM');
  const ping = await raw.until('our PING', () => raw.frameOf(TYPE.PING));
  assert.equal(raw.frameOf(TYPE.GOAWAY)!.payload.readUInt32BE(0), 0x7fffffff);
  // On its way as the first GOAWAY came: it was taken, and the second says so.
  raw.send(get(3, '/'), frame(TYPE.PING, FLAG.ACK, 0, ping.payload));
  await origin.until('that too', ({ requests }) => requests.length === 602);
  origin.answer();
  assert.equal((await raw.outcome(3)).status, 200);
  const last = raw.frames.filter(({ type }) => type === TYPE.GOAWAY).at(-1)!;
  assert.equal(last.payload.readUInt32BE(0), 3);
  assert.deepEqual([...new Set(await Promise.all(answers))], [200]);
  const { code } = await proxy.process.exited();
  assert.equal(code, 0);
  const lines = readFileSync(log, 'latin1').trimEnd().split('\n');
  assert.equal(lines.filter((line) => line.includes('"GET / HTTP/2.0" 200')).length, 602);
  for (const session of sessions) session.destroy();
});

test('a reload that removes the listener ends its connections gracefully', { skip: standIn }, async (t) => {
  const origin = await use(t, startHeld());
  const spec = { listeners: [{ http2: true }, {}], servers: [origin.address] };
  const proxy = await useProxy(t, spec);
  const client = await FrameClient.connect(proxy.place);
  client.send(get(1, '/'));
  await origin.until('the request', ({ requests }) => requests.length === 1);
  const document = JSON.parse(readFileSync(proxy.file!, 'utf8')) as { listeners: object[] };
  document.listeners.shift();
  writeFileSync(proxy.file!, JSON.stringify(document));
  proxy.process.kill('SIGHUP');
  await client.until('GOAWAY', () => client.frameOf(TYPE.GOAWAY));
  origin.answer();
  assert.equal((await client.outcome(1)).status, 200);
  client.send(frame(TYPE.PING, FLAG.ACK, 0, Buffer.alloc(8)));
  await client.until('the end', () => client.closed || undefined);
  await proxy.checkInvariants();
});
