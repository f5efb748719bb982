// One connection of HTTP/2 toward a client: what both sides have agreed on, and where reading and writing stand.
// Owns the fields. Leaves reading to server.ts, streams to stream.ts, windows to flow.ts, and its deadlines to settle.ts.

import type { Http2Limits } from '../../http/h2-limits.js';
import type { ClientConnection } from '../connections.js';
import { AbuseCounters } from './abuse.js';
import { FrameReader } from './frames-read.js';
import { DynamicTable } from './hpack/dynamic-table.js';
import { EncoderTable } from './hpack/encoder.js';
import { PeerSettings, TABLE_BYTES_USUAL, WINDOW_USUAL } from './settings.js';
import type { Http2Stream } from './stream.js';

/*
 * What of GOAWAY has been sent. The first says that no more requests are wanted, with an id that excludes none: what the client is
 * sending still counts. The second, a round trip later, says which were taken (RFC 9113, 6.8).
 */
export const GOAWAY = { NONE: 0, ANNOUNCED: 1, FINAL: 2 } as const;

/** Made when a client connection turns out to speak HTTP/2; gone with it. */
export class Http2Connection {
  readonly client: ClientConnection;
  /** As they were when the connection began: SETTINGS have named them to the client. */
  readonly limits: Http2Limits;
  /** The streams that are not over, by their ids. */
  readonly streams = new Map<number, Http2Stream>();
  /** The highest id of a stream that the client has begun, and how many it was. */
  lastId = 0;
  requests = 0;
  /** Ids of streams that we have reset not long ago: what the client sent before it knew is ignored. */
  readonly resets = new Set<number>();
  /** It is over: nothing is read any more, and nothing sent. */
  closed = false;
  /** It is on the list of those that are settled at the end of the turn. */
  touched = false;

  // Reading.
  readonly reader: FrameReader;
  readonly abuse: AbuseCounters;
  /** What the client's encoder fills (RFC 7541, 2.3.2), and the most it may have. */
  readonly table = new DynamicTable(TABLE_BYTES_USUAL);
  readonly tableBytesMax = TABLE_BYTES_USUAL;
  /** What the client may still send on all streams together, and what of it is due to be given back. */
  receiveWindow = WINDOW_USUAL;
  credit = 0;
  /** The DATA frame under way is for a stream that is over: all of it has been given back. */
  isDropping = false;

  // Writing.
  sendWindow = WINDOW_USUAL;
  /** What the client allows. */
  readonly peer = new PeerSettings(false);
  /** What its decoder has of our fields. */
  readonly encoderTable = new EncoderTable();
  /** Frames of this turn: address and bytes, two by two, with a reference each (write-frames.ts). */
  readonly out: number[] = [];
  /** Streams with something that waits, and pieces of it. */
  blockedStreams = 0;
  waitingChunks = 0;
  /** Chunks of request bodies that its streams hold. */
  heldChunks = 0;
  /** Frames listed since the socket took no more, those of bodies aside. */
  waitingFrames = 0;
  /** The slab is full, and what has to be said cannot be: the connection is cut at the end of the turn. */
  broken = false;

  // What it waits for: ticks at which it is late, 0 for none.
  /** GOAWAY. */
  goAway: number = GOAWAY.NONE;
  goAwayAt = 0;
  /** The next request, with none under way. */
  idleAt = 0;
  /** The rest of a header block. */
  blockAt = 0;
  /** The next look at what of its responses the client takes: nothing that it sends puts it off. */
  lookAt = 0;

  constructor(client: ClientConnection, limits: Http2Limits) {
    this.client = client;
    this.limits = limits;
    this.reader = new FrameReader(true, false, limits);
    this.abuse = new AbuseCounters(limits);
  }
}
