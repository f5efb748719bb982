// What codecs need of the thread they run in, beside what exchanges need of it.
// Owns no behaviour: the worker implements it.

import type { Pinned } from '../engine/text.js';
import type { Attempt } from '../exchange/attempt.js';
import type { ClientAddressField } from '../exchange/client-address.js';
import type { Context } from '../exchange/context.js';
import type { HeadEdit } from '../exchange/head-edit.js';
import type { Server } from '../exchange/pools.js';
import type { ClientSide } from '../exchange/streams.js';
import type { Framing } from '../http/framing.js';
import type { Llhttp } from '../http/llhttp.js';
import type { BackendConnection, ClientConnection } from './connections.js';
import type { LongHeads } from './h1/long-head.js';
import type { Tokens } from './h1/tokens.js';
import type { Http2Shared } from './h2/shared.js';
import type { Http2Stream } from './h2/stream.js';

export interface CodecContext extends Context {
  readonly llhttp: Llhttp;
  /** Heads under way that may outgrow a chunk. */
  readonly longHeads: LongHeads;

  /** What connections of HTTP/2 share. */
  readonly http2: Http2Shared;
  /** Chunks of the slab. */
  readonly chunkCount: number;

  // Filled again for each head, or piece of a body.
  readonly framing: Framing;
  readonly tokens: Tokens;
  /** What followed the end of a body in the same bytes: 0 bytes while there is more of the body to come. */
  readonly rest: { at: number; bytes: number };
  /** What filters change in the head that is being listed, or null. */
  edit: HeadEdit | null;
  /** While the head of a request is listed whose listener knows its clients by a field of their own: that field, else null. */
  clientField: ClientAddressField | null;
  /** The request listed with `clientField` comes from a trusted peer. */
  clientFieldTrusted: boolean;

  // Lines that every message may need.
  readonly lineEnd: Pinned;
  readonly lineClose: Pinned;
  readonly lineKeepAlive: Pinned;
  readonly lineChunked: Pinned;
  readonly lastChunk: Pinned;
  /** The forwarding lines that are the same for every stranger at this listener; null when the slab had no room for them. */
  forwardingOf(client: ClientSide): Pinned | null;

  // Connections.
  /** Clients whose pending bytes are to be read once the event under way is handled. */
  readonly woken: ClientConnection[];
  /** Puts a client connection back whose handle has been given up. */
  clientFree(client: ClientConnection): void;
  /** A stream for a connection of HTTP/2, or null when the worker has as many as it may. */
  streamOpen(): Http2Stream | null;
  /** Puts a stream back that is over. */
  streamFree(stream: Http2Stream): void;
  /** A backend connection for a handle of the engine, without anything of those before. */
  backendOpen(conn: number, server: Server, attempt: Attempt): BackendConnection;
  backendFree(backend: BackendConnection): void;
}
