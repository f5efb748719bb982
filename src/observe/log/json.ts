// The JSON format: one object in a line, fields named as OpenTelemetry names them, and ours. docs/access-log.md lists them.

import type { Constant } from '../../engine/text.js';
import type { Entry, LogName } from './entry.js';
import { constant, type Lines } from './line.js';
import { EXCHANGE, FIGURE, FLAG, TEXT } from './record.js';
import { Repeated } from './repeated.js';
import { writeIsoTime } from './times.js';

/** The parts of a line that are always the same. A text is left open: its quote comes behind it. */
const KEY = {
  time: constant('{"time":"'),
  requestId: constant('","requestId":"'),
  listener: constant('","listener":"'),
  client: constant('","client.address":"'),
  noClientAddress: constant('null'),
  peer: constant('","network.peer.address":"'),
  peerAlone: constant(',"network.peer.address":"'),
  port: constant('","network.peer.port":'),
  host: constant(',"server.address":"'),
  hostPort: constant(',"server.port":'),
  method: constant(',"http.request.method":"'),
  otherMethod: constant(',"http.request.method":"_OTHER"'),
  originalMethod: constant(',"http.request.method_original":"'),
  noMethod: constant(',"http.request.method":null'),
  path: constant(',"url.path":"'),
  noPath: constant(',"url.path":null'),
  query: constant(',"url.query":"'),
  agent: constant(',"user_agent.original":"'),
  header: (name: string) => constant(`,"http.request.header.${name}":["`),
  headerEnd: constant('"]'),
  status: constant(',"http.response.status_code":'),
  noStatus: constant(',"http.response.status_code":null'),
  route: constant(',"route":"'),
  rule: constant('","rule":"'),
  noRule: constant(',"route":null,"rule":null'),
  pool: constant(',"pool":"'),
  noPool: constant(',"pool":null'),
  server: constant(',"server":"'),
  serverAddress: constant('","serverAddress":"'),
  noServer: constant(',"server":null'),
  fallback: constant(',"fallback":true'),
  attempts: constant(',"attempts":'),
  reason: constant(',"reason":"'),
  noReason: constant(',"reason":null'),
  requestSize: constant(',"http.request.size":'),
  responseSize: constant(',"http.response.size":'),
  responseBodySize: constant(',"http.response.body.size":'),
  duration: constant(',"duration":'),
  headDuration: constant(',"duration.head":'),
  queueDuration: constant(',"duration.queue":'),
  connectDuration: constant(',"duration.connect":'),
  firstByteDuration: constant(',"duration.firstByte":'),
  tls: constant(',"tls.protocol.version":"'),
  cipher: constant('","tls.cipher":"'),
  resumed: constant('","tls.resumed":true'),
  notResumed: constant('","tls.resumed":false'),
  serverName: constant(',"tls.client.server_name":"'),
  worker: constant(',"worker":'),
  connection: constant(',"connection":'),
  end: constant('}'),
} as const;

/** By the version of a record. */
const protocols = (scheme: string): readonly Uint8Array[] =>
  ['1.0', '1.1', '2'].map((version) =>
    Buffer.from(
      `,"network.protocol.name":"http","network.protocol.version":"${version}","url.scheme":"${scheme}"`,
      'latin1',
    ),
  );
const PROTOCOL = protocols('http');
const PROTOCOL_SECURE = protocols('https');
const QUOTE = 0x22;
const PORT_DIGITS_MAX = 5;

function latin1(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/** Makes the writer of lines of a log: with the queries of URLs or without, and with these headers. */
export function jsonFormat(query: boolean, headers: readonly string[]): (entry: Entry, lines: Lines) => void {
  const named = headers.map((name) => ({ name, key: KEY.header(name) }));
  const clientKeys = new Repeated([EXCHANGE.listener], writeClientKey);
  const outcomes = new Repeated(OUTCOME, writeOutcome);
  return (entry, lines) => {
    const { out } = lines;
    out.put(KEY.time);
    writeIsoTime(lines, entry.wallMs);
    out.put(KEY.requestId);
    writeRequestId(entry, lines);
    lines.long(clientKeys.of(entry));
    writeAddresses(entry, lines);
    if (entry.has(FLAG.RAW)) writeNoRequest(lines);
    else writeRequest(entry, lines, query);
    for (let i = 0; i < named.length; i++) {
      const { name, key } = named[i]!;
      if (!entry.findHeader(name)) continue;
      out.put(key);
      lines.json(entry.bytes, entry.at, entry.length, entry.cut);
      out.put(KEY.headerEnd);
    }
    lines.long(outcomes.of(entry));
    writeFigures(entry, lines);
    if (entry.has(FLAG.TLS)) writeTls(entry, lines);
    else if (entry.find(TEXT.serverName)) putText(entry, lines, KEY.serverName);
    out.put(KEY.worker);
    lines.integer(entry.worker);
    out.put(KEY.connection);
    lines.integer(entry.word(EXCHANGE.connection));
    out.put(KEY.end);
  };
}

/** The id that a trusted proxy gave the request, else ours: 32 hexadecimal digits. */
function writeRequestId(entry: Entry, lines: Lines): void {
  if (entry.find(TEXT.requestId)) lines.json(entry.bytes, entry.at, entry.length, entry.cut);
  else writeOwnId(entry, lines);
}

/** The id that we gave the request. */
export function writeOwnId(entry: Entry, lines: Lines): void {
  const number = entry.figure(FIGURE.number);
  putName(lines, entry.idPrefix);
  lines.out.hex8(Math.floor(number / 0x1_0000_0000));
  lines.out.hex8(number >>> 0);
}

function putName({ out }: Lines, name: LogName | undefined): void {
  if (name !== undefined) out.put(name.json);
}

/** A text that `entry` has found, behind its key, and its closing quote. */
function putText(entry: Entry, lines: Lines, key: Constant): void {
  lines.out.put(key);
  lines.json(entry.bytes, entry.at, entry.length, entry.cut);
  lines.out.byte(QUOTE);
}

/** What stands in front of the client's address: the name of the listener, and the key. */
function writeClientKey(entry: Entry, lines: Lines): void {
  lines.out.put(KEY.listener);
  putName(lines, entry.name(EXCHANGE.listener));
  lines.out.put(KEY.client);
}

function writeAddresses(entry: Entry, lines: Lines): void {
  const { out } = lines;
  if (entry.writeClientAddress(lines)) out.put(KEY.peer);
  else {
    // In place of the quote.
    out.at--;
    out.put(KEY.noClientAddress);
    if (entry.word(EXCHANGE.peerBytes) === 0) return;
    out.put(KEY.peerAlone);
  }
  if (entry.writePeerAddress(lines)) {
    out.put(KEY.port);
    lines.integer(entry.word(EXCHANGE.peerPort));
  } else out.byte(QUOTE);
}

function writeRequest(entry: Entry, lines: Lines, query: boolean): void {
  const { out } = lines;
  const { bytes } = entry;
  lines.long((entry.has(FLAG.TLS) ? PROTOCOL_SECURE : PROTOCOL)[entry.word(EXCHANGE.version)]!);
  if (entry.findHost()) {
    putText(entry, lines, KEY.host);
    if (entry.portBytes > 0 && entry.portBytes <= PORT_DIGITS_MAX) {
      out.put(KEY.hostPort);
      lines.integer(Number(latin1(bytes, entry.portAt, entry.portBytes)));
    }
  }
  const { method } = entry;
  if (method !== undefined) {
    out.put(KEY.method);
    out.put(method.json);
    out.byte(QUOTE);
  } else if (entry.find(TEXT.method)) {
    out.put(KEY.otherMethod);
    putText(entry, lines, KEY.originalMethod);
  } else out.put(KEY.noMethod);
  if (entry.findTarget()) {
    const inQuery = entry.queryBytes > 0;
    out.put(KEY.path);
    lines.json(bytes, entry.pathAt, entry.pathBytes, entry.cut && !inQuery);
    out.byte(QUOTE);
    if (query && inQuery) {
      out.put(KEY.query);
      lines.json(bytes, entry.queryAt, entry.queryBytes, entry.cut);
      out.byte(QUOTE);
    }
  } else out.put(KEY.noPath);
  if (entry.find(TEXT.userAgent)) putText(entry, lines, KEY.agent);
}

/** A raw connection has no request. */
function writeNoRequest({ out }: Lines): void {
  out.put(KEY.noMethod);
  out.put(KEY.noPath);
}

/** What `writeOutcome` depends on. */
const OUTCOME = [
  EXCHANGE.status,
  EXCHANGE.rule,
  EXCHANGE.pool,
  EXCHANGE.server,
  EXCHANGE.attempts,
  EXCHANGE.reason,
  EXCHANGE.flags,
] as const;

/** What became of the exchange: the same for most of those that go to one server. */
function writeOutcome(entry: Entry, lines: Lines): void {
  const status = entry.word(EXCHANGE.status);
  if (status === 0 || entry.has(FLAG.RAW)) lines.out.put(KEY.noStatus);
  else {
    lines.out.put(KEY.status);
    lines.integer(status);
  }
  writeDestination(entry, lines);
  lines.out.put(KEY.requestSize);
}

/** Where the exchange went, and why it failed if it did. */
function writeDestination(entry: Entry, lines: Lines): void {
  const { out } = lines;
  const rule = entry.name(EXCHANGE.rule);
  if (rule === undefined) out.put(KEY.noRule);
  else {
    out.put(KEY.route);
    putName(lines, entry.name(EXCHANGE.route));
    out.put(KEY.rule);
    out.put(rule.json);
    out.byte(QUOTE);
  }
  putOrNull(lines, KEY.pool, KEY.noPool, entry.name(EXCHANGE.pool));
  const server = entry.name(EXCHANGE.server);
  const address = entry.name(EXCHANGE.serverAddress);
  if (server !== undefined && address !== undefined && address.text !== server.text) {
    out.put(KEY.server);
    out.put(server.json);
    putOrNull(lines, KEY.serverAddress, KEY.noServer, address);
  } else putOrNull(lines, KEY.server, KEY.noServer, server);
  if (entry.has(FLAG.FELL_BACK)) out.put(KEY.fallback);
  out.put(KEY.attempts);
  lines.integer(entry.word(EXCHANGE.attempts));
  putOrNull(lines, KEY.reason, KEY.noReason, entry.reason);
}

function putOrNull({ out }: Lines, key: Constant, none: Constant, name: LogName | undefined): void {
  if (name === undefined) {
    out.put(none);
    return;
  }
  out.put(key);
  out.put(name.json);
  out.byte(QUOTE);
}

function writeFigures(entry: Entry, lines: Lines): void {
  const { out } = lines;
  lines.integer(entry.figure(FIGURE.bytesIn));
  out.put(KEY.responseSize);
  lines.integer(entry.figure(FIGURE.bytesOut));
  out.put(KEY.responseBodySize);
  lines.integer(entry.figure(FIGURE.bodyBytesOut));
  out.put(KEY.duration);
  lines.seconds(entry.figure(FIGURE.allUs));
  putDuration(entry, lines, KEY.headDuration, FIGURE.headUs);
  putDuration(entry, lines, KEY.queueDuration, FIGURE.queueUs);
  putDuration(entry, lines, KEY.connectDuration, FIGURE.connectUs);
  putDuration(entry, lines, KEY.firstByteDuration, FIGURE.firstByteUs);
}

/** What was not reached has no field. */
function putDuration(entry: Entry, lines: Lines, key: Constant, figure: number): void {
  const us = entry.figure(figure);
  if (us < 0) return;
  lines.out.put(key);
  lines.seconds(us);
}

function writeTls(entry: Entry, lines: Lines): void {
  const { out } = lines;
  out.put(KEY.tls);
  putName(lines, entry.name(EXCHANGE.tlsVersion));
  out.put(KEY.cipher);
  putName(lines, entry.name(EXCHANGE.tlsCipher));
  out.put(entry.has(FLAG.RESUMED) ? KEY.resumed : KEY.notResumed);
  if (entry.find(TEXT.serverName)) putText(entry, lines, KEY.serverName);
}
