// Reads the corpus: Markdown files of protocol cases, described in README.md beside them.
// Owns the file format. Leaves replaying the cases to replay.ts.

import { readFileSync } from 'node:fs';
import { readRequest, readResponse, statusOf } from '../support/messages.js';
import { describeRequest, describeResponse } from './describe.js';

/** One case: bytes in, and what must come of them. */
export interface WireCase {
  readonly name: string;
  /** What the client sends. */
  readonly sends: string;
  /** Methods of the requests in `sends` that are answered, in order. */
  readonly methods: readonly string[];
  /** What the origin sends for each request it reads. */
  readonly answers: string;
  /** The origin closes after its answer. */
  readonly originCloses: boolean;
  /** Descriptions of the requests the origin must have seen, in any order: variants run side by side. */
  readonly originSees: readonly string[];
  /** A request may reach the origin more than once: it is retried. */
  readonly retried: boolean;
  /** Descriptions of the responses the client must see, in order. */
  readonly clientSees: readonly string[];
  /** The status of an answer of the proxy's own that follows `clientSees`, or 0. */
  readonly ownStatus: number;
  /** The client's connection ends after the last response. */
  readonly closes: boolean;
}

/** A line of a block stands for itself and CRLF; a backslash at its end leaves CRLF out; \r \n \t \0 \xNN \\ are bytes. */
export function bytesOf(lines: readonly string[]): string {
  return lines
    .map((line) => {
      const open = /(^|[^\\])(\\\\)*\\$/.test(line);
      const text = open ? line.slice(0, -1) : line;
      const bytes = text.replace(/\\(x[0-9a-fA-F]{2}|[rnt0\\])/g, (_, code: string) => {
        if (code[0] === 'x') return String.fromCharCode(Number.parseInt(code.slice(1), 16));
        return { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' }[code]!;
      });
      return open ? bytes : `${bytes}\r\n`;
    })
    .join('');
}

const BLOCKS = ['sends', 'answers', 'origin-sees', 'client-sees'];
const BULLETS = ['answers', 'then', 'origin', 'methods', 'retried'];
const DEFAULT_ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** All cases of one file beside this module. */
export function readCorpus(fileName: string): WireCase[] {
  const lines = readFileSync(new URL(fileName, import.meta.url), 'utf8').split('\n');
  const cases: WireCase[] = [];
  let name = '';
  let at = 0;
  let blocks = new Map<string, string>();
  let bullets = new Map<string, string>();
  const fail = (what: string): never => {
    throw new Error(`${fileName}:${at + 1}: ${what}`);
  };
  const finish = (): void => {
    if (name !== '') cases.push(toCase(name, blocks, bullets, fail));
    blocks = new Map();
    bullets = new Map();
  };
  for (; at < lines.length; at++) {
    const line = lines[at]!;
    if (line.startsWith('## ')) {
      finish();
      name = line.slice(3);
    } else if (line.startsWith('```')) {
      const kind = line.slice(3);
      if (!BLOCKS.includes(kind)) fail(`a block is one of ${BLOCKS.join(', ')}, not '${kind}'`);
      const from = at + 1;
      at = lines.indexOf('```', from);
      if (at < 0) fail('a block without its end');
      blocks.set(kind, bytesOf(lines.slice(from, at)));
    } else if (line.startsWith('- ') && name !== '') {
      const [key, value] = line.slice(2).split(': ');
      if (!BULLETS.includes(key!) || value === undefined) fail(`a bullet is one of ${BULLETS.join(', ')}`);
      else bullets.set(key!, value);
    }
  }
  finish();
  return cases;
}

function toCase(
  name: string,
  blocks: ReadonlyMap<string, string>,
  bullets: ReadonlyMap<string, string>,
  fail: (what: string) => never,
): WireCase {
  const sends = blocks.get('sends') ?? fail(`case '${name}' sends nothing`);
  const answers = blocks.get('answers') ?? DEFAULT_ANSWER;
  const methods = bullets.get('methods')?.split(' ') ?? methodsOf(sends);
  const ownStatus = Number(bullets.get('answers') ?? 0);
  const seen = blocks.get('client-sees') ?? (ownStatus === 0 ? answers : '');
  return {
    name,
    sends,
    methods,
    answers,
    originCloses: bullets.get('origin') === 'closes',
    originSees: describeRequests(blocks.get('origin-sees') ?? '', fail),
    retried: bullets.has('retried'),
    clientSees: describeResponses(seen, methods, fail),
    ownStatus,
    closes: bullets.get('then') === 'closes',
  };
}

function methodsOf(sends: string): string[] {
  const methods: string[] = [];
  try {
    for (let at = 0; at < sends.length; ) {
      const request = readRequest(sends, at);
      if (request === undefined) break;
      methods.push(request.startLine.slice(0, request.startLine.indexOf(' ')));
      at = request.end;
    }
  } catch {
    // A case of bad input: its answers are those of the proxy.
  }
  return methods.length === 0 ? ['GET'] : methods;
}

function describeRequests(bytes: string, fail: (what: string) => never): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const request = readRequest(bytes, at) ?? fail('origin-sees is no whole request');
    found.push(describeRequest(request));
    at = request.end;
  }
  return found;
}

function describeResponses(bytes: string, methods: readonly string[], fail: (what: string) => never): string[] {
  const found: string[] = [];
  const unanswered = [...methods];
  let at = 0;
  while (at < bytes.length) {
    const method = unanswered[0] ?? fail('client-sees holds more responses than requests were sent');
    const message = readResponse(bytes, at, method, true) ?? fail('client-sees is no whole response');
    found.push(describeResponse(message));
    if (statusOf(message) >= 200 || message.framing === 'tunnel') unanswered.shift();
    at = message.end;
  }
  return found;
}
