// The rules of the exchange fuzzer, tried on a proxy that breaks them one by one: a rule that never fails proves nothing.
// For the rules of clients, the proxy here answers by itself what a server would have answered, and writes into the book what
// a server would have. For those of servers, it is what is sent to one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { freePlace } from '../support/addresses.js';
import { responseBody } from './exchange/body.js';
import { Book, type Entry } from './exchange/book.js';
import { runClient } from './exchange/client.js';
import { type Mood, randomEntry } from './exchange/requests.js';
import { FuzzServer } from './exchange/server.js';
import { Random } from './random.js';

const CALM: Mood = { trouble: false, limited: false, rude: false, bodyBytesMax: 90_000, tight: false };
const TROUBLE: Mood = { ...CALM, trouble: true };
const CLIENTS = 40;

/** What the proxy does with a request instead of the right thing. False: nothing, this one is treated well. */
type Misdeed = (entry: Entry, socket: Socket) => boolean;

const well: Misdeed = () => false;

/** The answer of a server: `bytes` of its body, with the id of `from`. */
function answerOf(entry: Entry, bytes: number, from = entry, more = ''): string {
  const { status, length } = entry.behaviours[0]!;
  const body = entry.request.method === 'HEAD' ? '' : responseBody(entry.id).slice(0, Math.max(0, bytes));
  const framing = length < 0 ? '' : `Content-Length: ${entry.request.method === 'HEAD' ? 77 : bytes}\r\n`;
  const edited = `X-Edited: 0 ${entry.client!.address}\r\n`;
  return `HTTP/1.1 ${status} As Planned\r\nX-Id: ${from.id}\r\nX-Attempt: 1\r\n${edited}${framing}${more}\r\n${body}`;
}

const local = (status: number, more = ''): string => `HTTP/1.1 ${status} Ours\r\nContent-Length: 0\r\n${more}\r\n`;

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const CLOSE = 'Connection: close\r\n';

/** An attempt at a server, which has sent all of its answer or nothing. */
function attempted(entry: Entry, said: boolean): void {
  const behaviour = entry.behaviours[0]!;
  entry.deliveries.push({ server: 's0', mirror: false, behaviour, bodyBytes: 0, complete: true, dropped: false, said });
}

/** Its server has an answer that can be given as it is, in place of a tunnel too. */
function isAnswered({ request, behaviours }: Entry): boolean {
  const { does, cutAt, after } = behaviours[0]!;
  const broken = cutAt >= 0 || after === 'end' || after === 'reset' || after === 'extra';
  return request.local.length === 0 && does === 'answer' && !broken;
}

/** What a proxy that is in order does with a request. */
function answer(entry: Entry, socket: Socket): void {
  const { request, behaviours } = entry;
  const ends = request.ends || !request.keepAlive;
  const close = ends ? CLOSE : request.minor === 0 ? 'Connection: keep-alive\r\n' : '';
  const isOurs = request.local.length > 0;
  if (!isOurs) attempted(entry, isAnswered(entry));
  if (isOurs) socket.write(local(request.local[0]!, close));
  else if (!isAnswered(entry)) socket.write(local(502, close));
  else {
    const session = request.sticky && request.session === null ? 'Set-Cookie: at=zero; Path=/\r\n' : '';
    socket.write(answerOf(entry, behaviours[0]!.length, entry, `${session}${close}`), 'latin1');
  }
  if (ends) socket.end();
}

/** Serves one connection. The book knows where a request ends: what is tried here is not how it is read. */
function serve(socket: Socket, of: Book, does: Misdeed): void {
  let received = '';
  let continued: Entry | null = null;
  socket.setEncoding('latin1');
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.on('data', (text: string) => {
    received += text;
    for (;;) {
      const entry = of.entries.get(/^X-Id: (.*)\r\n/m.exec(received)?.[1] ?? '');
      if (entry === undefined || !socket.writable) return;
      const { headBytes, bytes, expects } = entry.request;
      if (expects && received.length >= headBytes && continued !== entry) socket.write(CONTINUE);
      if (received.length >= headBytes) continued = entry;
      if (received.length < bytes.length) return;
      received = received.slice(bytes.length);
      if (!does(entry, socket)) answer(entry, socket);
    }
  });
}

let book = new Book();
let misdeed = well;
const place = freePlace();
const proxy = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => serve(socket, book, misdeed));
await new Promise<void>((resolve) => proxy.listen({ ...place }, resolve));
after(() => proxy.close());

/** What clients find broken at a proxy that does this. */
async function violations(mood: Mood, does: Misdeed): Promise<readonly string[]> {
  book = new Book();
  misdeed = does;
  const dice = new Random(7);
  const doors = { plain: place, others: null };
  const clients = Array.from({ length: CLIENTS }, (_, i) =>
    runClient(book, doors, mood, new Random(dice.next()), `${i}`),
  );
  await Promise.all(clients);
  book.close();
  return book.violations;
}

for (const [what, mood] of [
  ['well', CALM],
  ['in trouble', TROUBLE],
] as const) {
  test(`clients find nothing wrong with a proxy that is in order, where servers are ${what}`, async () => {
    assert.deepEqual(await violations(mood, well), []);
    assert.ok(book.entries.size > CLIENTS, 'hardly any requests');
  });
}

/** Misdeeds, what clients have to say of them, and where they may not be excused. */
const MISDEEDS: readonly [what: string, says: RegExp, mood: Mood, misdeed: Misdeed][] = [
  [
    'answers 502 where a server has answered',
    /a local reply it should not get: HTTP\/1\.1 502/,
    TROUBLE,
    (entry, socket) => {
      if (!isAnswered(entry)) return false;
      attempted(entry, true);
      socket.end(local(502, CLOSE));
      return true;
    },
  ],
  [
    'gives the answer to another request',
    /the answer to .* in place of that to/,
    CALM,
    (entry, socket) => {
      const other = [...book.entries.values()].find((each) => each !== entry)!;
      attempted(entry, true);
      socket.end(answerOf(entry, 0, other, CLOSE), 'latin1');
      return true;
    },
  ],
  [
    'leaves out bytes of a body',
    /bytes as the whole body, the server sent/,
    CALM,
    (entry, socket) => {
      if (!isAnswered(entry) || entry.behaviours[0]!.length < 2) return false;
      attempted(entry, true);
      socket.end(answerOf(entry, entry.behaviours[0]!.length - 1, entry, CLOSE), 'latin1');
      return true;
    },
  ],
  [
    'passes an answer that was cut for a whole one',
    /a cut answer as a whole one/,
    TROUBLE,
    (entry, socket) => {
      const { cutAt, framing } = entry.behaviours[0]!;
      if (cutAt < 0 || framing === 'eof' || entry.request.local.length > 0) return false;
      attempted(entry, false);
      socket.end(answerOf(entry, cutAt, entry, CLOSE), 'latin1');
      return true;
    },
  ],
  [
    'cuts an answer that the server sent whole',
    /half an answer of a server that sent it whole/,
    CALM,
    (entry, socket) => {
      if (!isAnswered(entry) || entry.behaviours[0]!.length < 2 || entry.request.method === 'HEAD') return false;
      attempted(entry, true);
      socket.end(answerOf(entry, entry.behaviours[0]!.length).slice(0, -1), 'latin1');
      return true;
    },
  ],
  [
    'ends the connection without an answer',
    /lost its connection without an answer/,
    CALM,
    (_, socket) => {
      socket.end();
      return true;
    },
  ],
  [
    'says 100 Continue to every request',
    /a 100 that it did not ask for/,
    CALM,
    (entry, socket) => {
      socket.write(CONTINUE);
      answer(entry, socket);
      return true;
    },
  ],
  [
    'goes on after a request that cannot be trusted',
    /without Connection: close for a request that cannot be trusted/,
    CALM,
    (entry, socket) => entry.request.ends && socket.write(local(entry.request.local[0]!)),
  ],
];

for (const [what, says, mood, does] of MISDEEDS) {
  test(`clients find it wrong when a proxy ${what}`, async () => {
    const found = await violations(mood, does);
    assert.match(found.join('\n'), says);
  });
}

const CLIENT = { address: '192.0.2.1', port: 1000 };

/** A request with a counted body of some bytes, to `/a`, that its client has sent. */
function sentEntry(method: string): Entry {
  for (let seed = 1; ; seed++) {
    const entry = randomEntry(new Random(seed), CALM, { old: false, session: null }, `0.${seed}`, null);
    const { request } = entry;
    const plain =
      request.target.startsWith('/a/') && request.tunnel === null && !request.expects && request.local.length === 0;
    if (!plain || request.method !== method || request.bodyBytes < 26 || request.bytes.includes('chunked')) continue;
    entry.written = request.bytes.length;
    entry.client = CLIENT;
    return entry;
  }
}

/** The request as a proxy that is in order sends it. */
const forwarded = ({ request: { bytes } }: Entry): string =>
  bytes.replace('\r\nHost: a.example', `\r\nX-Forwarded-For: ${CLIENT.address}\r\nHost: a.example`);

/** What a server finds wrong with these requests, each sent when the one before has been answered. */
async function atServer(entry: Entry, requests: readonly string[], name = 's0'): Promise<string> {
  const round = new Book();
  round.add(entry);
  const at = freePlace();
  const server = new FuzzServer(name, at, false, () => round);
  await server.turn('serves');
  try {
    for (const request of requests) {
      const socket = connect(at);
      socket.on('error', () => {});
      socket.write(request, 'latin1');
      await Promise.race([once(socket, 'data'), once(socket, 'close')]);
      socket.destroy();
    }
  } finally {
    await server.close();
  }
  round.close();
  return round.violations.join('\n');
}

test('a server finds nothing wrong with a request that was sent on well', async () => {
  const entry = sentEntry('PUT');
  assert.equal(await atServer(entry, [forwarded(entry)]), '');
  assert.equal(entry.deliveries[0]!.bodyBytes, entry.request.bodyBytes);
  const again = sentEntry('PUT');
  assert.equal(await atServer(again, [forwarded(again), forwarded(again)]), '', 'PUT may be sent again');
});

/** What is wrong with a request that is sent on, and what its server has to say of it. */
const WRONG: readonly [what: string, says: RegExp, change: (bytes: string, entry: Entry) => string][] = [
  ['no client sent', /that no client sent/, (bytes) => bytes.replace('X-Id: ', 'X-Id: other-')],
  ['has another target', /expected PUT \/a\//, (bytes) => bytes.replace('PUT /a/', 'PUT /a/b/')],
  ['has another length', /got Content-Length 2,/, (bytes) => bytes.replace(/Content-Length: \d+/, 'Content-Length: 2')],
  ['has other bytes in its body', /a body that was not sent/, (bytes) => `${bytes.slice(0, -1)}\0`],
  ['names another client', /the client is 192\.0\.2\.1/, (bytes) => bytes.replace(CLIENT.address, '192.0.2.2')],
  ['names another host', /got Host b\.example/, (bytes) => bytes.replace('Host: a.example', 'Host: b.example')],
  [
    'asks to continue, as its client did not',
    /got Expect/,
    (bytes) => bytes.replace('Host:', 'Expect: 100-continue\r\nHost:'),
  ],
];

for (const [what, says, change] of WRONG) {
  test(`a server finds it wrong when a request ${what}`, async () => {
    const entry = sentEntry('PUT');
    assert.match(await atServer(entry, [change(forwarded(entry), entry)]), says);
  });
}

test('a server finds it wrong when it gets what is not for it, too early, twice, or not at all', async () => {
  const elsewhere = sentEntry('PUT');
  assert.match(await atServer(elsewhere, [forwarded(elsewhere)], 'n0'), /of another pool/);
  const early = sentEntry('PUT');
  early.written = early.request.headBytes - 1;
  assert.match(await atServer(early, [forwarded(early)]), /whose head was not sent to its end/);
  const twice = sentEntry('POST');
  assert.match(await atServer(twice, [forwarded(twice), forwarded(twice)]), /delivered twice/);
  const behind = sentEntry('PUT');
  behind.poisoned = true;
  assert.match(await atServer(behind, [forwarded(behind)]), /delivered behind a refused request/);
});
