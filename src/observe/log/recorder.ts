// The worker's end of the access log: one record for each exchange that a log of its listener wants.
// Owns filling records, and the numbers of names in them. Leaves which logs want one to listener-logs.ts, and lines to the log
// thread. Hot where a listener has a log: allocates nothing once all names are known.

import { PEER_BYTES } from '../../engine/layout.js';
import { ATTEMPT_TIME } from '../../exchange/attempt.js';
import { type Exchange, KIND, TIME } from '../../exchange/exchange.js';
import type { Observer } from '../../exchange/observer.js';
import type { Pool, Server } from '../../exchange/pools.js';
import type { Rule } from '../../exchange/rule.js';
import { CLIENT_KIND, type ClientSide, type ClientTls } from '../../exchange/streams.js';
import { peerBytes } from '../../exchange/trust.js';
import { REASONS } from '../../http/reasons.js';
import { Capture, copyBytes } from './capture.js';
import { loggedStatus, type PreparedLogs } from './listener-logs.js';
import {
  aligned,
  CLIENT_AT,
  EXCHANGE,
  FIGURE,
  FIGURES_AT,
  FLAG,
  NAME,
  PEER_AT,
  RECORD_TYPE,
  TEXT,
  TEXTS_AT,
} from './record.js';
import type { RingWriter } from './ring.js';

/** Names given before all are forgotten: more than a configuration has, and a bound where servers come and go. */
const NAMES_MAX = 65_536;

/** What the recorder needs of its worker. */
interface RecorderOptions {
  readonly ring: RingWriter;
  /** The memory that heads lie in. */
  readonly memory: Uint8Array;
  /** Peer records by slot. */
  readonly peers: Uint8Array;
  /** The first half of the ids of its requests. */
  readonly idPrefix: string;
}

export class AccessRecorder implements Observer {
  readonly #ring: RingWriter;
  readonly #ringView: DataView;
  readonly #memory: Uint8Array;
  readonly #memoryView: DataView;
  readonly #peers: Uint8Array;
  readonly #idPrefix: string;
  /** By the id of the exchange. */
  readonly #captures: (Capture | undefined)[] = [];
  /** Numbers of names: of rules (the rule, then its route), of servers (the name, then the address) and of texts. */
  readonly #names = new Map<Rule['plan'] | Server | string, number>();
  #nameCount = 0;
  #epoch = -1;
  // The names given last.
  #lastListener: string | null = null;
  #lastListenerName = 0;
  #lastRule: Rule['plan'] | null = null;
  #lastRuleName = 0;
  #lastPool: Pool['plan'] | null = null;
  #lastPoolName = 0;

  constructor({ ring, memory, peers, idPrefix }: RecorderOptions) {
    this.#ring = ring;
    this.#ringView = new DataView(ring.bytes.buffer, ring.bytes.byteOffset, ring.bytes.byteLength);
    this.#memory = memory;
    this.#memoryView = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.#peers = peers;
    this.#idPrefix = idPrefix;
  }

  /** Another configuration holds: names may be others. */
  forgetNames(): void {
    this.#names.clear();
    this.#nameCount = 0;
    this.#lastListener = null;
    this.#lastRule = null;
    this.#lastPool = null;
  }

  headReleased(x: Exchange): void {
    const { client } = x;
    const logs = client.listener.logs as PreparedLogs | null;
    if (logs === null) return;
    const { trusted, tls } = client;
    const namesMethod = x.reason === 'METHOD_UNKNOWN';
    const capture = this.#captureOf(x);
    capture.head(x, this.#memory, this.#memoryView, logs.headers, trusted, nameOf(tls), namesMethod);
  }

  exchangeEnded(x: Exchange): void {
    const { client } = x;
    const logs = client.listener.logs as PreparedLogs | null;
    if (logs === null) return;
    const wanted = logs.choose(x);
    if (wanted === 0) return;
    let capture = this.#captures[x.id];
    if (capture === undefined || capture.number !== x.requestNumber) {
      capture = this.#captureOf(x);
      capture.text(TEXT.serverName, nameOf(client.tls));
    }
    this.#ring.count(this.#write(x, client, logs, wanted, capture));
  }

  #captureOf(x: Exchange): Capture {
    let capture = this.#captures[x.id];
    if (capture === undefined) {
      capture = new Capture();
      this.#captures[x.id] = capture;
    }
    capture.begin(x.requestNumber);
    return capture;
  }

  /** Writes the record. False: the ring is full. */
  #write(x: Exchange, client: ClientSide, listenerLogs: PreparedLogs, logs: number, capture: Capture): boolean {
    const ring = this.#ring;
    const { rule, attempt } = x;
    if (this.#epoch !== ring.epoch || this.#nameCount > NAMES_MAX) {
      this.#epoch = ring.epoch;
      this.forgetNames();
    }
    // The first name is the first half of the ids of all requests here.
    if (this.#nameCount === 0 && this.#nameOfText(this.#idPrefix) === FULL) return false;
    // All names first: each may need a record of its own, in front of this one.
    const listener = this.#nameOfListener(client.listener.label);
    const ruleName = rule === null ? -1 : this.#nameOfRule(rule.plan);
    const pool = attempt.pool ?? x.pool;
    const poolName = pool === null ? -1 : this.#nameOfPool(pool);
    const server = attempt.server === null ? -1 : this.#nameOfServer(attempt.server, pool!);
    const { tls } = client;
    const version = tls === null ? -1 : this.#nameOfText(tls.version);
    const cipher = tls === null ? -1 : this.#nameOfText(tls.cipher);
    if (listener === FULL || ruleName === FULL || poolName === FULL || server === FULL) return false;
    if (version === FULL || cipher === FULL) return false;

    const at = ring.begin(aligned(TEXTS_AT + capture.used), RECORD_TYPE.EXCHANGE);
    if (at < 0) return false;
    const { words } = ring;
    const word = at >> 2;
    words[word + EXCHANGE.set] = listenerLogs.set;
    words[word + EXCHANGE.logs] = logs;
    words[word + EXCHANGE.flags] = this.#flags(x, tls);
    words[word + EXCHANGE.status] = loggedStatus(x);
    words[word + EXCHANGE.reason] = x.reason === null ? -1 : REASONS[x.reason].index;
    words[word + EXCHANGE.method] = x.method;
    words[word + EXCHANGE.version] = client.kind === CLIENT_KIND.H2 ? 2 : x.minor;
    words[word + EXCHANGE.attempts] = x.attempts;
    words[word + EXCHANGE.connection] = client.number;
    words[word + EXCHANGE.listener] = listener;
    words[word + EXCHANGE.rule] = ruleName;
    words[word + EXCHANGE.route] = ruleName < 0 ? -1 : ruleName + 1;
    words[word + EXCHANGE.pool] = poolName;
    words[word + EXCHANGE.server] = server;
    words[word + EXCHANGE.serverAddress] = server < 0 ? -1 : server + 1;
    words[word + EXCHANGE.tlsVersion] = version;
    words[word + EXCHANGE.tlsCipher] = cipher;
    const textCount = TEXT.headers + listenerLogs.headers.length;
    for (let i = 0; i < textCount; i++) words[word + EXCHANGE.texts + i] = capture.lengths[i]!;
    this.#writeFigures(x, (at + FIGURES_AT) >> 3);
    this.#writeAddresses(x, client, at);
    copyBytes(capture.view, 0, this.#ringView, at + TEXTS_AT, capture.used);
    ring.end();
    return true;
  }

  #flags(x: Exchange, tls: ClientTls | null): number {
    let flags = x.kind === KIND.RAW ? FLAG.RAW : 0;
    if (x.headBytes > 0) flags |= FLAG.HEAD;
    if (x.fellBack) flags |= FLAG.FELL_BACK;
    if (tls !== null) flags |= tls.resumed ? FLAG.TLS | FLAG.RESUMED : FLAG.TLS;
    return flags;
  }

  #writeFigures(x: Exchange, at: number): void {
    const { doubles } = this.#ring;
    const { times, attempt } = x;
    const begun = times[TIME.begun]!;
    const head = times[TIME.head]!;
    const attempted = attempt.times[ATTEMPT_TIME.begun]!;
    const connected = attempt.times[ATTEMPT_TIME.connected]!;
    const answered = attempt.times[ATTEMPT_TIME.head]!;
    doubles[at + FIGURE.begunUs] = begun;
    doubles[at + FIGURE.headUs] = head - begun;
    doubles[at + FIGURE.queueUs] = attempted > 0 ? attempted - head : -1;
    doubles[at + FIGURE.connectUs] = connected > 0 ? connected - attempted : -1;
    doubles[at + FIGURE.firstByteUs] = answered > 0 ? answered - connected : -1;
    doubles[at + FIGURE.allUs] = times[TIME.ended]! - begun;
    doubles[at + FIGURE.bytesIn] = x.bytesIn;
    doubles[at + FIGURE.bytesOut] = x.bytesOut;
    doubles[at + FIGURE.bodyBytesOut] = x.bodyBytesOut;
    doubles[at + FIGURE.number] = x.requestNumber;
  }

  /** The client as a trusted proxy named it, where one did and routing came so far, and the peer of the connection. */
  #writeAddresses(x: Exchange, client: ClientSide, at: number): void {
    const { words, bytes } = this.#ring;
    const record = client.slot * PEER_BYTES;
    const peer = peerBytes(this.#peers, client.slot);
    const stated = x.statedBytes >= 0;
    const from = stated ? x.stated! : this.#peers;
    const fromAt = stated ? 0 : record + 4;
    const length = stated ? x.statedBytes : peer;
    for (let i = 0; i < length; i++) bytes[at + CLIENT_AT + i] = from[fromAt + i]!;
    for (let i = 0; i < peer; i++) bytes[at + PEER_AT + i] = this.#peers[record + 4 + i]!;
    const word = at >> 2;
    words[word + EXCHANGE.clientBytes] = length;
    words[word + EXCHANGE.peerBytes] = peer;
    words[word + EXCHANGE.peerPort] = (this.#peers[record + 2]! << 8) | this.#peers[record + 3]!;
  }

  #nameOfText(text: string): number {
    return this.#names.get(text) ?? this.#announce(text, text);
  }

  /** As most requests before it, one has come to the listener of the last, and to its rule and pool. */
  #nameOfListener(label: string): number {
    if (label === this.#lastListener) return this.#lastListenerName;
    const name = this.#nameOfText(label);
    if (name !== FULL) this.#lastListener = label;
    this.#lastListenerName = name;
    return name;
  }

  #nameOfPool({ plan }: Pool): number {
    if (plan === this.#lastPool) return this.#lastPoolName;
    const name = this.#nameOfText(plan.name);
    this.#lastPool = name === FULL ? null : plan;
    this.#lastPoolName = name;
    return name;
  }

  #nameOfRule(plan: Rule['plan']): number {
    if (plan === this.#lastRule) return this.#lastRuleName;
    const name = this.#names.get(plan) ?? this.#announce(plan, plan.name, plan.route);
    this.#lastRule = name === FULL ? null : plan;
    this.#lastRuleName = name;
    return name;
  }

  #nameOfServer(server: Server, pool: Pool): number {
    const known = this.#names.get(server);
    if (known !== undefined) return known;
    const name = pool.plan.servers.find(({ index }) => index === server.index)?.name ?? server.address;
    return this.#announce(server, name, server.address);
  }

  /** Gives one or two names their numbers, one after the other. Returns the first, or FULL. */
  #announce(key: Rule['plan'] | Server | string, name: string, second?: string): number {
    const number = this.#nameCount;
    if (!this.#writeName(number, name)) return FULL;
    if (second !== undefined && !this.#writeName(number + 1, second)) return FULL;
    this.#nameCount += second === undefined ? 1 : 2;
    this.#names.set(key, number);
    return number;
  }

  #writeName(number: number, name: string): boolean {
    const text = Buffer.from(name);
    const at = this.#ring.begin(aligned(NAME.WORDS * 4 + text.length), RECORD_TYPE.NAME);
    if (at < 0) return false;
    this.#ring.words[(at >> 2) + NAME.number] = number;
    this.#ring.words[(at >> 2) + NAME.textBytes] = text.length;
    this.#ring.bytes.set(text, at + NAME.WORDS * 4);
    this.#ring.end();
    return true;
  }
}

/** In place of a name's number: the ring has no room for the name. */
const FULL = -2;

const nameOf = (tls: ClientTls | null): string => tls?.sni ?? '';
