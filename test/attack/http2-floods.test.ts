// Floods of HTTP/2, one by one: frames that are fine alone and cost more than they are worth in numbers. Each ends its own
// connection with its own reason, one frame under the bound passes, and another connection is served all the time.

import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect } from 'node:http2';
import { after, before, test } from 'node:test';
import type { ReasonCode } from '../../src/http/reasons.js';
import { ok, type RawOrigin, serveRequests } from '../origins/raw.js';
import { FLAG, FrameClient, frame, get, PREFACE, request, TYPE, word } from '../support/frame-client.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';

const NO_ERROR = 0;
const ENHANCE_YOUR_CALM = 11;
const CANCEL = 8;

const LIMITS = {
  resetsPerSecondMax: 8,
  earlyResetsPerSecondMax: 5,
  ownResetsMax: 5,
  continuationsMax: 3,
  listBytesMax: '4KiB',
  fieldsMax: 20,
  cookiesMax: 100,
  pingsPerSecondMax: 10,
  settingsPerSecondMax: 10,
  emptyFramesMax: 5,
  tinyFramesPerSecondMax: 20,
  windowUpdatesPerDataMax: 1,
  prioritiesPerStreamMax: 5,
  odditiesPerSecondMax: 40,
  waitingFramesMax: 20,
  requestsMax: 30,
} as const;

const times = (count: number, make: (i: number) => Buffer): Buffer[] =>
  Array.from({ length: count }, (_, i) => make(i));
const idOf = (i: number): number => 2 * i + 1;

/** A request that has a body to come. */
const open = (id: number, path: string): Buffer => frame(TYPE.HEADERS, FLAG.END_HEADERS, id, request('POST', path));

interface Flood {
  readonly name: string;
  readonly reason: ReasonCode;
  /** The most that pass; one more does not. SETTINGS of the client count, so there is one less of those. */
  readonly most: number;
  frames(count: number): Buffer[];
  /** The id of the first stream that is free afterwards. */
  readonly next: number;
}

const FLOODS: readonly Flood[] = [
  {
    name: 'streams reset before they are answered',
    reason: 'H2_RESET_FLOOD',
    most: LIMITS.earlyResetsPerSecondMax,
    frames: (count) =>
      times(count, (i) => Buffer.concat([get(idOf(i), '/never'), frame(TYPE.RST_STREAM, 0, idOf(i), word(CANCEL))])),
    next: 101,
  },
  {
    name: 'streams that we have to reset',
    reason: 'H2_RESET_FLOOD',
    most: LIMITS.ownResetsMax,
    frames: (count) =>
      times(count, (i) => frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, idOf(i), request('GET', 'no-slash'))),
    next: 101,
  },
  {
    name: 'CONTINUATION',
    reason: 'H2_BLOCK_FLOOD',
    most: LIMITS.continuationsMax,
    frames: (count) => {
      const fields = request('GET', '/');
      return [
        frame(TYPE.HEADERS, FLAG.END_STREAM, 1, fields),
        ...times(count, (i) => frame(TYPE.CONTINUATION, i + 1 === count && count <= 3 ? FLAG.END_HEADERS : 0, 1)),
      ];
    },
    next: 3,
  },
  {
    name: 'PING',
    reason: 'H2_CONTROL_FLOOD',
    most: LIMITS.pingsPerSecondMax,
    frames: (count) => times(count, () => frame(TYPE.PING, 0, 0, Buffer.alloc(8))),
    next: 1,
  },
  {
    name: 'SETTINGS',
    reason: 'H2_CONTROL_FLOOD',
    most: LIMITS.settingsPerSecondMax - 1,
    frames: (count) => times(count, () => frame(TYPE.SETTINGS, 0, 0)),
    next: 1,
  },
  {
    name: 'empty DATA',
    reason: 'H2_DATA_FLOOD',
    most: LIMITS.emptyFramesMax,
    frames: (count) => [open(1, '/never'), ...times(count, () => frame(TYPE.DATA, 0, 1))],
    next: 3,
  },
  {
    name: 'tiny DATA',
    reason: 'H2_DATA_FLOOD',
    most: LIMITS.tinyFramesPerSecondMax,
    frames: (count) => [open(1, '/never'), ...times(count, () => frame(TYPE.DATA, 0, 1, Buffer.from('x')))],
    next: 3,
  },
  {
    name: 'WINDOW_UPDATE',
    reason: 'H2_CONTROL_FLOOD',
    most: 100,
    frames: (count) => times(count, () => frame(TYPE.WINDOW_UPDATE, 0, 0, word(1))),
    next: 1,
  },
  {
    name: 'PRIORITY',
    reason: 'H2_CONTROL_FLOOD',
    most: LIMITS.prioritiesPerStreamMax,
    frames: (count) => times(count, () => frame(TYPE.PRIORITY, 0, 1, Buffer.alloc(5))),
    next: 3,
  },
  {
    name: 'frames of no known type',
    reason: 'H2_ODDITIES',
    most: LIMITS.odditiesPerSecondMax,
    frames: (count) => times(count, () => frame(0x42, 0, 0)),
    next: 1,
  },
];

describeProduct('floods of HTTP/2', () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;
  let other: ClientHttp2Session;
  /** How long each answer to the other client took, in milliseconds. */
  const took: number[] = [];

  before(async () => {
    origin = await serveRequests((message, visit) => {
      const path = message.startLine.split(' ')[1]!;
      if (path === '/big') visit.socket.write(ok('x'.repeat(8_000_000)));
      else if (path === '/half') visit.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
      else if (path !== '/never') visit.socket.write(ok('fine'));
    });
    proxy = await startProxy({
      listeners: [{ http2: true }],
      servers: [origin.address],
      limits: { http2: LIMITS as never },
      timeouts: { requestBody: '10s' },
    });
    other = connect(proxy.url);
    other.on('error', () => {});
  });

  after(async () => {
    other.destroy();
    await proxy.stop();
    await origin.close();
  });

  /** The other client is answered, whatever the first one does. */
  async function otherIsServed(): Promise<void> {
    if (other.closed || other.destroyed) other = connect(proxy.url);
    const began = performance.now();
    const stream = other.request({ ':path': '/fine' });
    stream.resume();
    const [status] = await Promise.race([
      new Promise<[number | undefined]>((resolve) => stream.once('response', (fields) => resolve([fields[':status']]))),
      new Promise<never>((_, reject) => stream.once('error', reject)),
    ]);
    assert.equal(status, 200);
    took.push(performance.now() - began);
  }

  for (const { name, reason, most, frames, next } of FLOODS) {
    test(`${name}: ${most} pass, one more ends the connection with ${reason}`, async () => {
      const within = await FrameClient.connect(proxy.place);
      within.send(...frames(most), get(next, '/fine'));
      assert.equal((await within.outcome(next)).status, 200);
      within.close();
      const before = await proxy.reasonCount(reason);
      const beyond = await FrameClient.connect(proxy.place);
      beyond.send(...frames(most + 1));
      await otherIsServed();
      await beyond.endsWith(ENHANCE_YOUR_CALM);
      beyond.close();
      assert.equal(await proxy.reasonCount(reason), before + 1);
      await otherIsServed();
      await proxy.checkInvariants();
    });
  }

  test('streams reset once they are answered: 8 pass, one more ends the connection', async () => {
    for (const count of [LIMITS.resetsPerSecondMax, LIMITS.resetsPerSecondMax + 1]) {
      const client = await FrameClient.connect(proxy.place);
      client.send(...times(count, (i) => get(idOf(i), '/half')));
      await client.until('all heads', () =>
        client.frames.filter(({ type }) => type === TYPE.HEADERS).length === count ? true : undefined,
      );
      client.send(...times(count, (i) => frame(TYPE.RST_STREAM, 0, idOf(i), word(CANCEL))), get(101, '/fine'));
      if (count === LIMITS.resetsPerSecondMax) assert.equal((await client.outcome(101)).status, 200);
      else await client.endsWith(ENHANCE_YOUR_CALM);
      client.close();
    }
    await otherIsServed();
    await proxy.checkInvariants();
  });

  test('a block with more bytes than all its fields may have ends the connection before it is complete', async () => {
    const before = await proxy.reasonCount('H2_BLOCK_FLOOD');
    const client = await FrameClient.connect(proxy.place);
    client.send(frame(TYPE.HEADERS, 0, 1, Buffer.alloc(4097)));
    await client.endsWith(ENHANCE_YOUR_CALM);
    assert.equal(await proxy.reasonCount('H2_BLOCK_FLOOD'), before + 1);
    await otherIsServed();
  });

  test('fields and pieces of cookies beyond their numbers get 431, 90 pieces of cookies pass', async () => {
    const cookies = (count: number): [string, string][] => Array.from({ length: count }, () => ['cookie', 'a=1']);
    const fields = (count: number): [string, string][] => Array.from({ length: count }, (_, i) => [`x-${i}`, '1']);
    const client = await FrameClient.connect(proxy.place);
    const asking = (id: number, more: [string, string][]): Buffer =>
      frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, id, request('GET', '/fine', ...more));
    client.send(asking(1, cookies(90)), asking(3, cookies(101)), asking(5, fields(16)), asking(7, fields(17)));
    assert.equal((await client.outcome(1)).status, 200);
    assert.equal((await client.outcome(3)).status, 431);
    assert.equal((await client.outcome(5)).status, 200);
    assert.equal((await client.outcome(7)).status, 431);
    client.close();
    assert.ok(
      origin.requests.some(({ fields: all }) => all.some(([name, value]) => name === 'cookie' && value.length > 400)),
    );
  });

  test('a client that makes us answer and does not read is cut', async () => {
    const before = await proxy.reasonCount('H2_WRITE_STALL');
    const client = await FrameClient.connect(proxy.place, { begin: false });
    client.send(
      PREFACE,
      frame(TYPE.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), word(0x7fffffff)])),
      frame(TYPE.WINDOW_UPDATE, 0, 0, word(0x7fff0000)),
    );
    client.socket.pause();
    client.send(get(1, '/big'));
    while ((await proxy.counters())[0]!.bytesQueued === 0); // until its socket takes no more
    const head = (i: number): Buffer =>
      frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, idOf(i + 1), request('HEAD', '/fine'));
    client.send(...times(LIMITS.waitingFramesMax + 1, head));
    while ((await proxy.reasonCount('H2_WRITE_STALL')) === before);
    assert.equal(await proxy.reasonCount('H2_WRITE_STALL'), before + 1);
    client.socket.resume();
    await client.until('the end', () => client.closed || undefined);
    await otherIsServed();
    await proxy.checkInvariants();
  });

  test('as many requests as a connection may have are answered, and then it ends gracefully', async () => {
    const client = await FrameClient.connect(proxy.place);
    client.send(...times(LIMITS.requestsMax, (i) => get(idOf(i), '/fine')));
    assert.equal((await client.outcome(idOf(LIMITS.requestsMax - 1))).status, 200);
    assert.equal(await client.goAway(), NO_ERROR);
    const asked = await client.until('our PING', () => client.frameOf(TYPE.PING));
    client.send(get(201, '/fine'), frame(TYPE.PING, FLAG.ACK, 0, asked.payload));
    assert.equal((await client.outcome(201)).status, 200, 'what was on its way still counts');
    await client.until('the end', () => client.closed || undefined);
    await proxy.checkInvariants();
  });

  test('what came of it: nothing is held, and the other client waited for nothing', async () => {
    other.destroy();
    await proxy.heldNothing();
    const slowest = Math.max(...took);
    assert.ok(slowest < 1000, `the slowest of ${took.length} answers took ${slowest} ms`);
  });
});
