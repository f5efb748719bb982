// Writes the heads of responses for streams: what of a server's head goes on, and what we add, as one header block each.
// Owns which fields those are; they are the same as toward HTTP/1, but for all that describes a connection (RFC 9113, 8.2.2).
// Leaves the block to hpack/encoder.ts, and its frames to write-frames.ts.

import { sessionLine } from '../../exchange/affinity.js';
import type { Exchange } from '../../exchange/exchange.js';
import type { HeadEdit } from '../../exchange/head-edit.js';
import { httpDate } from '../../http/date.js';
import { FIELD_ID, HOP_BY_HOP } from '../../http/fields.js';
import { FIELD, type Head } from '../../http/head.js';
import type { CodecContext } from '../context.js';
import type { Http2Stream } from './stream.js';
import { writeBlock } from './write-frames.js';

const bits = (...ids: number[]): number => ids.reduce((all, id) => all | (1 << id), 0);

/** Fields that always end at this hop. */
const ENDS_HERE = bits(...HOP_BY_HOP);
/** And in a response without a body by its status, the length of one (RFC 9110, 8.6). */
const BODILESS_ENDS_HERE = ENDS_HERE | bits(FIELD_ID.CONTENT_LENGTH);

/** Adds what of a server's head goes on, changed by `edit`. Hot. */
function addFields(w: CodecContext, head: Head, edit: HeadEdit | null): void {
  const { memory, tokens } = w;
  const { fields } = head;
  const { area, encoder } = w.http2;
  const drops = head.status < 200 || head.status === 204 ? BODILESS_ENDS_HERE : ENDS_HERE;
  const rewrites = edit === null ? 0 : edit.rewriteIds;
  tokens.readAll(memory, head);
  for (let i = 0, field = 0; i < head.fieldCount; i++, field += FIELD.WORDS) {
    const id = fields[field + FIELD.id]!;
    const bit = 1 << id;
    if ((drops & bit) !== 0) continue;
    const nameAt = head.nameAt(field);
    const nameBytes = head.nameBytes(field);
    if (tokens.count > 0 && tokens.has(memory, id, nameAt, nameBytes)) continue;
    if (edit?.drops(memory, nameAt, nameBytes) === true) continue;
    if ((rewrites & bit) !== 0) addRewritten(w, head, field, id, edit!);
    else encoder.field(area, nameAt, nameBytes, head.valueAt(field), head.valueBytes(field));
  }
}

/** Adds a field whose value filters replace. */
function addRewritten(w: CodecContext, head: Head, field: number, id: number, edit: HeadEdit): void {
  const { buffer } = w.memory;
  const [nameAt, nameBytes] = [head.nameAt(field), head.nameBytes(field)];
  const value = Buffer.from(buffer, head.valueAt(field), head.valueBytes(field)).toString('latin1');
  const name = Buffer.from(buffer, nameAt, nameBytes).toString('latin1');
  w.http2.encoder.lines(`${name}: ${edit.valueOf(id, w.memory, nameAt, nameBytes, value)}\r\n`);
}

/** Sends the block that was filled. False: the slab is full. */
function sendBlock(w: CodecContext, s: Http2Stream, ends: boolean): boolean {
  const { encoder } = w.http2;
  s.x.bytesOut += encoder.length;
  return writeBlock(w, s.connection, s.id, encoder.area.bytes, encoder.length, ends);
}

/** Sends an interim response (1xx). */
export function writeInterimHead(w: CodecContext, s: Http2Stream, head: Head): void {
  const { encoder } = w.http2;
  encoder.begin(s.connection.encoderTable);
  encoder.status(head.status);
  addFields(w, head, null);
  sendBlock(w, s, false);
}

/** Sends the head of the final response, changed by `edit`. `ends`: it has no body. False: the slab is full. */
export function writeResponseHead(
  w: CodecContext,
  s: Http2Stream,
  head: Head,
  edit: HeadEdit | null,
  ends: boolean,
): boolean {
  const x = s.x;
  const { encoder } = w.http2;
  encoder.begin(s.connection.encoderTable);
  encoder.status(head.status);
  addFields(w, head, edit);
  addOwn(w, x, head, edit);
  return sendBlock(w, s, ends);
}

/** What we add to a server's head. */
function addOwn(w: CodecContext, x: Exchange, head: Head, edit: HeadEdit | null): void {
  const { encoder } = w.http2;
  if (edit !== null) encoder.lines(edit.lines);
  // A recipient with a clock says when it got a response that does not tell (RFC 9110, 6.6.1).
  if (!head.has(FIELD_ID.DATE) && edit?.owns(FIELD_ID.DATE) !== true) encoder.lines(`Date: ${httpDate()}\r\n`);
  if (x.splitLine !== '' && !x.fellBack) encoder.lines(x.splitLine);
  const session = sessionLine(x);
  if (session !== null) encoder.lines(session);
  encoder.lines(w.strictTransportOf(x.client));
}

/** Sends the head of a response of our own; `lines` are its fields. */
export function writeReplyHead(w: CodecContext, s: Http2Stream, status: number, lines: string, ends: boolean): boolean {
  const { encoder } = w.http2;
  encoder.begin(s.connection.encoderTable);
  encoder.status(status);
  encoder.lines(lines);
  return sendBlock(w, s, ends);
}

/** Sends the trailers of a response, and its end. False: the slab is full. */
export function writeTrailers(w: CodecContext, s: Http2Stream): boolean {
  const { encoder } = w.http2;
  encoder.begin(s.connection.encoderTable);
  encoder.lines(s.trailers);
  return sendBlock(w, s, true);
}
