// A strict reader of HTTP/1 messages for assertions: what it cannot read exactly, it refuses.
// Owns splitting bytes into messages. Written apart from the product's parser, so that both can be wrong only separately.

/** Field lines in wire order, names in lower case. */
export type FieldLines = readonly (readonly [name: string, value: string])[];

/** One message as it stood on the wire. Text is latin1: one character per byte. */
export interface Message {
  readonly startLine: string;
  readonly fields: FieldLines;
  /** Decoded: chunk framing is gone. */
  readonly body: string;
  readonly trailers: FieldLines;
  readonly framing: 'none' | 'length' | 'chunked' | 'eof' | 'tunnel';
  /** False when the bytes ended before the message did. Only `readCutResponse` answers such messages. */
  readonly complete: boolean;
  /** Offset of the first byte after this message. */
  readonly end: number;
}

/** The bytes break HTTP/1's grammar. */
export class MalformedMessage extends Error {
  constructor(what: string, bytes: string, at: number) {
    super(`${what} at byte ${at}: ${JSON.stringify(bytes.slice(Math.max(0, at - 40), at + 80))}`);
    this.name = 'MalformedMessage';
  }
}

/** What the first line of a message has to look like. */
export const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\xff]+ HTTP\/1\.[01]$/;
export const STATUS_LINE = /^HTTP\/1\.1 [1-9]\d\d [\t\x20-\x7e\x80-\xff]*$/;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Field values: no control characters but the tab (RFC 9110, 5.5).
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The field lines that start at `at`, up to and with the empty line; undefined while they are incomplete. */
export function readFields(bytes: string, at: number): { fields: [string, string][]; end: number } | undefined {
  const fields: [string, string][] = [];
  let from = at;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', from);
    if (lineEnd < 0) return undefined;
    const line = bytes.slice(from, lineEnd);
    if (line === '') return { fields, end: lineEnd + 2 };
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '');
    if (!TOKEN.test(name)) throw new MalformedMessage('a field name that is no token', bytes, from);
    if (!VALUE.test(value)) throw new MalformedMessage('a field value with control characters', bytes, from);
    fields.push([name.toLowerCase(), value]);
    from = lineEnd + 2;
  }
}

/** Every value of field `name` (lower case), in order. */
export function fieldValues(message: Pick<Message, 'fields'>, name: string): string[] {
  return message.fields.filter(([field]) => field === name).map(([, value]) => value);
}

/** The one value of field `name`, or undefined. Two of them are an error. */
export function fieldValue(message: Pick<Message, 'fields'>, name: string): string | undefined {
  const values = fieldValues(message, name);
  if (values.length > 1) throw new Error(`field ${name} stands ${values.length} times: ${JSON.stringify(values)}`);
  return values[0];
}

/** Status of a response message. */
export function statusOf(message: Message): number {
  return Number(message.startLine.slice(9, 12));
}

type Body = Pick<Message, 'body' | 'trailers' | 'framing' | 'complete' | 'end'>;

function readChunked(bytes: string, at: number): Body | undefined {
  let body = '';
  let from = at;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', from);
    if (lineEnd < 0) return undefined;
    const size = bytes.slice(from, lineEnd);
    if (!/^[0-9A-Fa-f]{1,8}$/.test(size)) throw new MalformedMessage('a chunk size that is not plain hex', bytes, from);
    const length = Number.parseInt(size, 16);
    from = lineEnd + 2;
    if (length === 0) {
      const tail = readFields(bytes, from);
      if (tail === undefined) return undefined;
      return { body, trailers: tail.fields, framing: 'chunked', complete: true, end: tail.end };
    }
    if (bytes.length < from + length + 2) return undefined;
    body += bytes.slice(from, from + length);
    from += length;
    if (bytes.slice(from, from + 2) !== '\r\n') throw new MalformedMessage('a chunk without its CRLF', bytes, from);
    from += 2;
  }
}

function readCounted(bytes: string, at: number, value: string): Body | undefined {
  if (!/^\d{1,15}$/.test(value)) throw new MalformedMessage(`Content-Length ${value}`, bytes, at);
  const end = at + Number(value);
  if (bytes.length < end) return undefined;
  return { body: bytes.slice(at, end), trailers: [], framing: 'length', complete: true, end };
}

const noBody = (at: number): Body => ({ body: '', trailers: [], framing: 'none', complete: true, end: at });

/** Refuses what would let two readers disagree about where a message ends. */
export function framingFields(bytes: string, at: number, fields: FieldLines): { length?: string; chunked: boolean } {
  const lengths = fieldValues({ fields }, 'content-length');
  const codings = fieldValues({ fields }, 'transfer-encoding');
  if (lengths.length > 1) throw new MalformedMessage('two Content-Length fields', bytes, at);
  if (lengths.length > 0 && codings.length > 0) throw new MalformedMessage('both framings', bytes, at);
  if (codings.length > 1 || (codings.length === 1 && codings[0]!.toLowerCase() !== 'chunked')) {
    throw new MalformedMessage(`Transfer-Encoding ${codings.join(' | ')}`, bytes, at);
  }
  return { chunked: codings.length > 0, ...(lengths[0] === undefined ? {} : { length: lengths[0] }) };
}

/**
 * The request that starts at `at`, or undefined while it is incomplete.
 * After a request with `Upgrade` (and after CONNECT) all that follows belongs to it, as `tunnel`.
 */
export function readRequest(bytes: string, at = 0): Message | undefined {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const startLine = bytes.slice(at, lineEnd);
  if (!REQUEST_LINE.test(startLine)) {
    throw new MalformedMessage('not a request line', bytes, at);
  }
  const head = readFields(bytes, lineEnd + 2);
  if (head === undefined) return undefined;
  const framing = framingFields(bytes, at, head.fields);
  const body = framing.chunked
    ? readChunked(bytes, head.end)
    : framing.length !== undefined
      ? readCounted(bytes, head.end, framing.length)
      : noBody(head.end);
  if (body === undefined) return undefined;
  if (fieldValues(head, 'upgrade').length > 0 && body.framing === 'none') {
    const tunnel = { body: bytes.slice(head.end), trailers: [], framing: 'tunnel', complete: true } as const;
    return { startLine, fields: head.fields, ...tunnel, end: bytes.length };
  }
  return { startLine, fields: head.fields, ...body };
}

/**
 * The response that starts at `at`, or undefined while it is incomplete.
 *
 * @param method of the request it answers: HEAD has no body.
 * @param ended  the connection is over, so a response that ends with it is complete.
 */
export function readResponse(bytes: string, at: number, method: string, ended: boolean): Message | undefined {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const startLine = bytes.slice(at, lineEnd);
  if (!STATUS_LINE.test(startLine)) {
    throw new MalformedMessage('not a status line', bytes, at);
  }
  const head = readFields(bytes, lineEnd + 2);
  if (head === undefined) return undefined;
  const status = Number(startLine.slice(9, 12));
  const framing = framingFields(bytes, at, head.fields);
  let body: Body | undefined;
  if (status === 101) {
    body = { body: bytes.slice(head.end), trailers: [], framing: 'tunnel', complete: true, end: bytes.length };
  } else if (status < 200 || status === 204 || status === 304 || method === 'HEAD') {
    body = noBody(head.end);
  } else if (framing.chunked) {
    body = readChunked(bytes, head.end);
  } else if (framing.length !== undefined) {
    body = readCounted(bytes, head.end, framing.length);
  } else if (ended) {
    body = { body: bytes.slice(head.end), trailers: [], framing: 'eof', complete: true, end: bytes.length };
  }
  return body === undefined ? undefined : { startLine, fields: head.fields, ...body };
}

/** The final response that starts at `at`, with the 1xx before it; undefined while it is incomplete. */
export function readFinalResponse(
  bytes: string,
  at: number,
  method: string,
  ended: boolean,
): { informational: Message[]; final: Message } | undefined {
  const informational: Message[] = [];
  let from = at;
  for (;;) {
    const message = readResponse(bytes, from, method, ended);
    if (message === undefined) return undefined;
    const status = statusOf(message);
    if (status >= 200 || status === 101) return { informational, final: message };
    informational.push(message);
    from = message.end;
  }
}

/** Reads all complete responses to `methods`, in order; stops early where the bytes stop. */
export function readResponses(bytes: string, methods: readonly string[], ended: boolean): Message[] {
  const messages: Message[] = [];
  let at = 0;
  for (const method of methods) {
    const answer = readFinalResponse(bytes, at, method, ended);
    if (answer === undefined) break;
    messages.push(answer.final);
    at = answer.final.end;
  }
  return messages;
}
