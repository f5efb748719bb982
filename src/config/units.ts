// Reads the small languages inside values: durations, sizes, addresses, CIDR ranges.
// Owns their syntax. Each reader returns the value, or a Refusal that says what was expected.

import { isIP, isIPv4, isIPv6 } from 'node:net';
import { type Endpoint, type SocketEndpoint, splitHostPort } from '../base/endpoint.js';
import { isHostName } from '../base/host-names.js';
import { Refusal, refuse } from '../base/problems.js';
import { parseRange } from '../base/ranges.js';

type DurationPart = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** A duration as it is written: numbers with their units (`1h30m`), or 0. */
export type Duration =
  | DurationPart
  | `${DurationPart}${DurationPart}`
  | `${DurationPart}${DurationPart}${DurationPart}`
  | '0'
  | 0;

/** A size as it is written: a number and its unit, or a plain count of bytes. */
export type Size = `${number}${'B' | 'KiB' | 'MiB' | 'GiB'}` | number;

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES_PER_UNIT: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Longer waits overflow the workers' tick counters and are mistakes anyway: 30 days. */
export const DURATION_MS_MAX = 30 * 86_400_000;

const DURATION_EXPECTED = 'Expected a number with a unit: ms, s, m, h or d, such as 500ms, 10s or 1m.';
/** Numbers with units, one after the other: GEP-2257 of the Gateway API, and days and fractions besides. */
const DURATION = /^(?:\d+(?:\.\d+)?\s*(?:ms|[smhd])\s*)+$/;
const SIZE_EXPECTED = 'Expected a number with a unit: B, KiB, MiB or GiB, such as 16KiB, or a count of bytes.';

/** `10s`, `500ms`, `1.5m`, `1h30m` or `0`, in milliseconds. */
export function readDuration(value: unknown): number | Refusal {
  if (value === 0 || value === '0') return 0;
  if (typeof value === 'number' && value > 0) {
    return new Refusal(`${value} has no unit.`, `${DURATION_EXPECTED} Did you mean ${value}s?`);
  }
  if (typeof value !== 'string' || !DURATION.test(value.trim())) {
    if (typeof value === 'string' && /^\d+$/.test(value)) {
      return new Refusal(`'${value}' has no unit.`, `${DURATION_EXPECTED} Did you mean ${value}s?`);
    }
    return refuse(value, 'a duration', DURATION_EXPECTED);
  }
  let ms = 0;
  for (const [, number, unit] of value.matchAll(/([\d.]+)\s*([a-z]+)/g)) ms += Number(number) * MS_PER_UNIT[unit!]!;
  const whole = Math.round(ms);
  // 1.005s is 1004.9999999999999 ms in floating point, and no finer than a millisecond.
  if (Math.abs(ms - whole) > 1e-6) return new Refusal(`'${value}' is finer than a millisecond.`, DURATION_EXPECTED);
  return whole;
}

/** 90000 as `90s`, 60000 as `1m`: in the largest unit that leaves a whole number. */
export function durationText(ms: number): string {
  const units = Object.entries(MS_PER_UNIT).reverse();
  const [unit, unitMs] = units.find(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1];
  return ms === 0 ? '0' : `${ms / unitMs}${unit}`;
}

/** `16KiB`, `1MiB`, `4096` or `0`, in bytes. */
export function readSize(value: unknown): number | Refusal {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && value >= 0) return value;
    return refuse(value, 'a size', SIZE_EXPECTED);
  }
  if (typeof value !== 'string') return refuse(value, 'a size', SIZE_EXPECTED);
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(value.trim());
  if (!match) return refuse(value, 'a size', SIZE_EXPECTED);
  const unit = match[2] === '' ? 'B' : match[2]!;
  const unitBytes = BYTES_PER_UNIT[unit];
  if (unitBytes === undefined) {
    const binary = /^([kmg])i?b?$/i.exec(unit);
    const meant = binary ? ` Did you mean ${match[1]}${binary[1]!.toUpperCase()}iB?` : '';
    return refuse(value, 'a size', `${SIZE_EXPECTED}${meant}`);
  }
  const bytes = Number(match[1]) * unitBytes;
  if (!Number.isSafeInteger(bytes)) return refuse(value, 'a size', SIZE_EXPECTED);
  return bytes;
}

/** Where a listener listens, as it was written, and what it means: the host is an IP address. */
export interface ListenAddress {
  readonly address: string;
  readonly endpoint: SocketEndpoint;
}

/** The address of a server as it was written, and what it means. */
export interface ServerAddress {
  readonly address: string;
  readonly endpoint: Endpoint;
}

const LISTEN_EXPECTED = 'Expected IP:PORT, [IPv6]:PORT, :PORT or unix:/PATH, such as 0.0.0.0:8080.';
const SERVER_EXPECTED = 'Expected HOST:PORT, [IPv6]:PORT, unix:/PATH or srv:NAME, such as 10.0.0.11:3000.';
const PORT_EXPECTED = 'Expected a port from 1 to 65535.';

function readPort(text: string): number | Refusal {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) return refuse(text, 'a port', PORT_EXPECTED);
  return port;
}

/** The advice for an address that forgot its port or its brackets. */
function addressAdvice(text: string, example: string): string {
  if (isIPv6(text)) return ` An IPv6 address stands in brackets: [${text}]:8080.`;
  if (isIPv4(text) || (/^[\w.-]+$/.test(text) && !/^\d+$/.test(text))) return ` The port is missing: ${text}:8080.`;
  if (/^\d+$/.test(text)) return ` Did you mean ${example}${text}?`;
  if (/^https?:\/\//.test(text)) return ' Write it without a scheme and without a path.';
  return '';
}

/** The address of a listener. `:8080` listens on every IPv4 address. */
export function readListenAddress(value: unknown): ListenAddress | Refusal {
  if (typeof value !== 'string') {
    const meant = typeof value === 'number' ? ` Did you mean ':${value}'?` : '';
    return refuse(value, 'a listen address', LISTEN_EXPECTED + meant);
  }
  if (value.startsWith('unix:')) {
    const path = readSocketPath(value, 'a listen address');
    return path instanceof Refusal ? path : { address: value, endpoint: { kind: 'unix', path } };
  }
  const parts = splitHostPort(value);
  if (!parts) return refuse(value, 'a listen address', LISTEN_EXPECTED + addressAdvice(value, ':'));
  const port = readPort(parts.port);
  if (port instanceof Refusal) return port;
  const at = (host: string): ListenAddress => ({ address: value, endpoint: { kind: 'tcp', host, port } });
  if (parts.host === '' && !parts.bracketed) return at('0.0.0.0');
  if (parts.host === '*') {
    return refuse(value, 'a listen address', `${LISTEN_EXPECTED} Did you mean :${port}?`);
  }
  if (parts.bracketed ? isIPv6(parts.host) : isIPv4(parts.host)) return at(parts.host);
  return refuse(value, 'a listen address', `${LISTEN_EXPECTED} A listener needs an IP address, not a host name.`);
}

/** The longest path that fits a socket address on Linux. */
const UNIX_PATH_BYTES_MAX = 107;

/** The path in `unix:/PATH`. */
function readSocketPath(value: string, noun: string): string | Refusal {
  const path = value.slice('unix:'.length);
  if (!path.startsWith('/')) {
    return refuse(value, noun, 'Expected an absolute path after unix:, such as unix:/run/app.sock.');
  }
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) {
    return new Refusal(
      `${JSON.stringify(path).slice(0, 40)}… is too long for a socket.`,
      'Expected at most 107 bytes.',
    );
  }
  return path;
}

/** The address of a server. */
export function readServerAddress(value: unknown): ServerAddress | Refusal {
  if (typeof value !== 'string') return refuse(value, 'a server address', SERVER_EXPECTED);
  if (value.startsWith('unix:')) {
    const path = readSocketPath(value, 'a server address');
    return path instanceof Refusal ? path : { address: value, endpoint: { kind: 'unix', path } };
  }
  if (value.startsWith('srv:')) {
    const name = value.slice('srv:'.length);
    if (isHostName(name)) return { address: value, endpoint: { kind: 'srv', name } };
    return refuse(value, 'a server address', 'Expected a name after srv:, such as srv:_http._tcp.app.internal.');
  }
  const parts = splitHostPort(value);
  if (!parts) return refuse(value, 'a server address', SERVER_EXPECTED + addressAdvice(value, '127.0.0.1:'));
  const port = readPort(parts.port);
  if (port instanceof Refusal) return port;
  const good = parts.bracketed
    ? isIPv6(parts.host)
    : isIPv4(parts.host) || (isHostName(parts.host) && !/^[\d.]+$/.test(parts.host));
  if (good) return { address: value, endpoint: { kind: 'tcp', host: parts.host, port } };
  return refuse(value, 'a server address', SERVER_EXPECTED);
}

const NAME_SERVER_EXPECTED = 'Expected an IP address, with a port unless it is 53, such as 10.0.0.2 or 10.0.0.2:5353.';

/** `10.0.0.2`, `10.0.0.2:5353`, `fd00::2` or `[fd00::2]:5353`, as it was written. */
export function readNameServer(value: unknown): string | Refusal {
  if (typeof value !== 'string') return refuse(value, 'a name server', NAME_SERVER_EXPECTED);
  if (isIP(value) !== 0) return value;
  const match = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(value);
  const good = match !== null && (match[1] === undefined ? isIPv4(match[2]!) : isIPv6(match[1]));
  if (!good) return refuse(value, 'a name server', NAME_SERVER_EXPECTED);
  const port = readPort(match[3]!);
  return port instanceof Refusal ? port : value;
}

/** What stands for every peer that comes over a unix socket, where ranges of addresses are listed. */
export const UNIX_PEERS = 'unix:';

const PEERS_EXPECTED = 'Expected an IP address, a range such as 10.0.0.0/8, or unix: for those of unix sockets.';

/** A range of addresses, or `unix:`. */
export function readPeers(value: unknown): string | Refusal {
  if (value === UNIX_PEERS) return value;
  const range = readCidr(value);
  return range instanceof Refusal ? new Refusal(range.found, PEERS_EXPECTED) : range;
}

const MODE_EXPECTED = 'Expected octal digits from "0000" to "0777", in quotes, such as "0660".';

/** The mode of a file, `"0660"` or `"660"`, as a number. */
export function readMode(value: unknown): number | Refusal {
  if (typeof value === 'number') return new Refusal(`${value} is a number, not a mode.`, MODE_EXPECTED);
  if (typeof value !== 'string' || !/^0?[0-7]{3}$/.test(value)) return refuse(value, 'a mode', MODE_EXPECTED);
  return Number.parseInt(value, 8);
}

const CIDR_EXPECTED = 'Expected an IP address or a range such as 10.0.0.0/8 or fd00::/8.';

/** `10.0.0.0/8`, `fd00::/8` or one address, with the prefix length always written out. */
export function readCidr(value: unknown): string | Refusal {
  if (typeof value !== 'string') return refuse(value, 'a CIDR range', CIDR_EXPECTED);
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value);
  const family = match ? isIP(match[1]!) : 0;
  if (!match || family === 0) return refuse(value, 'a CIDR range', CIDR_EXPECTED);
  const bitsMax = family === 4 ? 32 : 128;
  const bits = match[2] === undefined ? bitsMax : Number(match[2]);
  if (bits > bitsMax) {
    return new Refusal(`'${value}' has ${bits} prefix bits.`, `Expected at most ${bitsMax} for IPv${family}.`);
  }
  const range = `${match[1]}/${bits}`;
  if (parseRange(range) === undefined) {
    return new Refusal(
      `'${value}' holds more than IPv4 addresses.`,
      `Expected at least 96 prefix bits behind ::ffff:.`,
    );
  }
  return range;
}

/** Where a syslog listens: the path of a unix socket with port -1, or an IP address and a port. */
export interface SyslogAddress {
  /** As it was written. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
}

const SYSLOG_EXPECTED = 'Expected unix:/PATH, such as unix:/dev/log, or udp:IP:PORT.';

export function readSyslogAddress(value: unknown): SyslogAddress | Refusal {
  if (typeof value !== 'string') return refuse(value, 'the address of a syslog', SYSLOG_EXPECTED);
  if (value.startsWith('unix:')) {
    const path = readSocketPath(value, 'the address of a syslog');
    return path instanceof Refusal ? path : { address: value, host: path, port: -1 };
  }
  const parts = value.startsWith('udp:') ? splitHostPort(value.slice('udp:'.length)) : undefined;
  if (!parts || isIP(parts.host) === 0) {
    const meant = value.startsWith('/') ? ` Did you mean unix:${value}?` : '';
    return refuse(value, 'the address of a syslog', SYSLOG_EXPECTED + meant);
  }
  const port = readPort(parts.port);
  return port instanceof Refusal ? port : { address: value, host: parts.host, port };
}
