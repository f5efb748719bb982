// What observers of a worker are shown: each end once, with the times and bytes of what ended.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ATTEMPT_TIME, type Attempt } from '../../../src/exchange/attempt.js';
import { type Exchange, TIME } from '../../../src/exchange/exchange.js';
import type { Observer } from '../../../src/exchange/observer.js';
import { listenRaw } from '../../origins/raw.js';
import { freePlace, written } from '../../support/addresses.js';
import { use } from '../../support/proxy.js';
import { ask, get, WireClient } from '../../support/wire-client.js';
import type { Cleanup } from '../engine/lab.js';
import { useWorker } from './one-worker.js';

/** What an observer noted, one line for each call. */
class Notes implements Observer {
  readonly lines: string[] = [];
  /** Exchanges that ended, as their figures were then. */
  readonly ended: { times: number[]; attemptTimes: number[]; figures: Record<string, unknown> }[] = [];

  exchangeEnded(x: Exchange): void {
    const { status, reason, attempts, bytesIn, bytesOut, bodyBytesOut } = x;
    this.lines.push(`exchange ${status} ${reason}`);
    this.ended.push({
      times: [...x.times],
      attemptTimes: [...x.attempt.times],
      figures: { status, reason, attempts, bytesIn, bytesOut, bodyBytesOut },
    });
  }

  headReleased(x: Exchange): void {
    const { base, targetAt, targetBytes } = x.head!;
    const at = base + targetAt;
    this.lines.push(`head ${Buffer.from(x.bytes.subarray(at, at + targetBytes)).toString('latin1')}`);
  }

  attemptEnded(_x: Exchange, { server, status, reason }: Attempt): void {
    this.lines.push(`attempt ${server!.address.replace(/.*:/, ':')} ${status} ${reason}`);
  }

  connectionEnded(): void {
    this.lines.push('connection');
  }
}

function observe(t: Cleanup, document: object) {
  const notes = new Notes();
  const one = useWorker(t, document);
  one.worker.observers.set([notes]);
  return { notes, ...one };
}

const portOf = (address: string): string => address.replace(/.*:/, ':');

test('every end is shown once, in the order head, attempt, exchange, connection', async (t) => {
  const origin = await use(
    t,
    listenRaw((visit) => {
      visit.socket.on('data', () => visit.socket.write('HTTP/1.1 201 Made\r\nContent-Length: 5\r\n\r\nhello'));
    }),
  );
  const dead = written(freePlace());
  const { notes, place } = observe(t, {
    routes: [{ rules: [{ pool: 'dead', fallback: 'main' }] }],
    pools: { dead: { servers: [{ address: dead }] }, main: { servers: [{ address: origin.address }] } },
  });
  const request = get('/a?b=c', 'Connection: close');
  const { end: bytes } = await ask(place, request);
  const [dying, living] = [portOf(dead), portOf(origin.address)];
  assert.deepEqual(notes.lines.slice(0, 4), [
    `attempt ${dying} 0 CONNECT_REFUSED`,
    'head /a?b=c',
    `attempt ${living} 201 null`,
    'exchange 201 null',
  ]);
  const [{ figures, times, attemptTimes }] = notes.ended as [(typeof notes.ended)[0]];
  assert.deepEqual(figures, {
    status: 201,
    reason: null,
    attempts: 2,
    bytesIn: request.length,
    bytesOut: bytes,
    bodyBytesOut: 5,
  });
  const order = [
    times[TIME.begun]!,
    times[TIME.head]!,
    attemptTimes[ATTEMPT_TIME.begun]!,
    attemptTimes[ATTEMPT_TIME.connected]!,
    attemptTimes[ATTEMPT_TIME.head]!,
    attemptTimes[ATTEMPT_TIME.ended]!,
    times[TIME.ended]!,
  ];
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
    'times go forward',
  );
  const [seconds, nanoseconds] = process.hrtime();
  const age = seconds * 1e6 + nanoseconds / 1e3 - times[TIME.begun]!;
  assert.ok(age > 0 && age < 60e6, `on the clock of the machine: ${age} us ago`);
});

test('a request whose bytes are cut to pieces begins with its first byte', async (t) => {
  const { notes, place } = observe(t, { routes: [{ rules: [{ filters: [answersItself] }] }] });
  const client = await WireClient.connect(place);
  t.after(() => client.close());
  await client.send('GET / HT');
  // What is measured: the time between both parts of the head.
  await new Promise((resolve) => setTimeout(resolve, 30));
  await client.send('TP/1.1\r\nHost: a\r\n\r\n');
  await client.until('the answer', () => client.received.includes('\r\n\r\nhi') || undefined);
  const { times } = notes.ended[0]!;
  assert.ok(times[TIME.head]! - times[TIME.begun]! >= 20_000, 'the time of the head counts');
  // The next one on the connection has a time of its own.
  await client.send(get('/'));
  await client.until('the second', () => client.received.split('hi').length === 3 || undefined);
  const second = notes.ended[1]!.times;
  assert.ok(second[TIME.head]! - second[TIME.begun]! < 20_000);
});

const answersItself = { type: 'DirectResponse', directResponse: { status: 200, body: 'hi' } };

test('what a worker cuts as it closes is shown too', async (t) => {
  const origin = await use(
    t,
    listenRaw((visit, noting) => {
      visit.socket.on('data', () => noting.note());
      visit.socket.on('error', () => {});
    }),
  );
  const { notes, place, worker } = observe(t, {
    routes: [{ rules: [{ pool: 'main' }] }],
    pools: { main: { servers: [{ address: origin.address }] } },
  });
  const client = await WireClient.connect(place);
  await client.send(get('/waits'));
  await origin.until('the request', ({ visits }) => visits[0] ?? undefined);
  worker.close();
  assert.deepEqual(notes.lines, [
    `attempt ${portOf(origin.address)} 0 SHUT_DOWN`,
    'head /waits',
    'exchange 0 SHUT_DOWN',
    'connection',
  ]);
  assert.equal(await client.trueEnding(), 'reset');
});
