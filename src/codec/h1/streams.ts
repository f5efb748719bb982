// What HTTP/1 offers to exchanges: the contracts of exchange/streams.ts, implemented.

import { SEND_FLAG } from '../../engine/layout.js';
import { type Exchange, NO_ADDRESS } from '../../exchange/exchange.js';
import type { HeadEdit } from '../../exchange/head-edit.js';
import type { BackendStream, ClientStream } from '../../exchange/streams.js';
import { BODY } from '../../http/framing.js';
import type { Head } from '../../http/head.js';
import { closeBackend, openBackend, takeIdle } from '../backends.js';
import { closeClient, finish, releaseParser } from '../close.js';
import { BACKEND, backendOf, clientOf } from '../connections.js';
import type { CodecContext } from '../context.js';
import { steerClient } from '../flow.js';
import { exchangeMoves } from '../progress.js';
import { sendProxyHeader } from '../raw/proxy-out.js';
import { countTunneled, tunnelBegin } from '../raw/tunnel.js';
import { readTarget } from './check.js';
import { resendBody, writeRequestBody, writeResponseBody } from './write-body.js';
import { gatherResponseHead, writeInterim, writeRequestHead } from './write-head.js';
import { writeReply } from './write-reply.js';

/** A client of HTTP/1.0 knows no chunks: for it the end of the connection is the end of a body of unknown length. */
function writeHead(w: CodecContext, x: Exchange, head: Head, edit: HeadEdit | null): boolean {
  const client = clientOf(x);
  const { kind } = x.response;
  const isUnknownLength = kind === BODY.chunked || kind === BODY.untilEof;
  client.chunkedOut = isUnknownLength && x.minor === 1;
  if (
    (isUnknownLength && x.minor === 0) ||
    !x.request.done ||
    w.draining ||
    (client.ended && client.pendingAt === NO_ADDRESS)
  )
    client.keepAlive = false;
  return gatherResponseHead(w, x, head, edit);
}

/** Gives back what is held of a head. The parser stays while it has a body to parse. */
function releaseHead(w: CodecContext, x: Exchange): void {
  const client = clientOf(x);
  if (x.headAt !== NO_ADDRESS) {
    if (client.headRunBytes === 0) w.engine.release(x.headAt);
    else w.engine.runRelease(x.headAt, client.headRunBytes);
    client.headRunBytes = 0;
    x.headAt = NO_ADDRESS;
    x.head = null;
  }
  if (client.parser !== null && (x.request.done || x.request.kind !== BODY.chunked)) releaseParser(w, client);
}

/** The two connections become one pipe. */
function toTunnel(w: CodecContext, x: Exchange, head: Head, restAt: number, restBytes: number): void {
  const client = clientOf(x);
  writeInterim(w, x, head);
  if (restBytes > 0) {
    w.engine.send(client.conn, restAt, restBytes);
    countTunneled(x, true, restBytes);
  }
  tunnelBegin(w, client, backendOf(x.attempt));
}

export const clientStream = {
  reply: writeReply,
  writeInterim,
  writeHead,
  writeBody: writeResponseBody,
  beginWrite: (w, x) => w.engine.sendBegin(clientOf(x).conn, SEND_FLAG.none),
  endWrite: (w, x) => {
    x.bytesOut += w.engine.sendEnd();
  },
  finish,
  close: (w: CodecContext, x, cut) => closeClient(w, clientOf(x), cut),
  moves: exchangeMoves,
  steer: (w: CodecContext, x) => steerClient(w, clientOf(x)),
  wake: (w: CodecContext, x) => {
    if (clientOf(x).pendingAt !== NO_ADDRESS) w.woken.push(clientOf(x));
  },
  hasBody: (x) => clientOf(x).pendingAt !== NO_ADDRESS,
  beginBody: (_w, x) => {
    if (x.request.kind === BODY.chunked) clientOf(x).parser!.chunked.begin(false);
  },
  releaseHead,
  toTunnel,
  readTarget: (w, x) => readTarget(w.memory, x),
} satisfies ClientStream;

export const backendStream = {
  take: takeIdle,
  open: openBackend,
  writeHead: writeRequestHead,
  writeBody: writeRequestBody,
  resend: resendBody,
  beginCopy: (w: CodecContext, copy) => {
    const backend = backendOf(copy);
    backend.to(BACKEND.MIRROR);
    return !backend.sendsProxyHeaderUnencrypted || sendProxyHeader(w, backend, true);
  },
  close: (w: CodecContext, attempt) => closeBackend(w, backendOf(attempt)),
} satisfies BackendStream;
