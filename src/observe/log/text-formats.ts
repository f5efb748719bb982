// The formats that are plain text: `combined`, and templates. What a client sends is escaped as nginx does it, so that no quote, line
// break or control byte of it can be taken for one of the line.

import { type LogVariable, logHeaderOf } from '../../base/log-variables.js';
import type { Constant } from '../../engine/text.js';
import type { Entry, LogName } from './entry.js';
import { writeOwnId } from './json.js';
import { constant, type Lines } from './line.js';
import type { TemplatePart } from './plan.js';
import { EXCHANGE, FIGURE, FLAG, TEXT } from './record.js';
import { writeCommonTime, writeIsoTime } from './times.js';

type Write = (entry: Entry, lines: Lines) => void;

const DASH = 0x2d;
const TEXTS = {
  user: constant(' - - ['),
  request: constant('] "'),
  status: constant('" '),
  referer: constant(' "'),
  agent: constant('" "'),
  end: constant('"'),
  space: constant(' '),
  http: constant('http'),
  https: constant('https'),
  yes: constant('true'),
  no: constant('false'),
} as const;

/** By the version of a record; HTTP/2 as Apache and nginx write it. */
const VERSIONS = ['HTTP/1.0', 'HTTP/1.1', 'HTTP/2.0'].map(constant);

const dash = ({ out }: Lines): void => out.byte(DASH);

function writeName(lines: Lines, name: LogName | undefined): void {
  if (name === undefined) dash(lines);
  else lines.out.put(name.plain);
}

function writeText(entry: Entry, lines: Lines, which: number): void {
  if (entry.find(which)) lines.plain(entry.bytes, entry.at, entry.length, entry.cut);
  else dash(lines);
}

function writeMethod(entry: Entry, lines: Lines): void {
  const { method } = entry;
  if (method !== undefined) lines.out.put(method.plain);
  else writeText(entry, lines, TEXT.method);
}

function writeProtocol(entry: Entry, lines: Lines): void {
  if (entry.has(FLAG.RAW)) {
    dash(lines);
    return;
  }
  lines.out.put(VERSIONS[entry.word(EXCHANGE.version)]!);
}

function writeStatus(entry: Entry, lines: Lines): void {
  const status = entry.word(EXCHANGE.status);
  if (status === 0 || entry.has(FLAG.RAW)) dash(lines);
  else lines.integer(status);
}

function writePath(entry: Entry, lines: Lines): void {
  if (entry.findTarget()) lines.plain(entry.bytes, entry.pathAt, entry.pathBytes, entry.cut && entry.queryBytes === 0);
  else dash(lines);
}

/** The combined format of Apache and nginx. With `query`, the target as the client sent it; without, its path alone. */
export function combinedFormat(query: boolean): Write {
  return (entry, lines) => {
    const { out } = lines;
    if (!entry.writeClientAddress(lines)) dash(lines);
    out.put(TEXTS.user);
    writeCommonTime(lines, entry.wallMs);
    out.put(TEXTS.request);
    if (entry.find(TEXT.target)) {
      writeMethod(entry, lines);
      out.put(TEXTS.space);
      if (query) writeText(entry, lines, TEXT.target);
      else writePath(entry, lines);
      out.put(TEXTS.space);
      writeProtocol(entry, lines);
    } else dash(lines);
    out.put(TEXTS.status);
    writeStatus(entry, lines);
    out.put(TEXTS.space);
    lines.integer(entry.figure(FIGURE.bodyBytesOut));
    out.put(TEXTS.referer);
    writeText(entry, lines, TEXT.referer);
    out.put(TEXTS.agent);
    writeText(entry, lines, TEXT.userAgent);
    out.put(TEXTS.end);
  };
}

const name = (word: number): Write => {
  return (entry, lines) => writeName(lines, entry.name(word));
};
const text = (which: number): Write => {
  return (entry, lines) => writeText(entry, lines, which);
};
const whole = (figure: number): Write => {
  return (entry, lines) => lines.integer(entry.figure(figure));
};
const seconds = (figure: number): Write => {
  return (entry, lines) => {
    const us = entry.figure(figure);
    if (us < 0) dash(lines);
    else lines.seconds(us);
  };
};
const word = (which: number): Write => {
  return (entry, lines) => lines.integer(entry.word(which));
};

/** How each variable is written; a dash stands for what there is not. */
const VARIABLES: Readonly<Record<LogVariable, Write>> = {
  time: (entry, lines) => writeIsoTime(lines, entry.wallMs),
  unixTime: (entry, lines) => {
    lines.integer(Math.floor(entry.wallMs / 1000));
    lines.out.byte(0x2e);
    lines.digits(entry.wallMs % 1000, 3);
  },
  clientAddress: (entry, lines) => {
    if (!entry.writeClientAddress(lines)) dash(lines);
  },
  peerAddress: (entry, lines) => {
    if (!entry.writePeerAddress(lines)) dash(lines);
  },
  peerPort: word(EXCHANGE.peerPort),
  listener: name(EXCHANGE.listener),
  route: name(EXCHANGE.route),
  rule: name(EXCHANGE.rule),
  pool: name(EXCHANGE.pool),
  server: name(EXCHANGE.server),
  serverAddress: name(EXCHANGE.serverAddress),
  attempts: word(EXCHANGE.attempts),
  reason: (entry, lines) => writeName(lines, entry.reason),
  status: writeStatus,
  method: writeMethod,
  target: text(TEXT.target),
  path: writePath,
  query: (entry, lines) => {
    if (entry.findTarget() && entry.queryBytes > 0)
      lines.plain(entry.bytes, entry.queryAt, entry.queryBytes, entry.cut);
    else dash(lines);
  },
  host: text(TEXT.host),
  scheme: (entry, lines) => lines.out.put(entry.has(FLAG.TLS) ? TEXTS.https : TEXTS.http),
  protocol: writeProtocol,
  userAgent: text(TEXT.userAgent),
  referer: text(TEXT.referer),
  requestId: (entry, lines) => {
    if (entry.find(TEXT.requestId)) lines.plain(entry.bytes, entry.at, entry.length, entry.cut);
    else writeOwnId(entry, lines);
  },
  duration: seconds(FIGURE.allUs),
  headDuration: seconds(FIGURE.headUs),
  queueDuration: seconds(FIGURE.queueUs),
  connectDuration: seconds(FIGURE.connectUs),
  firstByteDuration: seconds(FIGURE.firstByteUs),
  bytesIn: whole(FIGURE.bytesIn),
  bytesOut: whole(FIGURE.bytesOut),
  bodyBytesOut: whole(FIGURE.bodyBytesOut),
  tlsVersion: name(EXCHANGE.tlsVersion),
  tlsCipher: name(EXCHANGE.tlsCipher),
  tlsResumed: (entry, lines) => {
    if (entry.has(FLAG.TLS)) lines.out.put(entry.has(FLAG.RESUMED) ? TEXTS.yes : TEXTS.no);
    else dash(lines);
  },
  serverName: text(TEXT.serverName),
  worker: (entry, lines) => lines.integer(entry.worker),
  connection: word(EXCHANGE.connection),
};

/** Lines as a template says. */
export function templateFormat(parts: readonly TemplatePart[]): Write {
  const writes = parts.map((part): Constant | Write => {
    if (typeof part === 'string') return constant(part);
    const header = logHeaderOf(part.variable);
    if (header === undefined) return VARIABLES[part.variable as LogVariable];
    return (entry, lines) => {
      if (entry.findHeader(header)) lines.plain(entry.bytes, entry.at, entry.length, entry.cut);
      else dash(lines);
    };
  });
  return (entry, lines) => {
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i]!;
      if (typeof write === 'function') write(entry, lines);
      else lines.out.put(write);
    }
  };
}
