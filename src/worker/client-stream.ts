// What exchanges ask of the codec that speaks with their client: one table of functions over all codecs, which switch on the kind of
// the client's side. Owns no behaviour.

import type { CodecContext } from '../codec/context.js';
import { clientStream as http1 } from '../codec/h1/streams.js';
import { http2ClientStream as http2 } from '../codec/h2/streams.js';
import { CLIENT_KIND, type ClientStream } from '../exchange/streams.js';

const { H2 } = CLIENT_KIND;

/** Hot: a comparison of small integers, and a call of a known function. Raw connections are served by what HTTP/1 has. */
export const clientStream: ClientStream = {
  reply(w: CodecContext, x, status, lines, body, bodiless, mustClose) {
    if (x.client.kind === H2) http2.reply(w, x, status, lines, body, bodiless);
    else http1.reply(w, x, status, lines, body, bodiless, mustClose);
  },
  writeInterim(w: CodecContext, x, head) {
    if (x.client.kind === H2) http2.writeInterim(w, x, head);
    else http1.writeInterim(w, x, head);
  },
  writeHead(w: CodecContext, x, head, edit) {
    return x.client.kind === H2 ? http2.writeHead(w, x, head, edit) : http1.writeHead(w, x, head, edit);
  },
  writeBody(w: CodecContext, x, piece) {
    return x.client.kind === H2 ? http2.writeBody(w, x, piece) : http1.writeBody(w, x, piece);
  },
  beginWrite(w: CodecContext, x) {
    if (x.client.kind !== H2) http1.beginWrite(w, x);
  },
  endWrite(w: CodecContext, x) {
    if (x.client.kind !== H2) http1.endWrite(w, x);
  },
  finish(w: CodecContext, x) {
    if (x.client.kind === H2) http2.finish(w, x);
    else http1.finish(w, x);
  },
  close(w: CodecContext, x, cut) {
    if (x.client.kind === H2) http2.close(w, x);
    else http1.close(w, x, cut);
  },
  moves(w: CodecContext, x) {
    return x.client.kind === H2 ? http2.moves() : http1.moves(w, x);
  },
  steer(w: CodecContext, x) {
    if (x.client.kind === H2) http2.steer(w, x);
    else http1.steer(w, x);
  },
  wake(w: CodecContext, x) {
    if (x.client.kind === H2) http2.wake(w, x);
    else http1.wake(w, x);
  },
  hasBody(x) {
    return x.client.kind === H2 ? http2.hasBody(x) : http1.hasBody(x);
  },
  beginBody(w: CodecContext, x) {
    if (x.client.kind !== H2) http1.beginBody(w, x);
  },
  releaseHead(w: CodecContext, x) {
    if (x.client.kind === H2) http2.releaseHead(w, x);
    else http1.releaseHead(w, x);
  },
  toTunnel(w: CodecContext, x, head, restAt, restBytes) {
    if (x.client.kind === H2) http2.toTunnel(w, x);
    else http1.toTunnel(w, x, head, restAt, restBytes);
  },
  readTarget(w: CodecContext, x) {
    return x.client.kind === H2 ? http2.readTarget(w, x) : http1.readTarget(w, x);
  },
};
