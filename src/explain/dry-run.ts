// Takes a request in words through the steps of a worker, up to the choice of its pool: the same parser, the same exchange,
// the same checks, rules and filters, and no socket.
// Owns the memory that stands in for a slab. Leaves the steps to codec/h1/check.ts and exchange/admit.ts, words to router.ts.

import { Attempted } from '../balance/view.js';
import { CHUNK_BYTES } from '../base/chunk.js';
import { type CheckContext, check } from '../codec/h1/check.js';
import { refusalOf } from '../codec/h1/read-head.js';
import { Tokens } from '../codec/h1/tokens.js';
import { type Config, type ListenerConfig, limitsWith, requestSettings } from '../config/config.js';
import { PEER_BYTES } from '../engine/layout.js';
import { type Pinned, Writer } from '../engine/text.js';
import { type AdmitContext, admitChecked, askFilters } from '../exchange/admit.js';
import type { AnyExchange, ClientInfo } from '../exchange/client-info.js';
import { Exchange, KIND, NO_ADDRESS } from '../exchange/exchange.js';
import { type LocalReply, type RefusalDetails, VERDICT, type Verdict } from '../exchange/filter.js';
import { FilterWait } from '../exchange/filter-wait.js';
import { RequestIds } from '../exchange/request-id.js';
import { RequestTools } from '../exchange/request-tools.js';
import { distinguishesSlashes, hostNameBytes } from '../exchange/route.js';
import { Ticks } from '../exchange/ticks.js';
import { Trust } from '../exchange/trust.js';
import { Framing } from '../http/framing.js';
import { FIELDS_MAX, type Head } from '../http/head.js';
import { type HeadParser, Llhttp } from '../http/llhttp.js';
import { PARSED } from '../http/parsed.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import type { CompiledRoutes } from '../routing/compile.js';
import { Matcher } from '../routing/matcher.js';
import { keptPathOf } from '../routing/path.js';
import type { RulePlan } from '../routing/plan.js';
import { HttpListener } from '../worker/http-listener.js';
import { PreparedRule } from '../worker/prepared-rule.js';
import { type ClientSeen, seeClient } from './client-seen.js';
import { headOf, peerOf, type RequestText, schemeOf, tlsOf } from './request-text.js';

/** Longest head that is looked at: more than any may have. */
const HEAD_BYTES_MAX = 524_288;
/** What is written for one request: its path in normal form, twice, and what a filter makes of it. */
const SCRATCH_BYTES = 4 * CHUNK_BYTES;

const NO_PEER = new Uint8Array(0);

/** Made when first needed, then kept: one memory and one parser are enough for all that ask. */
let shared: Llhttp | undefined;

/** Whom a head asks, and by what: what says which listeners a request can mean. */
export interface Asked extends Written {
  /** Undefined when nothing says. */
  readonly scheme: 'http' | 'https' | undefined;
}

/** What a head says, as the client wrote it. */
interface Written {
  /** Without its port; empty when the request names none. */
  readonly hostName: string;
  readonly port: number | undefined;
  /** Without the query. */
  readonly path: string;
}

/** What becomes of a request at one listener. */
export interface Outcome {
  /** Why it is refused; null when it is not. */
  readonly reason: ReasonCode | null;
  /** The status of a local reply; undefined when it goes to a pool. */
  readonly status: number | undefined;
  /** The fields of that reply, as lines. */
  readonly fields: string;
  /** The rule that it was found to be for. */
  readonly rule: RulePlan | undefined;
  /** Its listener sends it to https, and no rule is asked. */
  readonly redirectsToHttps: boolean;
  /** Undefined when it was refused before that mattered. */
  readonly client: ClientSeen | undefined;
  /** The path with its runs of `/`, where it has some: as it would be kept, null where it cannot be. */
  readonly keptPath: string | null | undefined;
}

/** One configuration, ready to be asked. Not shared between threads. */
export class DryRun implements CheckContext, AdmitContext {
  readonly memory: Uint8Array;
  readonly engine = { peers: new Uint8Array(PEER_BYTES), retain: () => {}, release: () => {} };
  readonly writer: Writer;
  readonly framing = new Framing();
  readonly tokens = new Tokens();
  readonly ids = new RequestIds();
  readonly asterisk: Pinned;
  readonly filterTools: DryRunTools;
  readonly trust: Trust;
  readonly matcher: Matcher;
  readonly rules: readonly PreparedRule[];
  readonly distinguishesSlashes: boolean;
  readonly #llhttp: Llhttp;
  readonly #config: Config;
  readonly #routes: CompiledRoutes;
  readonly #listeners = new Map<ListenerConfig | undefined, HttpListener>();
  readonly #scratchStart: number;
  readonly #scratchEnd: number;
  #scratchAt = 0;

  constructor(config: Config, routes: CompiledRoutes) {
    shared ??= new Llhttp({ slabBytes: HEAD_BYTES_MAX + SCRATCH_BYTES + 1, parsersMax: 1 });
    const { bytes, slabAt } = shared;
    this.#llhttp = shared;
    this.#config = config;
    this.#routes = routes;
    this.memory = bytes;
    this.#scratchStart = slabAt + HEAD_BYTES_MAX;
    this.#scratchEnd = this.#scratchStart + SCRATCH_BYTES;
    this.asterisk = { at: this.#scratchEnd, bytes: 1 };
    bytes[this.#scratchEnd] = '*'.charCodeAt(0);
    this.writer = new Writer(bytes);
    this.filterTools = new DryRunTools(this);
    this.trust = new Trust(config.trustedProxies);
    this.matcher = new Matcher(routes.table);
    const scope = {
      pools: [],
      ticks: new Ticks(config.timeouts),
      limits: limitsWith(config, 0),
      filters: routes.filters,
      filterScope: { tools: this.filterTools, limits: null, copyTo: () => () => {}, serversOf: () => [] },
      seed: 0,
    };
    // No pool is chosen: their shares say what a rule does with its requests.
    this.rules = routes.rules.map((plan) => new PreparedRule({ ...plan, sticky: null, fallback: null }, scope));
    for (const listener of [undefined, ...config.listeners]) {
      const filters = listener === undefined ? [] : (routes.listenerFilters[config.listeners.indexOf(listener)] ?? []);
      const plan = { ...requestSettings(listener), filters };
      this.#listeners.set(listener, new HttpListener(plan, routes.filters, scope.filterScope));
    }
    this.distinguishesSlashes = distinguishesSlashes(config.listeners, routes.rules);
  }

  scratch(bytes: number): number {
    if (this.#scratchAt + bytes > this.#scratchEnd) return -1;
    this.writer.at = this.#scratchAt;
    return this.#scratchAt;
  }

  scratchKeep(): void {
    this.#scratchAt = this.writer.at;
  }

  /** Whom the request asks, or why a worker refuses it whatever the listener. */
  asks(text: RequestText): Asked | ReasonCode {
    return this.#parsed(text, ({ head }) => {
      const written = this.#check(head);
      return typeof written === 'string' ? written : { ...written, scheme: schemeOf(text) };
    });
  }

  /**
   * What becomes of the request at `listener`; undefined is one without settings of its own. `visit` sees the exchange
   * when that is decided, unless it was refused before it was routed: it must not be kept.
   */
  run(text: RequestText, listener: ListenerConfig | undefined, visit: (x: AnyExchange) => void = () => {}): Outcome {
    const outcome = this.#parsed(text, ({ head }): Outcome | ReasonCode => {
      const written = this.#check(head);
      if (typeof written === 'string') return written;
      const x = new Exchange(this.memory, this.#clientOf(text, listener, written.hostName), new Attempted());
      x.begin(KIND.REQUEST, this.ids.next(), head, NO_ADDRESS);
      this.#scratchAt = this.#scratchStart;
      this.filterTools.begin();
      const refused = check(this, x);
      if (refused !== null) return refused;
      let verdict: Verdict = admitChecked(this, x);
      // A filter that waits for something is taken to let the request pass.
      while (verdict === VERDICT.WAIT) verdict = askFilters(this, x, x.wait!.next);
      const outcome = this.#outcome(x, listener, written.path);
      if (x.rule !== null || outcome.reason === 'NO_ROUTE') visit(x);
      return outcome;
    });
    return typeof outcome === 'string' ? refusedBy(outcome) : outcome;
  }

  #outcome(x: AnyExchange, listener: ListenerConfig | undefined, path: string): Outcome {
    const { replied: reply, details } = this.filterTools;
    const rule = x.rule === null ? undefined : this.#routes.rules[x.rule.plan.index]!;
    const isForwarded = this.filterTools.reason === null && reply === null;
    const isPoolless = rule?.drained === true && rule.fallback === null;
    const reason = isForwarded && isPoolless ? 'POOL_UNKNOWN' : this.filterTools.reason;
    const isRouted = rule !== undefined || reason === 'NO_ROUTE';
    return {
      reason,
      status: reason === null ? reply?.status : (details.status ?? REASONS[reason].status),
      fields: reply?.fields ?? details.fields ?? '',
      rule,
      redirectsToHttps: reply !== null && rule === undefined,
      client: isRouted ? seeClient(x, listener?.clientAddressHeader, this.engine.peers, this.trust) : undefined,
      keptPath: keptPathOf(path),
    };
  }

  /** Checks a head on its own: what it says, or why it is refused. */
  #check(head: Head): Written | ReasonCode {
    const client = { slot: 0, trusted: false, tls: null, listener: { http: this.#listeners.get(undefined)! } };
    const x = new Exchange<ClientInfo>(this.memory, client, new Attempted());
    x.begin(KIND.REQUEST, 0, head, NO_ADDRESS);
    const refused = check(this, x);
    if (refused !== null) return refused;
    const host = this.#text(x.hostAt, x.hostBytes);
    const hostName = this.#text(x.hostAt, hostNameBytes(this.memory, x.hostAt, x.hostBytes));
    const port = host.slice(hostName.length + 1);
    return {
      hostName,
      port: port === '' ? undefined : Number(port),
      path: this.#text(x.targetAt, x.targetBytes).replace(/\?.*$/s, ''),
    };
  }

  /** The client as the words describe it. Its address is put into the table of peers, which has one record. */
  #clientOf(text: RequestText, listener: ListenerConfig | undefined, hostName: string): ClientInfo {
    const { peers } = this.engine;
    const address = isWithoutPeer(listener) ? NO_PEER : peerOf(text);
    peers[0] = address.length === 4 ? 4 : address.length === 16 ? 6 : 0;
    peers.set(address, 4);
    return {
      slot: 0,
      trusted: this.trust.holds(peers, 0),
      tls: tlsOf(text, hostName, listener?.protocol === 'https'),
      listener: { http: this.#listeners.get(listener)! },
    };
  }

  /** Has the head parsed, piece by piece as a worker receives it. Why it is refused, or what `then` makes of it. */
  #parsed<Result>(text: RequestText, then: (parser: HeadParser) => Result): Result | ReasonCode {
    const { limits } = this.#config;
    const bytes = headOf(text);
    if (bytes === null) return 'REQUEST_MALFORMED';
    if (bytes.length > HEAD_BYTES_MAX) return 'HEAD_TOO_LARGE';
    const at = this.#llhttp.slabAt;
    const end = at + bytes.length;
    const parser = this.#llhttp.acquireRequest()!;
    try {
      this.memory.set(bytes, at);
      parser.begin(at, Math.min(limits.fieldsMax, FIELDS_MAX));
      let parsed: number = PARSED.partial;
      // As much at a time as a worker receives at once: the parser records no more fields in one go.
      for (let from = at; from < end && parsed === PARSED.partial; from += CHUNK_BYTES) {
        parsed = parser.executeHead(from, Math.min(CHUNK_BYTES, end - from));
      }
      if (parsed === PARSED.tooManyFields) return 'HEAD_TOO_LARGE';
      if (parsed === PARSED.invalid) return refusalOf(this.memory, parser, end);
      if (parsed !== PARSED.complete || parser.endAt !== end) return 'REQUEST_MALFORMED';
      if (parser.head.targetBytes > limits.uriBytesMax) return 'URI_TOO_LONG';
      if (parser.head.bytes > limits.headBytesMax) return 'HEAD_TOO_LARGE';
      return then(parser);
    } finally {
      this.#llhttp.releaseRequest(parser);
    }
  }

  #text(at: number, length: number): string {
    return Buffer.from(this.memory.buffer, at, length).toString('utf8');
  }
}

/** Writes down what a request would be answered. */
class DryRunTools extends RequestTools {
  reason: ReasonCode | null = null;
  details: RefusalDetails = {};
  replied: LocalReply | null = null;

  begin(): void {
    this.reason = null;
    this.details = {};
    this.replied = null;
  }

  override reply(_x: AnyExchange, reply: LocalReply): void {
    this.replied = reply;
  }

  override count(): void {}

  override fail(_x: AnyExchange, reason: ReasonCode, details?: RefusalDetails): void {
    this.reason = reason;
    this.details = details ?? {};
  }

  override wait(x: AnyExchange, ms: number): typeof VERDICT.WAIT {
    x.wait = new FilterWait(ms, () => {});
    return VERDICT.WAIT;
  }
}

/** A worker sees no peer over a unix socket, unless a PROXY header there names one. */
export function isWithoutPeer(listener: ListenerConfig | undefined): boolean {
  return listener?.endpoint.kind === 'unix' && listener.proxySources === undefined;
}

function refusedBy(reason: ReasonCode): Outcome {
  const { status } = REASONS[reason];
  return {
    reason,
    status,
    fields: '',
    rule: undefined,
    redirectsToHttps: false,
    client: undefined,
    keptPath: undefined,
  };
}
