// Replays the corpus through a real proxy with real sockets: whole, cut everywhere, byte by byte, and pipelined.
// Owns how bytes are cut and how it is made sure that the pieces are read apart. Leaves the cases to the Markdown files.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { type RawOrigin, serveRequests } from '../origins/raw.js';
import { type Identity, makeIdentity } from '../support/identity.js';
import { type Message, readFinalResponse, statusOf } from '../support/messages.js';
import { type RunningProxy, startProxy } from '../support/proxy.js';
import { RecordCutter } from '../support/record-cutter.js';
import { ask, get, WireClient } from '../support/wire-client.js';
import { readCorpus, type WireCase } from './corpus.js';
import { describeRequest, describeResponse } from './describe.js';

/** Connections of a sweep that are open at once. */
const BATCH = 64;

/** How the origin cuts its next answers. */
type AnswerCut = 'whole' | 'sweep' | 'bytes';

/** One proxy, one scripted origin, and a probe that tells when the proxy has read what was sent before. */
class Bench {
  current: WireCase | undefined;
  cut: AnswerCut = 'whole';
  private answered = 0;
  private probeClient: WireClient | undefined;
  private probing: Promise<void> | undefined;
  private nextProbe: Promise<void> | undefined;

  private constructor(
    readonly proxy: RunningProxy,
    readonly origin: RawOrigin,
    private readonly probeOrigin: RawOrigin,
    private readonly identity: Identity | undefined,
  ) {}

  static async start(secure: boolean): Promise<Bench> {
    const identity = secure ? makeIdentity({ names: ['probe.example'] }) : undefined;
    let bench: Bench | undefined;
    const origin = await serveRequests((request, visit) => void bench?.answer(request, visit.socket));
    const probeOrigin = await startAnswers();
    const all = [{ path: { type: 'PathPrefix', value: '/' } }];
    const proxy = await startProxy({
      ...(identity === undefined
        ? {}
        : { listeners: [{ protocol: 'https', tls: { certificates: [identity.files] } }] }),
      routes: [
        { hostnames: ['probe.example'], rules: [{ matches: all, pool: 'probe' }] },
        { rules: [{ matches: all, pool: 'main' }] },
      ],
      pools: {
        main: { servers: [{ address: origin.address }] },
        probe: { servers: [{ address: probeOrigin.address }] },
      },
    });
    bench = new Bench(proxy, origin, probeOrigin, identity);
    return bench;
  }

  connect(over?: RecordCutter): Promise<WireClient> {
    const { place } = this.proxy;
    if (this.identity === undefined) return WireClient.connect(place);
    return WireClient.connect(place, { tls: this.identity.client, ...(over === undefined ? {} : { over }) });
  }

  async stop(): Promise<void> {
    // Answers may still be under way for clients that have seen enough.
    await Promise.allSettled([this.probing, this.nextProbe]);
    this.probeClient?.close();
    await this.proxy.heldNothing();
    await this.proxy.stop();
    await Promise.all([this.origin.close(), this.probeOrigin.close()]);
  }

  begin(wireCase: WireCase, cut: AnswerCut): void {
    this.current = wireCase;
    this.cut = cut;
    this.answered = 0;
    this.origin.requests.length = 0;
    this.origin.malformed.length = 0;
  }

  /**
   * Resolves when the proxy has read everything that was sent before the call: its one worker reads sockets in the
   * order in which they became readable, and an exchange that began after them is over. Calls share exchanges.
   */
  barrier(): Promise<void> {
    if (this.probing === undefined) {
      this.probing = this.probe().finally(() => {
        this.probing = undefined;
      });
      return this.probing;
    }
    this.nextProbe ??= this.probing.then(() => {
      this.nextProbe = undefined;
      return this.barrier();
    });
    return this.nextProbe;
  }

  private async probe(): Promise<void> {
    if (this.probeClient === undefined || this.probeClient.ended) this.probeClient = await this.connect();
    await this.probeClient.exchange(get('/', 'Host: probe.example'));
  }

  /** The same for connections that were just opened: a new connection passes the same way of acceptance after them. */
  async accepted(): Promise<void> {
    await ask(this.proxy.place, get('/', 'Host: probe.example'), this.identity?.client);
  }

  private async answer(request: Message, socket: WireClient['socket']): Promise<void> {
    const { current } = this;
    if (current === undefined) return;
    // One answer serves all methods of a case: HEAD gets its head.
    const isHead = request.startLine.startsWith('HEAD ') && !/^HTTP.1.. 1/.test(current.answers);
    const bytes = isHead ? current.answers.replace(/(\r\n\r\n)[\s\S]*$/, '$1') : current.answers;
    for (const [index, piece] of this.answerPieces(bytes).entries()) {
      if (index > 0) await this.barrier();
      await new Promise<void>((resolve) => socket.write(piece, 'latin1', () => resolve()));
    }
    if (!current.originCloses) return;
    if (this.cut !== 'whole') await this.barrier();
    socket.end();
  }

  private answerPieces(bytes: string): string[] {
    if (this.cut === 'bytes') return [...bytes];
    if (this.cut === 'whole' || bytes.length < 2) return [bytes];
    const at = 1 + (this.answered++ % (bytes.length - 1));
    return [bytes.slice(0, at), bytes.slice(at)];
  }
}

/** What one connection must show, message by message. */
function expectedMessages(wireCase: WireCase, copies: number): string[] {
  const own = wireCase.ownStatus === 0 ? [] : [`own answer ${wireCase.ownStatus}`];
  const rounds = wireCase.closes ? 1 : copies;
  return Array.from({ length: rounds }, () => [...wireCase.clientSees, ...own]).flat();
}

/** What one connection did show, as text. Waits for as many messages as are expected. */
async function outcome(client: WireClient, wireCase: WireCase, copies: number): Promise<string> {
  const expected = expectedMessages(wireCase, copies);
  const methods = Array.from({ length: copies }, () => wireCase.methods).flat();
  const seen: string[] = [];
  let at = 0;
  await client.until(`${expected.length} responses`, () => {
    while (seen.length < expected.length) {
      const answer = readFinalResponse(client.received, at, methods[0] ?? 'GET', client.ended);
      if (answer === undefined) return undefined;
      const messages = [...answer.informational, answer.final].map(describeResponse);
      const last = seen.length + messages.length - 1;
      if (expected[last]?.startsWith('own answer')) {
        messages[messages.length - 1] = `own answer ${statusOf(answer.final)}`;
      }
      // A tunnel has no end of its own: more of it may be on its way.
      if (answer.final.framing === 'tunnel' && messages.at(-1) !== expected[last]) return undefined;
      methods.shift();
      at = answer.final.end;
      seen.push(...messages);
    }
    return true;
  });
  if (wireCase.closes) await client.closed();
  const rest = client.received.slice(at);
  const ending = `then ${client.ended ? 'closes' : 'stays open'}`;
  return [...seen, ending, ...(rest === '' ? [] : [`extra ${JSON.stringify(rest)}`])].join('\n\n');
}

function expectedOutcome(wireCase: WireCase, copies: number): string {
  const ending = `then ${wireCase.closes ? 'closes' : 'stays open'}`;
  return [...expectedMessages(wireCase, copies), ending].join('\n\n');
}

/** After an upgrade the connection speaks another protocol: a second request has no meaning there. */
const repeats = (wireCase: WireCase): boolean => !wireCase.clientSees.some((text) => text.includes('\n(tunnel)\n'));

/** One connection: its pieces, sent with a barrier between them. */
interface Run {
  readonly label: string;
  readonly pieces: readonly string[];
  /** Cuts the TLS records of the one piece here, counted around, instead of cutting what is in them. */
  readonly recordCut?: number;
}

/** A connection of a run, and its writes in order. */
interface Sender {
  readonly client: WireClient;
  readonly writes: readonly (() => Promise<void>)[];
}

async function sender(bench: Bench, run: Run): Promise<Sender> {
  if (run.recordCut === undefined) {
    const client = await bench.connect();
    return { client, writes: run.pieces.map((bytes) => () => client.send(bytes)) };
  }
  const cutter = new RecordCutter(bench.proxy.place);
  const client = await bench.connect(cutter);
  const records = await cutter.recordsOf(() => client.send(run.pieces[0]!));
  const at = 1 + (run.recordCut % (records.length - 1));
  return {
    client,
    writes: [records.subarray(0, at), records.subarray(at)].map((bytes) => () => cutter.sendRaw(bytes)),
  };
}

async function replay(
  bench: Bench,
  wireCase: WireCase,
  cut: AnswerCut,
  runs: readonly Run[],
  copies = 1,
): Promise<void> {
  bench.begin(wireCase, cut);
  for (let from = 0; from < runs.length; from += BATCH) {
    const batch = runs.slice(from, from + BATCH);
    const senders = await Promise.all(batch.map((run) => sender(bench, run)));
    const clients = senders.map(({ client }) => client);
    try {
      await bench.accepted();
      const pieceCount = Math.max(...senders.map(({ writes }) => writes.length));
      for (let piece = 0; piece < pieceCount; piece++) {
        if (piece > 0) await bench.barrier();
        // Whoever was answered already sends no more: a refusal may come before the last byte.
        const sending = senders.map(({ client, writes }) => (client.ended ? undefined : writes[piece]?.()));
        await Promise.all(sending);
      }
      for (const [index, client] of clients.entries()) {
        const got = await outcome(client, wireCase, copies);
        assert.equal(got, expectedOutcome(wireCase, copies), `client, ${batch[index]!.label}`);
      }
    } finally {
      for (const client of clients) client.close();
    }
  }
  checkOrigin(bench, wireCase, runs.length * (wireCase.closes ? 1 : copies));
}

function checkOrigin(bench: Bench, wireCase: WireCase, rounds: number): void {
  assert.deepEqual(bench.origin.malformed, [], 'the origin got bytes that are no request');
  const expected = Array.from({ length: rounds }, () => wireCase.originSees)
    .flat()
    .sort();
  const seen = bench.origin.requests.map(describeRequest).sort();
  if (wireCase.retried) assert.deepEqual([...new Set(seen)], [...new Set(expected)], 'what the origin saw');
  else assert.deepEqual(seen, expected, 'what the origin saw');
}

function sweep(wireCase: WireCase): Run[] {
  const { sends } = wireCase;
  const reaches = wireCase.originSees.length > 0;
  const count = Math.max(sends.length - 1, reaches ? wireCase.answers.length - 1 : 0);
  return Array.from({ length: count }, (_, index) => {
    const at = 1 + (index % (sends.length - 1));
    return { label: `cut at ${at} (run ${index})`, pieces: [sends.slice(0, at), sends.slice(at)] };
  });
}

/** Bytes that TLS 1.3 adds to what one record carries: its header, the kind of what is in it, and the tag. */
const RECORD_BYTES = 5 + 1 + 16;

/** Between the ends of a record no byte means more than another: short runs take every so many of them. */
const RECORD_STRIDE = process.env.SEVENFOLD_LONG === '1' ? 1 : 7;

/** The whole message in one record, cut in two on the wire: in its header, in its tag, and in between. */
function recordSweep(wireCase: WireCase): Run[] {
  const cuts = Array.from({ length: wireCase.sends.length + RECORD_BYTES - 1 }, (_, at) => at);
  return cuts
    .filter((at) => at < 8 || at % RECORD_STRIDE === 0 || at >= cuts.length - RECORD_BYTES)
    .map((recordCut) => ({ label: `record cut at ${recordCut + 1}`, pieces: [wireCase.sends], recordCut }));
}

/** Registers the tests of one corpus file; `secure` replays it through TLS. */
export function replayCorpus(fileName: string, secure = false): void {
  describe(secure ? `${fileName} through TLS` : fileName, { concurrency: 1 }, () => {
    let bench: Bench;
    before(async () => {
      bench = await Bench.start(secure);
    });
    after(() => bench.stop());
    for (const wireCase of readCorpus(fileName)) {
      test(wireCase.name, async () => {
        const { sends } = wireCase;
        await replay(bench, wireCase, 'whole', [{ label: 'whole', pieces: [sends] }]);
        if (repeats(wireCase)) {
          await replay(bench, wireCase, 'whole', [{ label: 'twice, pipelined', pieces: [sends + sends] }], 2);
        }
        await replay(bench, wireCase, 'sweep', sweep(wireCase));
        await replay(bench, wireCase, 'bytes', [{ label: 'byte by byte', pieces: [...sends] }]);
        if (secure) await replay(bench, wireCase, 'whole', recordSweep(wireCase));
      });
    }
  });
}
