// Reads the head of a response, cut anywhere, in place.
// Owns parking, as read-head.ts does for requests. Leaves what a head means to client.ts.

import type { Head } from '../../http/head.js';
import type { HeadParser } from '../../http/llhttp.js';
import { PARSED } from '../../http/parsed.js';
import type { BackendConnection } from '../connections.js';
import type { CodecContext } from '../context.js';
import { isLong, type LongHead, moveToRun } from './long-head.js';
import { type HeadResult, park, unpark } from './read-head.js';

const LETTER_H = 0x48;
const SPACE = 0x20;
const CR = 0x0d;
const TAB = 0x09;
const DEL = 0x7f;
const STATUS_MAX = 599;
/** Where the reason of a status line begins, or the CR behind a status without one. */
const REASON_AT = 'HTTP/1.1 200'.length;

/**
 * Reads on with the bytes from `from` to `end`, whose chunk stays the caller's. When it is complete, the head stands in
 * `backend.parser`; one that was long lies in a run of chunks then, with a reference for the caller on each. When it is partial, its
 * bytes are parked: release the chunk, then `readOn`.
 */
export function readResponseHead(w: CodecContext, backend: BackendConnection, from: number, end: number): HeadResult {
  const long = backend.longHead;
  switch (parse(w, backend, from, end - from)) {
    case PARSED.partial:
      return more(w, backend, backend.parser!, from, end);
    case PARSED.complete:
      return complete(w, backend, backend.parser!.head, long, from);
    case PARSED.tooManyFields:
      return 'RESPONSE_HEAD_TOO_LARGE';
    default:
      return 'RESPONSE_MALFORMED';
  }
}

/**
 * A parked head goes on at `at`. What was received behind it in the same batch has no room in front: then it goes on as a long
 * one. False: there is no room for it.
 */
export function goesOn(w: CodecContext, backend: BackendConnection, at: number): boolean {
  const { parked } = backend;
  if (parked === null || at - w.engine.chunkOf(at) >= parked.length) return true;
  backend.parked = null;
  backend.longHead = w.longHeads.collect(null, parked.bytes, 0, parked.length);
  return backend.longHead !== null;
}

/** Receives what follows a parked head, with room for that in front. */
export function readOn(w: CodecContext, backend: BackendConnection): void {
  backend.paused = false;
  w.engine.readStart(backend.conn, backend.parked === null ? 0 : backend.parked.length);
}

function parse(w: CodecContext, backend: BackendConnection, at: number, bytes: number): number {
  if (backend.longHead !== null) {
    // What has to be mended lies elsewhere by now: only the first half chunk of a head is.
    if (backend.parser!.heldBack > 0) return PARSED.invalid;
    backend.longHead.placeBefore(backend.parser!, at);
    return backend.parser!.executeHeadPiece(at, bytes);
  }
  if (backend.parked !== null) {
    unpark(w, backend.parser!, backend.parked, at);
    backend.parked = null;
  } else {
    backend.parser ??= w.llhttp.acquireResponse();
    if (backend.parser === null) return PARSED.invalid;
    backend.parser.begin(at, w.limits.fieldsMax);
  }
  return backend.parser!.executeResponseHead(at, bytes);
}

function complete(
  w: CodecContext,
  backend: BackendConnection,
  head: Head,
  long: LongHead | null,
  at: number,
): HeadResult {
  if (head.bytes > w.limits.headBytesMax) return 'RESPONSE_HEAD_TOO_LARGE';
  if (long !== null && !endLongHead(w, backend, long, at)) return 'OVERLOADED';
  if (lineValid(w.memory, head)) return 'complete';
  if (long !== null) w.engine.runRelease(head.base, head.bytes);
  return 'RESPONSE_MALFORMED';
}

/** A long response head is complete: from here on it lies in a run of chunks. False: the slab has none. */
function endLongHead(w: CodecContext, backend: BackendConnection, long: LongHead, at: number): boolean {
  const moved = moveToRun(w, backend.parser!, long, at);
  w.longHeads.drop(long);
  backend.longHead = null;
  return moved;
}

/**
 * llhttp skips empty lines in front of a response, takes any three digits, and lets control characters pass in a reason, which
 * has none but the tab (RFC 9112, 4). Hot.
 */
function lineValid(memory: Uint8Array, { base, status }: Head): boolean {
  if (memory[base] !== LETTER_H || status < 100 || status > STATUS_MAX) return false;
  for (let at = base + REASON_AT; memory[at] !== CR; at++) {
    const byte = memory[at]!;
    if ((byte < SPACE && byte !== TAB) || byte === DEL) return false;
  }
  return true;
}

/** The head goes on: keeps its new bytes, from `from` to `end`, outside the slab. */
function more(w: CodecContext, backend: BackendConnection, parser: HeadParser, from: number, end: number): HeadResult {
  const { headBytesMax } = w.limits;
  const received = end - parser.head.base;
  if (received >= headBytesMax) return 'RESPONSE_HEAD_TOO_LARGE';
  if (backend.longHead === null && !isLong(headBytesMax, received)) {
    backend.parked = park(w, parser, end);
    return 'partial';
  }
  // A head that was mended begins behind the bytes it came with.
  const newAt = backend.longHead === null ? parser.head.base : from;
  backend.longHead = w.longHeads.collect(backend.longHead, w.memory, newAt, end);
  return backend.longHead === null ? 'OVERLOADED' : 'partial';
}
