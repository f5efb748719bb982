// What HTTP/2 offers to exchanges toward clients: the contract of exchange/streams.ts, implemented.

import { CHUNK_BYTES } from '../../engine/layout.js';
import { type Exchange, NO_ADDRESS } from '../../exchange/exchange.js';
import type { HeadEdit } from '../../exchange/head-edit.js';
import type { ClientStream } from '../../exchange/streams.js';
import type { Head } from '../../http/head.js';
import { METHOD } from '../../http/methods.js';
import type { CodecContext } from '../context.js';
import { readTarget } from '../h1/check.js';
import { dropStream, flushStream, resetStream } from './end-stream.js';
import { sendBody } from './flow.js';
import { H2_ERROR } from './frames.js';
import { type Http2Stream, NO_REFUSAL } from './stream.js';
import { writeInterimHead, writeReplyHead, writeResponseHead } from './write-head.js';

const streamOf = (x: Exchange): Http2Stream => x.client as Http2Stream;

/** Sends bytes of our own as the body, by way of scratch memory, and its end. False: the slab is full. */
function sendOwn(w: CodecContext, s: Http2Stream, body: Uint8Array): boolean {
  for (let from = 0; from < body.length; from += CHUNK_BYTES) {
    const part = body.subarray(from, from + CHUNK_BYTES);
    const at = w.scratch(part.length);
    if (at < 0) return false;
    w.memory.set(part, at);
    w.writer.at = at + part.length;
    w.scratchKeep();
    // Held until it is listed or waits: writing the head of its frame may take another chunk for scratch.
    w.engine.retain(at);
    const sent = sendBody(w, s, at, part.length, from + part.length === body.length, '');
    w.engine.release(at);
    if (!sent) return false;
  }
  return true;
}

/** As `ClientStream.reply`. A malformed request gets a reset in its place; no response has to close the connection. */
function reply(w: CodecContext, x: Exchange, status: number, lines: string, body: Uint8Array, bodiless: boolean): void {
  const s = streamOf(x);
  if (s.refusal !== NO_REFUSAL) {
    resetStream(w, s, s.refusal);
    return;
  }
  const sendsBody = !bodiless && x.method !== METHOD.HEAD && body.length > 0;
  const length = bodiless ? '' : `content-length: ${body.length}\r\n`;
  const sent = writeReplyHead(w, s, status, `${length}${lines}`, !sendsBody) && (!sendsBody || sendOwn(w, s, body));
  if (!sent) {
    resetStream(w, s, H2_ERROR.INTERNAL_ERROR);
    return;
  }
  if (!sendsBody) s.endSent = true;
  x.status = status;
  if (sendsBody) x.bodyBytesOut = body.length;
  x.response.done = true;
  flushStream(w, s);
}

function writeHead(w: CodecContext, x: Exchange, head: Head, edit: HeadEdit | null): boolean {
  const s = streamOf(x);
  const ends = x.response.done;
  if (ends) s.endSent = true;
  return writeResponseHead(w, s, head, edit, ends);
}

/** Gives back what is held of the request's head. */
function releaseHead(w: CodecContext, x: Exchange): void {
  if (x.headAt === NO_ADDRESS) return;
  const s = streamOf(x);
  if (s.headRunBytes === 0) w.engine.release(x.headAt);
  else w.engine.runRelease(x.headAt, s.headRunBytes);
  s.headRunBytes = 0;
  x.headAt = NO_ADDRESS;
  x.head = null;
}

/** Once this event is handled, what is held of the body goes on. */
function wake(w: CodecContext, x: Exchange): void {
  const s = streamOf(x);
  if (s.woken || (s.held.bytes === 0 && !s.remoteDone) || x.request.done) return;
  s.woken = true;
  w.http2.woken.push(s);
}

/** Ends a stream in the middle: by a reset, so that half a response is not taken for a whole one. */
function close(w: CodecContext, x: Exchange): void {
  if (x.attempt.isOpen) w.backendStream.close(w, x.attempt);
  const s = streamOf(x);
  if (s.gone) dropStream(w, s);
  else if (s.refusal !== NO_REFUSAL) resetStream(w, s, s.refusal);
  else resetStream(w, s, x.reason === 'CLIENT_LEFT' ? H2_ERROR.CANCEL : H2_ERROR.INTERNAL_ERROR);
}

export const http2ClientStream = {
  reply,
  writeInterim: (w: CodecContext, x, head) => writeInterimHead(w, streamOf(x), head),
  writeHead,
  writeBody: (w: CodecContext, x, { at, bytes, end, trailers }) => sendBody(w, streamOf(x), at, bytes, end, trailers),
  // Frames are listed, and leave at the end of the turn.
  beginWrite: () => {},
  endWrite: () => {},
  finish: (w: CodecContext, x) => flushStream(w, streamOf(x)),
  close,
  // No event is missed here: what comes slowly comes in frames.
  moves: () => false,
  steer: wake,
  wake,
  hasBody: (x) => streamOf(x).held.bytes > 0,
  beginBody: () => {},
  releaseHead,
  // No 101 comes to a request that could not ask for it.
  toTunnel: (w: CodecContext, x) => close(w, x),
  readTarget: (w, x) => readTarget(w.memory, x),
} satisfies ClientStream;
