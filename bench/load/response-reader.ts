// Finds where responses end in a stream of bytes, and what status they had: all that a load generator has to know.
// Understands Content-Length, chunked and until-close bodies; judges nothing, the origin is ours or the user's own.

const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');

/*
 *  HEAD ─┬─ length ──► COUNTED ─────────────── last byte ──► HEAD
 *    ▲   ├─ chunked ─► SIZE ⇄ COUNTED (a chunk), then TRAILER ─► HEAD
 *    └───┤ no body, 1xx
 *        └─ neither ─► UNTIL_CLOSE ── close() ──► HEAD
 */
type State = 'head' | 'counted' | 'size' | 'trailer' | 'until-close';

/** One reader per connection; feed it every chunk in order. */
export class ResponseReader {
  /** Status of the last finished response; 0 before the first. */
  status = 0;
  /** Whether the connection may not be used again after the last finished response. */
  closing = false;
  private state: State = 'head';
  private chunked = false;
  private left = 0;
  private rest: Buffer = Buffer.alloc(0);
  private pendingStatus = 0;

  /** Takes the next bytes; says how many responses they finished. Throws on what is not HTTP. */
  push(chunk: Buffer): number {
    let data = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let finished = 0;
    for (;;) {
      if (this.state === 'counted') {
        const taken = Math.min(this.left, data.length);
        this.left -= taken;
        data = data.subarray(taken);
        if (this.left > 0) break;
        if (this.chunked) this.state = 'size';
        else finished += this.finish();
        continue;
      }
      if (this.state === 'until-close') {
        data = data.subarray(data.length);
        break;
      }
      const mark = this.state === 'head' ? HEAD_END : LINE_END;
      const end = data.indexOf(mark);
      if (end < 0) break;
      const text = data.toString('latin1', 0, end);
      data = data.subarray(end + mark.length);
      finished += this.line(text);
    }
    this.rest = data;
    return finished;
  }

  /** The connection ended: says whether that finished a response (1) or not (0). */
  close(): number {
    return this.state === 'until-close' ? this.finish() : 0;
  }

  /** Forgets everything, for the next connection. */
  reset(): void {
    this.state = 'head';
    this.rest = Buffer.alloc(0);
    this.closing = false;
  }

  /** A head, a chunk's size or a trailer line, without its end; says whether it finished a response. */
  private line(text: string): number {
    if (this.state === 'head') return this.head(text);
    if (this.state === 'trailer') return text === '' ? this.finish() : 0;
    // What follows a chunk's bytes is an empty line, then the next size.
    if (text === '') return 0;
    const size = Number.parseInt(text, 16);
    if (Number.isNaN(size)) throw new Error(`expected the size of a chunk, found '${text.slice(0, 40)}'`);
    this.left = size;
    this.state = size === 0 ? 'trailer' : 'counted';
    return 0;
  }

  private head(text: string): number {
    const match = /^HTTP\/1\.([01]) (\d{3})/.exec(text);
    if (match === null) throw new Error(`expected a response, found '${text.slice(0, 40)}'`);
    const status = Number(match[2]);
    if (status < 200) return 0;
    this.pendingStatus = status;
    this.closing = match[1] === '0' ? !/^connection: *keep-alive/im.test(text) : /^connection: *close/im.test(text);
    this.chunked = /^transfer-encoding:.*chunked/im.test(text);
    const length = /^content-length: *(\d+)/im.exec(text)?.[1];
    if (status === 204 || status === 304) return this.finish();
    if (this.chunked) this.state = 'size';
    else if (length === undefined) {
      this.state = 'until-close';
      this.closing = true;
    } else if (Number(length) === 0) return this.finish();
    else {
      this.left = Number(length);
      this.state = 'counted';
    }
    return 0;
  }

  private finish(): number {
    this.status = this.pendingStatus;
    this.state = 'head';
    return 1;
  }
}
