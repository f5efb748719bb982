// HTTP/2 in the role of a server, toward clients: what the frames of a connection mean (RFC 9113).
// Owns the states of streams as far as frames change them. Leaves the syntax of frames and blocks to frames-read.ts and blocks.ts,
// what becomes of a request to exchange/, and sending to flow.ts.

import { CHUNK_BYTES } from '../../engine/layout.js';
import { fail, requestHead, requestRefused } from '../../exchange/events.js';
import { KIND, NO_ADDRESS } from '../../exchange/exchange.js';
import { CLIENT_KIND } from '../../exchange/streams.js';
import { BODY } from '../../http/framing.js';
import type { ReasonCode } from '../../http/reasons.js';
import { CLIENT, type ClientConnection } from '../connections.js';
import type { CodecContext } from '../context.js';
import { check } from '../h1/check.js';
import { allowedTrailers } from '../h1/read-body.js';
import { watch } from '../progress.js';
import { ABUSE, ABUSE_ROWS } from './abuse.js';
import { BLOCK, BLOCK_SCOPE, blockScope } from './block-results.js';
import { GOAWAY, Http2Connection } from './connection.js';
import { failConnection, goAway, goAwayForGood } from './end-connection.js';
import { dropStream, resetStream } from './end-stream.js';
import { connectionGoesOn, streamGoesOn } from './flow.js';
import { H2_ERROR, WINDOW_MAX } from './frames.js';
import { FRAME } from './frames-read.js';
import { isMisdirected } from './misdirected.js';
import { passBody } from './read-body.js';
import { SETTING, WINDOW_USUAL } from './settings.js';
import { type Http2Stream, NO_LENGTH, NO_REFUSAL, STREAM } from './stream.js';
import { touch } from './touched.js';
import { giveCredit } from './windows.js';
import { writePing, writeReset, writeSettings, writeSettingsAck, writeWindowUpdate } from './write-frames.js';

/** Room that a head gets; a longer one goes to the overflow first. */
const HEAD_ROOM = 4096;
/** Streams that were refused and whose late frames are ignored, at most. */
const RESETS_MAX = 256;

/** The client speaks HTTP/2: what it sent already, preface and all, comes by `http2Data` next. */
export function http2Begin(w: CodecContext, client: ClientConnection): void {
  const { limits } = w;
  w.http2.makeRoom(limits.slabBytes);
  const c = new Http2Connection(client, limits.http2);
  client.http2 = c;
  w.http2.connections.add(c);
  client.kind = CLIENT_KIND.H2;
  client.to(CLIENT.HTTP2);
  c.idleAt = w.ticks.requestHead === 0 ? 0 : w.deadlines.now + w.ticks.requestHead;
  writeSettings(w, c, [
    [SETTING.MAX_CONCURRENT_STREAMS, limits.http2.streamsMax],
    [SETTING.MAX_HEADER_LIST_SIZE, limits.http2.listBytesMax],
    [SETTING.NO_RFC7540_PRIORITIES, 1],
  ]);
  const more = w.http2.connectionWindow - WINDOW_USUAL;
  writeWindowUpdate(w, c, 0, more);
  c.receiveWindow += more;
  touch(w, c);
}

/** Bytes of a connection of HTTP/2; their chunk reference passes to this function. */
export function http2Data(w: CodecContext, c: Http2Connection, at: number, bytes: number): void {
  const { area } = w.http2;
  const { reader } = c;
  const end = at + bytes;
  touch(w, c);
  let from = at;
  while (!c.closed) {
    const event = reader.read(area, from, end);
    if (event === FRAME.none) break;
    from = reader.next;
    frame(w, c, event);
  }
  w.engine.release(at);
}

function frame(w: CodecContext, c: Http2Connection, event: number): void {
  const { reader } = c;
  switch (event) {
    case FRAME.data:
      data(w, c);
      break;
    case FRAME.headers:
      headers(w, c);
      break;
    case FRAME.windowUpdate:
      windowUpdate(w, c, reader.stream, reader.increment);
      break;
    case FRAME.rstStream:
      streamReset(w, c, reader.stream);
      break;
    case FRAME.settings:
      settings(w, c);
      break;
    case FRAME.ping:
      if (calm(w, c, c.abuse.ping(w.deadlines.now))) return;
      writePing(w, c, true, reader.area.view.getInt32(reader.at), reader.area.view.getInt32(reader.at + 4));
      break;
    case FRAME.pingAck:
      if (c.goAway === GOAWAY.ANNOUNCED) goAwayForGood(w, c);
      else odd(w, c);
      break;
    case FRAME.goaway:
      // It will begin no more streams, and waits for those it has.
      goAwayForGood(w, c);
      break;
    case FRAME.streamError:
      if (reader.frameBytes > 0 && !countFrame(w, c, reader.frameBytes)) return;
      giveCredit(w, c, null, reader.frameBytes);
      streamError(w, c, reader.stream, reader.errorCode);
      break;
    case FRAME.connectionError:
      if (!reader.flooded || !calm(w, c, ABUSE.BLOCK)) failConnection(w, c, reader.errorCode, '');
      break;
    case FRAME.noPreface:
      w.count('VERSION_UNKNOWN');
      failConnection(w, c, H2_ERROR.PROTOCOL_ERROR, 'the preface is none of HTTP/2');
      break;
    case FRAME.priority:
    case FRAME.priorityUpdate:
      calm(w, c, c.abuse.priority());
      break;
    case FRAME.unknown:
      odd(w, c);
      break;
    default: // settingsAck, of ours
  }
}

/** Ends the connection when a row of abuse.ts says that it did more than it may. Returns whether it is over. */
function calm(w: CodecContext, c: Http2Connection, row: number): boolean {
  if (row === ABUSE.NONE) return false;
  const { limit, reason } = ABUSE_ROWS[row]!;
  w.count(reason);
  failConnection(w, c, H2_ERROR.ENHANCE_YOUR_CALM, limit);
  return true;
}

/** Something came that is of no use. With much of it, the client had better have another connection. */
function odd(w: CodecContext, c: Http2Connection): void {
  if (!calm(w, c, c.abuse.odd(w.deadlines.now)) && c.abuse.isOdd) goAway(w, c);
}

/** Something came for a stream that was never begun, which is an error of the connection: then it is over. */
function isIdle(w: CodecContext, c: Http2Connection, id: number): boolean {
  if (id <= c.lastId || c.goAway === GOAWAY.FINAL) return false;
  failConnection(w, c, H2_ERROR.PROTOCOL_ERROR, 'a frame for a stream that was not begun');
  return true;
}

// --- Requests -------------------------------------------------------------------------------------------------------------

/** A whole block of fields: a request, or the trailers of one. */
function headers(w: CodecContext, c: Http2Connection): void {
  const { reader } = c;
  const id = reader.stream;
  const s = c.streams.get(id);
  if (s !== undefined) {
    trailers(w, c, s);
  } else if (id <= c.lastId) {
    if (!skipBlock(w, c)) return;
    if (c.resets.has(id)) odd(w, c);
    else failConnection(w, c, H2_ERROR.STREAM_CLOSED, 'HEADERS on a stream that is over');
  } else if (c.goAway === GOAWAY.FINAL) {
    skipBlock(w, c); // beyond what was taken: the client sends it elsewhere
  } else {
    c.lastId = id;
    if (reader.selfDependent) refuseStream(w, c, id, H2_ERROR.PROTOCOL_ERROR);
    else if (c.streams.size >= c.limits.streamsMax) refuseStream(w, c, id, H2_ERROR.REFUSED_STREAM);
    else request(w, c, id);
  }
}

/** Reads a block that belongs to no message, for the sake of the table. False: the connection is over. */
function skipBlock(w: CodecContext, c: Http2Connection): boolean {
  if (w.http2.blocks.skip(c, c.reader) === BLOCK.ok) return true;
  failConnection(w, c, H2_ERROR.COMPRESSION_ERROR, 'the header block is not valid HPACK');
  return false;
}

/** Resets a stream before it is one, for what the client does wrong. */
function refuseStream(w: CodecContext, c: Http2Connection, id: number, error: number): void {
  if (!calm(w, c, c.abuse.ownReset())) resetUnbegun(w, c, id, error);
}

/** Resets a stream before it is one. */
function resetUnbegun(w: CodecContext, c: Http2Connection, id: number, error: number): void {
  if (!skipBlock(w, c)) return;
  writeReset(w, c, id, error);
  if (c.reader.ended) return;
  if (c.resets.size >= RESETS_MAX) c.resets.delete(c.resets.values().next().value!);
  c.resets.add(id);
}

/** A request begins: its stream, and its exchange. */
function request(w: CodecContext, c: Http2Connection, id: number): void {
  const { ended } = c.reader;
  const { blocks } = w.http2;
  const at = w.scratch(HEAD_ROOM);
  const s = at < 0 ? null : w.streamOpen();
  if (s === null) {
    // Our own shortage: it is not held against the client.
    resetUnbegun(w, c, id, H2_ERROR.REFUSED_STREAM);
    return;
  }
  const result = blocks.readRequest(c, c.reader, s.head, { at, bytes: HEAD_ROOM }, ended, false);
  if (result === BLOCK.compression) {
    w.streamFree(s);
    failConnection(w, c, H2_ERROR.COMPRESSION_ERROR, 'the header block is not valid HPACK');
    return;
  }
  s.open(c, id, WINDOW_USUAL);
  c.streams.set(id, s);
  s.remoteDone = ended;
  s.lengthLeft = blocks.contentLength;
  c.abuse.streamBegan();
  if (++c.requests >= c.limits.requestsMax) goAway(w, c);
  const refused = refusalOf(result) ?? keepHead(w, s);
  const { x } = s;
  x.begin(KIND.REQUEST, w.ids.next(), refused === null ? s.head : null, refused === null ? s.head.base : NO_ADDRESS);
  if (refused !== null) {
    const isMalformed = blockScope(result) === BLOCK_SCOPE.malformed;
    if (isMalformed) s.refusal = H2_ERROR.PROTOCOL_ERROR;
    requestRefused(w, x, refused);
    if (isMalformed) calm(w, c, c.abuse.ownReset());
    return;
  }
  w.counters.requests++;
  const wrong = check(w, x) ?? (isMisdirected(w, s) ? 'MISDIRECTED' : null);
  if (wrong !== null) {
    fail(w, x, wrong);
    return;
  }
  // A body that does not say how long it is has frames around it: toward HTTP/1, chunks.
  if (!ended && s.lengthLeft === NO_LENGTH) x.request.set(BODY.chunked, 0);
  requestHead(w, x);
}

function refusalOf(result: number): ReasonCode | null {
  switch (blockScope(result)) {
    case BLOCK_SCOPE.none:
      return null;
    case BLOCK_SCOPE.tooLarge:
      return 'HEAD_TOO_LARGE';
    case BLOCK_SCOPE.methodUnknown:
      return 'METHOD_UNKNOWN';
    default:
      return 'REQUEST_MALFORMED';
  }
}

/** Keeps the head that was read where it lies, with a reference for its exchange; one in the overflow is moved out of there first. */
function keepHead(w: CodecContext, s: Http2Stream): ReasonCode | null {
  const { head } = s;
  const { overflow } = w.http2;
  if (head.targetBytes > w.limits.uriBytesMax) return 'URI_TOO_LONG';
  if (head.bytes > w.limits.headBytesMax) return 'HEAD_TOO_LARGE';
  const isOver = overflow.at >= 0 && head.base >= overflow.at && head.base < overflow.at + overflow.bytes;
  if (isOver && head.bytes > CHUNK_BYTES) {
    const run = w.engine.runTake(head.bytes);
    if (run < 0) return 'OVERLOADED';
    w.memory.copyWithin(run, head.base, head.base + head.bytes);
    head.base = run;
    s.headRunBytes = head.bytes;
    return null;
  }
  if (isOver) {
    const at = w.scratch(head.bytes);
    if (at < 0) return 'OVERLOADED';
    w.memory.copyWithin(at, head.base, head.base + head.bytes);
    head.base = at;
  }
  w.writer.at = head.base + head.bytes;
  w.scratchKeep();
  w.engine.retain(head.base);
  return null;
}

/** A second block on a stream: its trailers, which end it. */
function trailers(w: CodecContext, c: Http2Connection, s: Http2Stream): void {
  const { blocks } = w.http2;
  const { ended } = c.reader;
  if (s.remoteDone) {
    if (skipBlock(w, c)) failStream(w, s, H2_ERROR.STREAM_CLOSED);
    return;
  }
  const at = w.scratch(HEAD_ROOM);
  const result = at < 0 ? BLOCK.noRoom : blocks.readTrailers(c, c.reader, { at, bytes: HEAD_ROOM });
  if (result === BLOCK.compression || (at < 0 && !skipBlock(w, c))) {
    failConnection(w, c, H2_ERROR.COMPRESSION_ERROR, 'the header block is not valid HPACK');
    return;
  }
  if (!ended || result !== BLOCK.ok || s.lengthLeft > 0) {
    const calm = blockScope(result) === BLOCK_SCOPE.tooLarge ? H2_ERROR.ENHANCE_YOUR_CALM : H2_ERROR.PROTOCOL_ERROR;
    failStream(w, s, calm);
    return;
  }
  s.requestTrailers = allowedTrailers(blocks.trailers, s.listener.http.ownField);
  s.remoteDone = true;
  if (s.state === STREAM.OPEN) passBody(w, s, 0, 0);
}

// --- Bodies ---------------------------------------------------------------------------------------------------------------

/** What a frame counts for the window of the connection. False: the client has sent more than it may. */
function countFrame(w: CodecContext, c: Http2Connection, bytes: number): boolean {
  c.receiveWindow -= bytes;
  if (c.receiveWindow >= 0) return true;
  failConnection(w, c, H2_ERROR.FLOW_CONTROL_ERROR, 'DATA beyond the window of the connection');
  return false;
}

/** A frame of DATA begins. Returns whether the stream it is for goes on. */
function beginData(w: CodecContext, c: Http2Connection, s: Http2Stream | undefined): boolean {
  const { stream: id, frameBytes, dataBytes, ended } = c.reader;
  c.isDropping = s === undefined;
  if (s === undefined && isIdle(w, c, id)) return false;
  if (!countFrame(w, c, frameBytes)) return false;
  if (s === undefined) {
    giveCredit(w, c, null, frameBytes);
    if (c.resets.has(id) || id > c.lastId) return false;
    failConnection(w, c, H2_ERROR.STREAM_CLOSED, 'DATA on a stream that is over');
    return false;
  }
  if (calm(w, c, c.abuse.data(w.deadlines.now, dataBytes, ended))) return false;
  s.receiveWindow -= frameBytes;
  const padding = frameBytes - dataBytes;
  if (padding > 0) giveCredit(w, c, s.remoteDone ? null : s, padding);
  if (s.remoteDone) failStream(w, s, H2_ERROR.STREAM_CLOSED);
  else if (s.receiveWindow < 0) failStream(w, s, H2_ERROR.FLOW_CONTROL_ERROR);
  else return true;
  if (!c.closed) giveCredit(w, c, null, c.reader.bytes);
  return false;
}

/** A piece of DATA. */
function data(w: CodecContext, c: Http2Connection): void {
  const { stream: id, first, at, bytes, ended } = c.reader;
  const s = c.streams.get(id);
  if (first && !beginData(w, c, s)) return;
  if (s === undefined) {
    // It was reset in the middle of the frame.
    if (!c.isDropping) giveCredit(w, c, null, bytes);
    return;
  }
  if (ended) s.remoteDone = true;
  if (s.state !== STREAM.OPEN) {
    giveCredit(w, c, null, bytes);
    return;
  }
  if (s.lengthLeft !== NO_LENGTH) {
    s.lengthLeft -= bytes;
    if (s.lengthLeft < 0 || (ended && s.lengthLeft > 0)) {
      giveCredit(w, c, null, bytes);
      failStream(w, s, H2_ERROR.PROTOCOL_ERROR);
      return;
    }
  }
  passBody(w, s, at, bytes);
}

// --- What ends or changes streams -----------------------------------------------------------------------------------------

/** Ends a stream for what the client did wrong on it. */
function failStream(w: CodecContext, s: Http2Stream, error: number): void {
  if (calm(w, s.connection, s.connection.abuse.ownReset())) return;
  if (s.state !== STREAM.OPEN) {
    resetStream(w, s, error);
    return;
  }
  if (s.refusal === NO_REFUSAL) s.refusal = error;
  fail(w, s.x, 'REQUEST_MALFORMED');
}

function streamError(w: CodecContext, c: Http2Connection, id: number, error: number): void {
  const s = c.streams.get(id);
  if (s !== undefined) {
    failStream(w, s, error);
    return;
  }
  odd(w, c);
  if (!c.closed && !c.resets.has(id)) writeReset(w, c, id, error);
}

/** The client has reset a stream: its exchange ends as one whose client has left. */
function streamReset(w: CodecContext, c: Http2Connection, id: number): void {
  const s = c.streams.get(id);
  if (s === undefined) {
    if (!isIdle(w, c, id)) odd(w, c);
    return;
  }
  if (calm(w, c, c.abuse.reset(w.deadlines.now, !s.x.responseStarted && s.state === STREAM.OPEN))) return;
  s.gone = true;
  s.remoteDone = true;
  if (s.state === STREAM.OPEN) fail(w, s.x, 'CLIENT_LEFT');
  else dropStream(w, s);
}

function windowUpdate(w: CodecContext, c: Http2Connection, id: number, increment: number): void {
  if (calm(w, c, c.abuse.windowUpdate())) return;
  if (id === 0) {
    c.sendWindow += increment;
    if (c.sendWindow > WINDOW_MAX) failConnection(w, c, H2_ERROR.FLOW_CONTROL_ERROR, 'a window over 2^31-1');
    else connectionGoesOn(w, c);
    return;
  }
  const s = c.streams.get(id);
  if (s === undefined) {
    // Mostly for a stream that has just ended: no more than that is due.
    isIdle(w, c, id);
    return;
  }
  s.sendWindow += increment;
  if (s.sendWindow > WINDOW_MAX) failStream(w, s, H2_ERROR.FLOW_CONTROL_ERROR);
  else if (s.blocked) streamGoesOn(w, s);
}

function settings(w: CodecContext, c: Http2Connection): void {
  const { area, at, bytes } = c.reader;
  if (calm(w, c, c.abuse.settings(w.deadlines.now))) return;
  const error = c.peer.apply(area, at, bytes);
  if (error !== H2_ERROR.NO_ERROR) {
    failConnection(w, c, error, 'SETTINGS out of range');
    return;
  }
  c.encoderTable.allow(c.peer.tableBytesLeast);
  c.encoderTable.allow(c.peer.tableBytesMax);
  writeSettingsAck(w, c);
  if (shiftWindows(c, c.peer.windowChange)) connectionGoesOn(w, c);
  else failConnection(w, c, H2_ERROR.FLOW_CONTROL_ERROR, 'a window over 2^31-1');
}

/** The windows of the streams there are shift with that of new ones, and may be below 0 then (RFC 9113, 6.9.2). False: one is too large. */
function shiftWindows(c: Http2Connection, by: number): boolean {
  if (by === 0) return true;
  for (const s of c.streams.values()) {
    s.sendWindow += by;
    if (s.sendWindow > WINDOW_MAX) return false;
  }
  return true;
}

// --- The socket -----------------------------------------------------------------------------------------------------------

/** The client's socket takes no more, or takes bytes again. */
export function http2Flow(w: CodecContext, c: Http2Connection, blocked: boolean): void {
  const { client } = c;
  client.blocked = blocked;
  c.waitingFrames = 0;
  if (blocked) watch(w, client, w.ticks.responseIdle);
  else connectionGoesOn(w, c);
  touch(w, c);
}
