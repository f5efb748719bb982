// What the steps of an exchange, and the codecs, need of the thread they run in.
// Owns no behaviour: the worker implements it, and a test or the command line may do so with less.

import type { ServerState } from '../balance/server-state.js';
import type { Engine } from '../engine/engine.js';
import type { Pinned, PinnedTexts, Writer } from '../engine/text.js';
import type { ReasonCode } from '../http/reasons.js';
import type { Matcher } from '../routing/matcher.js';
import type { Attempt } from './attempt.js';
import type { Counters } from './counters.js';
import type { Deadlines } from './deadlines.js';
import type { ErrorPages } from './error-pages.js';
import type { Exchange } from './exchange.js';
import type { FilterTools } from './filter.js';
import type { HeadEdit } from './head-edit.js';
import type { Observers } from './observer.js';
import type { BodyPiece } from './piece.js';
import type { Pool, Servers } from './pools.js';
import type { RequestIds } from './request-id.js';
import type { Rule } from './rule.js';
import type { Limits, Timeouts } from './settings.js';
import type { BackendStream, ClientSide, ClientStream } from './streams.js';
import type { Ticks } from './ticks.js';
import type { Trust } from './trust.js';

/**
 * One worker, as the steps see it. Everything here belongs to one thread, and lives as long as that; what comes from the
 * configuration (`limits` to `distinguishesSlashes`) is another object after a reload: read it anew for each request.
 */
export interface Context {
  // Memory.
  /** The memory that slab and parsers lie in: all addresses count from its first byte. */
  readonly memory: Uint8Array;
  readonly engine: Engine;
  readonly pinned: PinnedTexts;
  readonly writer: Writer;
  /**
   * Points `writer` at `bytes` free bytes that stay good until the next batch, longer for what was sent or retained.
   * Returns the address, or -1 when the slab is full.
   */
  scratch(bytes: number): number;
  /** Keeps what was written to scratch memory up to `writer.at`. */
  scratchKeep(): void;
  /** True when chunks are getting scarce: what is only kept in case should be given back. */
  slabIsTight(): boolean;

  // The configuration that holds now.
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly ticks: Ticks;
  readonly trust: Trust;
  readonly matcher: Matcher;
  readonly rules: readonly Rule[];
  /** The error pages of all requests; those of a rule go first. */
  readonly errorPages: ErrorPages;
  /** Pools whose requests may have to wait for room. */
  readonly limitedPools: readonly Pool[];
  /** Some listener or rule does not merge runs of `/`. */
  readonly distinguishesSlashes: boolean;
  /** The pool of this name, or undefined. */
  poolNamed(name: string): Pool | undefined;

  // Servers.
  /** The shared server state. */
  readonly state: ServerState;
  readonly servers: Servers;

  // Time, numbers, and what is counted.
  /** Of connections, by slot. Its `now` is the clock of all. */
  readonly deadlines: Deadlines;
  /** Of exchanges and of attempts, by their ids. */
  readonly exchangeDeadlines: Deadlines;
  readonly attemptDeadlines: Deadlines;
  readonly ids: RequestIds;
  readonly counters: Counters;
  /** What sees exchanges, attempts and connections as they end. */
  readonly observers: Observers;
  /** Counts a failure that belongs to no exchange. */
  count(reason: ReasonCode): void;
  /** Number of the batch of events being handled, or of the last one: what it reports came before what it makes us send. */
  readonly batch: number;
  /** A request ended somewhere: those that wait may have room now. */
  roomFreed: boolean;
  /** TLS handshakes under way. */
  handshakes: number;
  /** Copies of requests under way to mirrors. */
  mirrors: number;
  /** An attempt that copies a request, and takes it back once it has ended. */
  copyTake(x: Exchange): Attempt;
  copyFree(copy: Attempt): void;
  readonly draining: boolean;
  readonly closed: boolean;

  // The codecs.
  readonly clientStream: ClientStream;
  readonly backendStream: BackendStream;

  // Objects that are filled again for every request, or piece, and must not be kept.
  /** What filters change in a head, filled for each that they have a say in. */
  readonly headEdit: HeadEdit;
  /** The piece of a body that a codec has just read. */
  readonly piece: BodyPiece;
  readonly filterTools: FilterTools;
  /** Pools that get a copy of the request whose head is being filtered, once it has gone out. */
  readonly copiesDue: Pool[];
  /** The target of a request about the server itself. */
  readonly asterisk: Pinned;

  /** Gives freed room to requests that wait for it. */
  serveLines(): void;
  /** The Strict-Transport-Security line for responses to this client; empty for none. */
  strictTransportOf(client: ClientSide): string;
}
