// What one connection of HTTP/2 did that costs us more than it costs the peer, counted: each published attack is one row here.
// Owns the counters and the bounds. Leaves ending the connection (GOAWAY with ENHANCE_YOUR_CALM, and the row's reason) to the
// connection, and what is counted while a block is read to frames-read.ts.

import { TICK_MS } from '../../base/tick.js';
import type { Http2Limits } from '../../http/h2-limits.js';
import type { ReasonCode } from '../../http/reasons.js';

interface Row {
  /** The option of `limits.http2` that is exceeded. */
  readonly limit: keyof Http2Limits;
  readonly reason: ReasonCode;
}

/** The rows by number; 0 is for what is within all bounds. */
export const ABUSE = {
  NONE: 0,
  RESETS: 1,
  EARLY_RESETS: 2,
  OWN_RESETS: 3,
  PINGS: 4,
  SETTINGS: 5,
  EMPTY_FRAMES: 6,
  TINY_FRAMES: 7,
  WINDOW_UPDATES: 8,
  PRIORITIES: 9,
  WAITING_FRAMES: 10,
  ODDITIES: 11,
  /** What the reader of frames counts: `FrameReader.flooded`. */
  BLOCK: 12,
} as const;

/** Each row but that for nothing. */
export const ABUSE_ROWS: Readonly<Record<number, Row>> = {
  // CVE-2023-44487.
  [ABUSE.RESETS]: { limit: 'resetsPerSecondMax', reason: 'H2_RESET_FLOOD' },
  [ABUSE.EARLY_RESETS]: { limit: 'earlyResetsPerSecondMax', reason: 'H2_RESET_FLOOD' },
  // CVE-2025-8671: the client makes us reset.
  [ABUSE.OWN_RESETS]: { limit: 'ownResetsMax', reason: 'H2_RESET_FLOOD' },
  // CVE-2019-9512 and -9515.
  [ABUSE.PINGS]: { limit: 'pingsPerSecondMax', reason: 'H2_CONTROL_FLOOD' },
  [ABUSE.SETTINGS]: { limit: 'settingsPerSecondMax', reason: 'H2_CONTROL_FLOOD' },
  // CVE-2019-9518.
  [ABUSE.EMPTY_FRAMES]: { limit: 'emptyFramesMax', reason: 'H2_DATA_FLOOD' },
  [ABUSE.TINY_FRAMES]: { limit: 'tinyFramesPerSecondMax', reason: 'H2_DATA_FLOOD' },
  [ABUSE.WINDOW_UPDATES]: { limit: 'windowUpdatesPerDataMax', reason: 'H2_CONTROL_FLOOD' },
  // CVE-2019-9513.
  [ABUSE.PRIORITIES]: { limit: 'prioritiesPerStreamMax', reason: 'H2_CONTROL_FLOOD' },
  // CVE-2019-9512 and kin: what a peer makes us say while it does not listen.
  [ABUSE.WAITING_FRAMES]: { limit: 'waitingFramesMax', reason: 'H2_WRITE_STALL' },
  [ABUSE.ODDITIES]: { limit: 'odditiesPerSecondMax', reason: 'H2_ODDITIES' },
  // CVE-2024-27316 and kin.
  [ABUSE.BLOCK]: { limit: 'continuationsMax', reason: 'H2_BLOCK_FLOOD' },
};

const TICKS_PER_SECOND = 1000 / TICK_MS;
/** A frame of DATA with less than this is tiny. */
const TINY_BYTES = 256;
/** WINDOW_UPDATE frames that a connection may send without any DATA of ours, and for each stream besides. */
const WINDOW_UPDATES_FREE = 100;
const WINDOW_UPDATES_PER_STREAM = 2;
/** The part of what is odd from which on the connection had better be another one. */
const ODDITIES_NEAR = 0.75;

/**
 * The counters of one connection. Each function counts one thing that came (or, where it says so, that we did) at a tick, and
 * returns the row whose bound it is beyond, or NONE. Pure: no clock, no socket. Hot: a few additions for each frame.
 */
export class AbuseCounters {
  readonly #limits: Http2Limits;
  /** The tick at which the second under way began. */
  #secondAt = 0;
  // In this second.
  #resets = 0;
  #earlyResets = 0;
  #pings = 0;
  #settings = 0;
  #tinyFrames = 0;
  /** Halved with each second instead of forgotten: what comes all the time adds up to twice what comes in one. */
  #oddities = 0;
  // On the whole connection.
  #streams = 0;
  #ownResets = 0;
  #windowUpdates = 0;
  #dataSent = 0;
  #priorities = 0;
  // In a row.
  #emptyFrames = 0;

  constructor(limits: Http2Limits) {
    this.#limits = limits;
  }

  /** Begins another second when the one under way is over. */
  #at(now: number): void {
    const seconds = Math.floor((now - this.#secondAt) / TICKS_PER_SECOND);
    if (seconds <= 0) return;
    this.#secondAt += seconds * TICKS_PER_SECOND;
    this.#resets = 0;
    this.#earlyResets = 0;
    this.#pings = 0;
    this.#settings = 0;
    this.#tinyFrames = 0;
    this.#oddities >>= Math.min(seconds, 31);
  }

  /** A stream has begun. */
  streamBegan(): void {
    this.#streams++;
    this.#emptyFrames = 0;
  }

  /** The peer reset a stream that was not over; `early`: before its response began. */
  reset(now: number, early: boolean): number {
    this.#at(now);
    if (++this.#resets > this.#limits.resetsPerSecondMax) return ABUSE.RESETS;
    return early && ++this.#earlyResets > this.#limits.earlyResetsPerSecondMax ? ABUSE.EARLY_RESETS : ABUSE.NONE;
  }

  /** We reset a stream for what the peer did on it. */
  ownReset(): number {
    return ++this.#ownResets > this.#limits.ownResetsMax ? ABUSE.OWN_RESETS : ABUSE.NONE;
  }

  /** A PING, or the answer to one that we did not ask for. */
  ping(now: number): number {
    this.#at(now);
    return ++this.#pings > this.#limits.pingsPerSecondMax ? ABUSE.PINGS : ABUSE.NONE;
  }

  /** SETTINGS, which we acknowledge. */
  settings(now: number): number {
    this.#at(now);
    return ++this.#settings > this.#limits.settingsPerSecondMax ? ABUSE.SETTINGS : ABUSE.NONE;
  }

  /** A frame of DATA with `bytes` bytes besides padding; `ended`: the last of its stream, which is free. */
  data(now: number, bytes: number, ended: boolean): number {
    if (bytes >= TINY_BYTES || ended) {
      this.#emptyFrames = 0;
      return ABUSE.NONE;
    }
    this.#at(now);
    if (bytes > 0) this.#emptyFrames = 0;
    else if (++this.#emptyFrames > this.#limits.emptyFramesMax) return ABUSE.EMPTY_FRAMES;
    return ++this.#tinyFrames > this.#limits.tinyFramesPerSecondMax ? ABUSE.TINY_FRAMES : ABUSE.NONE;
  }

  /** We sent a frame of DATA. */
  dataSent(): void {
    this.#dataSent++;
  }

  windowUpdate(): number {
    const { windowUpdatesPerDataMax } = this.#limits;
    const most =
      WINDOW_UPDATES_FREE + WINDOW_UPDATES_PER_STREAM * (this.#streams + windowUpdatesPerDataMax * this.#dataSent);
    return ++this.#windowUpdates > most ? ABUSE.WINDOW_UPDATES : ABUSE.NONE;
  }

  priority(): number {
    const most = this.#limits.prioritiesPerStreamMax * (1 + this.#streams);
    return ++this.#priorities > most ? ABUSE.PRIORITIES : ABUSE.NONE;
  }

  /** `frames` frames of ours wait, besides those of bodies. */
  waiting(frames: number): number {
    return frames > this.#limits.waitingFramesMax ? ABUSE.WAITING_FRAMES : ABUSE.NONE;
  }

  /** Something that is of no use and no harm. */
  odd(now: number): number {
    this.#at(now);
    return ++this.#oddities > this.#limits.odditiesPerSecondMax ? ABUSE.ODDITIES : ABUSE.NONE;
  }

  /** So much is odd that a graceful end of the connection is better than going on. */
  get isOdd(): boolean {
    return this.#oddities > this.#limits.odditiesPerSecondMax * ODDITIES_NEAR;
  }
}
