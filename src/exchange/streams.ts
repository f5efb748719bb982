// What an exchange sees of the two connections it stands between, and what it asks of the codecs that speak on them.
// Owns the contracts. A codec implements them as plain functions (`satisfies ClientStream`), which the worker puts into the
// Context; with several codecs, the worker puts functions there that switch on the kind of the connection.

import type { ProxyAddresses } from '../base/proxy-protocol.js';
import type { Head } from '../http/head.js';
import type { ReasonCode } from '../http/reasons.js';
import type { TlsView } from '../routing/request.js';
import type { Attempt } from './attempt.js';
import type { ClientInfo } from './client-info.js';
import type { Context } from './context.js';
import type { Exchange } from './exchange.js';
import type { Piece } from './filter.js';
import type { HeadEdit } from './head-edit.js';
import type { Listener } from './listener.js';
import type { Server } from './pools.js';

/** What speaks with the client of an exchange: small integers, since the hot path switches on them. */
export const CLIENT_KIND = {
  /** A connection of HTTP/1, which has one exchange at a time. */
  H1: 0,
  /** A connection that is passed on unread. */
  RAW: 1,
  /** A stream of HTTP/2. */
  H2: 2,
} as const;

/** What a handshake with a client agreed on. */
export interface ClientTls extends TlsView {
  /** An earlier session goes on. */
  readonly resumed: boolean;
}

/** The client's side of an exchange, as far as deciding needs it. Everything but `keepAlive` is the codec's to write. */
export interface ClientSide extends ClientInfo {
  /** What its TLS handshake agreed on; null without TLS. */
  readonly tls: ClientTls | null;
  /** CLIENT_KIND: whose functions stand behind `ClientStream` for it. */
  readonly kind: number;
  /** Its number among the connections that its worker has accepted, from 1 on. */
  readonly number: number;
  /** When it was accepted, in microseconds on the clock of the machine. */
  readonly acceptedUs: number;
  readonly listener: Listener;
  /** The ends of its connection as a PROXY header named them; null when they are those of the socket. */
  readonly proxied: ProxyAddresses | null;
  /** It takes no more now. */
  readonly blocked: boolean;
  /** It will send no more. */
  readonly ended: boolean;
  /** Another request may follow this one, as far as the client and we are concerned. */
  keepAlive: boolean;
}

/** The server's side of an attempt. */
export interface BackendSide {
  /** Slot of the connection, for its deadline. */
  readonly slot: number;
  /** It is established: a request can go out. */
  readonly isReady: boolean;
  /** It takes no more now. */
  readonly blocked: boolean;
}

/**
 * What an exchange asks of the codec that speaks with its client.
 *
 * GUARANTEED by the exchange: one `writeHead` or one `reply` for each request, `writeInterim` only before it, `writeBody` only
 * after `writeHead`, `finish` once after the last piece, and nothing after `finish`, `reply` or `close`.
 * GUARANTEED by the codec: none of these calls back into the exchange but by `endExchange()`, so that a step that returns
 * finds the exchange as it left it, or over. What it lists for the client is counted in `x.bytesOut`, and in `x.bodyBytesOut` the
 * body of a `reply`.
 */
export interface ClientStream {
  /**
   * Answers with a response of our own, and ends the exchange. `lines` are the fields, each line ending in CRLF; how long it
   * is and whether the connection stays is said by the codec. `bodiless`: the status has no body, so no length is named.
   * `mustClose`: no further request may be read from the connection.
   */
  reply(
    w: Context,
    x: Exchange,
    status: number,
    lines: string,
    body: Uint8Array,
    bodiless: boolean,
    mustClose: boolean,
  ): void;
  /** Passes an interim response (1xx) on, if the client understands it. */
  writeInterim(w: Context, x: Exchange, head: Head): void;
  /**
   * Lists the head of the final response, whose body has the kind of `x.response`; `edit` is what filters change in it, or null.
   * False: the slab is full.
   */
  writeHead(w: Context, x: Exchange, head: Head, edit: HeadEdit | null): boolean;
  /** Lists a piece of its body, and its end. False: the slab is full. */
  writeBody(w: Context, x: Exchange, piece: Readonly<Piece>): boolean;
  /** What is listed between these two goes out in one piece. */
  beginWrite(w: Context, x: Exchange): void;
  endWrite(w: Context, x: Exchange): void;
  /** All of the response has been listed: ends the exchange, and the next request may be read. */
  finish(w: Context, x: Exchange): void;
  /** Ends the exchange in the middle of what it is at. `cut`: the client sees that it is not complete. */
  close(w: Context, x: Exchange, cut: boolean): void;
  /** Its deadline has passed. True: bytes still move, in a way that no event tells, and the next deadline runs. */
  moves(w: Context, x: Exchange): boolean;
  /** Reads on or stops reading, as the stage of the exchange asks for. */
  steer(w: Context, x: Exchange): void;
  /** Once this event is handled, reads what the client has sent already: its body, or its next request. */
  wake(w: Context, x: Exchange): void;
  /** Bytes of the body are here that were not looked at yet. */
  hasBody(x: Exchange): boolean;
  /** Begins to read the body of the request. */
  beginBody(w: Context, x: Exchange): void;
  /** The request will not be sent again: gives back what is held to read its head (`x.head` is null then), and its body if that is read. */
  releaseHead(w: Context, x: Exchange): void;
  /**
   * The server switches protocols: passes `head`, its 101, on, then the `restBytes` that came behind it, and from here on bytes
   * cross unread. Called only for an exchange with `upgrade`.
   */
  toTunnel(w: Context, x: Exchange, head: Head, restAt: number, restBytes: number): void;
  /** Reads the target of a head that is in hand once more. Returns why it is refused, or null. */
  readTarget(w: Context, x: Exchange): ReasonCode | null;
}

/**
 * What an exchange asks of the codec that speaks with its server.
 *
 * GUARANTEED by the exchange: `writeHead` once for each attempt, `resend` and `writeBody` only after it, `close` last.
 * GUARANTEED by the codec: the attempt has ended when `close` returns (`endAttempt()`).
 */
export interface BackendStream {
  /** Takes a pooled connection to the server, or null when there is none for this exchange. */
  take(w: Context, x: Exchange, server: Server): BackendSide | null;
  /** Opens a connection for the attempt. Null: there is no room for one, or it cannot be said who the client is. */
  open(w: Context, attempt: Attempt, server: Server): BackendSide | null;
  /**
   * Writes the head of the request. `edit` is what filters change in it, or null; `more`: the body follows in this batch.
   * False: the slab is full, and the connection is of no use.
   */
  writeHead(w: Context, attempt: Attempt, edit: HeadEdit | null, more: boolean): boolean;
  /** Writes a piece of the body, and its end. False as above. */
  writeBody(w: Context, attempt: Attempt, piece: Readonly<Piece>): boolean;
  /** Writes what is kept of the body (`x.keptBody`). False as above. */
  resend(w: Context, attempt: Attempt): boolean;
  /** Sends a copy of the request: the connection gets all that the client sends, and its response is dropped. */
  beginCopy(w: Context, attempt: Attempt): boolean;
  /** Closes the connection, and ends the attempt. */
  close(w: Context, attempt: Attempt): void;
}
