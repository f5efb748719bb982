// PROXY protocol headers, version 1 (a line of text) and 2 (binary): reads what a proxy in front says, writes what a
// server gets. Owns the two formats (HAProxy's proxy-protocol.txt). Leaves whom to believe to the worker.

import { isIPv4, isIPv6 } from 'node:net';
import { addressText, parseAddress, withoutMapping } from './addresses.js';

/** The two ends of a client's connection, as the first proxy saw them. Both addresses have 4 bytes, or both 16. */
export interface ProxyAddresses {
  readonly source: Uint8Array;
  readonly sourcePort: number;
  readonly destination: Uint8Array;
  readonly destinationPort: number;
}

/** A complete header: how long it is, and what it says; null when the ends of the socket itself are meant. */
interface ProxyHeader {
  readonly bytes: number;
  readonly addresses: ProxyAddresses | null;
}

export const PROXY_VERSIONS = ['v1', 'v2'] as const;
export type ProxyVersion = (typeof PROXY_VERSIONS)[number];

/** The longest line of version 1, with its CRLF. */
const V1_BYTES_MAX = 107;
/** The longest header of version 2 that is read: room for names and certificates in its TLVs, and a bound. */
export const PROXY_BYTES_MAX = 4096;

const LETTER_P = 0x50;
const CR = 0x0d;
const LF = 0x0a;

/**
 * Reads the header that `bytes` begin with. `partial` when more bytes are needed, `invalid` as soon as no bytes could
 * make it a header. Bytes behind the header are not looked at.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | 'partial' | 'invalid' {
  if (bytes.length === 0) return 'partial';
  return bytes[0] === LETTER_P ? readLine(bytes) : readBinary(bytes);
}

/** False when `bytes` differ from `start` as far as both go. */
function beginsAs(bytes: Uint8Array, start: Uint8Array): boolean {
  const length = Math.min(bytes.length, start.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== start[i]) return false;
  return true;
}

// --- Version 1 --------------------------------------------------------------------------------------------------------

const V1_START = Buffer.from('PROXY ', 'latin1');
const PORT = /^(0|[1-9]\d{0,4})$/;

function readLine(bytes: Uint8Array): ProxyHeader | 'partial' | 'invalid' {
  if (!beginsAs(bytes, V1_START)) return 'invalid';
  const end = bytes.subarray(0, V1_BYTES_MAX).indexOf(LF);
  if (end < 0) return bytes.length >= V1_BYTES_MAX ? 'invalid' : 'partial';
  if (bytes[end - 1] !== CR) return 'invalid';
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, end - 1).toString('latin1');
  // What follows UNKNOWN is not to be interpreted.
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN ')) return { bytes: end + 1, addresses: null };
  const addresses = addressesOfLine(line);
  return addresses === null ? 'invalid' : { bytes: end + 1, addresses };
}

function addressesOfLine(line: string): ProxyAddresses | null {
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = '', ...more] = line.split(' ');
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : null;
  if (isAddress === null || more.length > 0 || !isAddress(source) || !isAddress(destination)) return null;
  if (!PORT.test(sourcePort) || !PORT.test(destinationPort)) return null;
  const ports = { sourcePort: Number(sourcePort), destinationPort: Number(destinationPort) };
  if (Math.max(ports.sourcePort, ports.destinationPort) > 65_535) return null;
  return sameWidth({ source: parseAddress(source)!, destination: parseAddress(destination)!, ...ports });
}

/** An IPv6 address without a zone. */
const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%');

// --- Version 2 --------------------------------------------------------------------------------------------------------

const SIGNATURE = Uint8Array.of(CR, LF, CR, LF, 0, CR, LF, 0x51, 0x55, 0x49, 0x54, LF);
/** Signature, version and command, family and protocol, length of the rest. */
const V2_HEAD_BYTES = 16;
const VERSION_2 = 2;
const COMMAND = { LOCAL: 0, PROXY: 1 } as const;
/** High half of the family byte: unspecified, IPv4, IPv6, unix. Low half: unspecified, stream, datagram. */
const FAMILY_MAX = 3;
const TRANSPORT_MAX = 2;
const TCP4 = 0x11;
const TCP6 = 0x21;

function readBinary(bytes: Uint8Array): ProxyHeader | 'partial' | 'invalid' {
  if (!beginsAs(bytes, SIGNATURE)) return 'invalid';
  if (bytes.length > 12 && (bytes[12]! >> 4 !== VERSION_2 || (bytes[12]! & 15) > COMMAND.PROXY)) return 'invalid';
  if (bytes.length > 13 && (bytes[13]! >> 4 > FAMILY_MAX || (bytes[13]! & 15) > TRANSPORT_MAX)) return 'invalid';
  if (bytes.length < V2_HEAD_BYTES) return 'partial';
  const end = V2_HEAD_BYTES + ((bytes[14]! << 8) | bytes[15]!);
  if (end > PROXY_BYTES_MAX) return 'invalid';
  if (bytes.length < end) return 'partial';
  const family = bytes[13]!;
  // A connection the proxy made for itself, or of a kind that has no ends we know: whatever else is said is skipped.
  if ((bytes[12]! & 15) === COMMAND.LOCAL || (family !== TCP4 && family !== TCP6))
    return { bytes: end, addresses: null };
  const width = family === TCP4 ? 4 : 16;
  const portsAt = V2_HEAD_BYTES + 2 * width;
  if (end < portsAt + 4 || !extrasAreSound(bytes, portsAt + 4, end)) return 'invalid';
  const addresses = sameWidth({
    source: copyOf(bytes, V2_HEAD_BYTES, V2_HEAD_BYTES + width),
    sourcePort: (bytes[portsAt]! << 8) | bytes[portsAt + 1]!,
    destination: copyOf(bytes, V2_HEAD_BYTES + width, portsAt),
    destinationPort: (bytes[portsAt + 2]! << 8) | bytes[portsAt + 3]!,
  });
  return { bytes: end, addresses };
}

/** A copy also of a Buffer, whose own `slice` makes none. */
const copyOf = (bytes: Uint8Array, from: number, to: number): Uint8Array => new Uint8Array(bytes.subarray(from, to));

const TLV_HEAD_BYTES = 3;
const TLV_CRC32C = 0x03;

/** Goes over the type-length-value extras from `at` to `end`: each must fit, and a checksum must be right. */
function extrasAreSound(bytes: Uint8Array, from: number, end: number): boolean {
  let at = from;
  while (at < end) {
    if (end - at < TLV_HEAD_BYTES) return false;
    const valueAt = at + TLV_HEAD_BYTES;
    const valueBytes = (bytes[at + 1]! << 8) | bytes[at + 2]!;
    if (valueBytes > end - valueAt) return false;
    if (bytes[at] === TLV_CRC32C && !checksumIsRight(bytes, end, valueAt, valueBytes)) return false;
    at = valueAt + valueBytes;
  }
  return true;
}

function checksumIsRight(bytes: Uint8Array, end: number, at: number, valueBytes: number): boolean {
  if (valueBytes !== 4) return false;
  const header = copyOf(bytes, 0, end);
  const said = new DataView(header.buffer).getUint32(at);
  header.fill(0, at, at + 4);
  return crc32c(header) === said;
}

const CASTAGNOLI = 0x82f63b78;
let crcTable: Int32Array | undefined;

function makeCrcTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ CASTAGNOLI : value >>> 1;
    return value;
  });
}

/** CRC-32C (RFC 3720, B.4) of all `bytes`. */
export function crc32c(bytes: Uint8Array): number {
  crcTable ??= makeCrcTable();
  let value = -1;
  for (const byte of bytes) value = crcTable[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}

// --- Writing ----------------------------------------------------------------------------------------------------------

/** The header for a connection on behalf of `addresses`. */
export function proxyHeader(version: ProxyVersion, addresses: ProxyAddresses): Uint8Array {
  const { source, sourcePort, destination, destinationPort } = addresses;
  const isV4 = source.length === 4;
  if (version === 'v1') {
    const ends = `${addressText(source)} ${addressText(destination)} ${sourcePort} ${destinationPort}`;
    return Buffer.from(`PROXY TCP${isV4 ? 4 : 6} ${ends}\r\n`, 'latin1');
  }
  const ports = Uint8Array.of(sourcePort >> 8, sourcePort & 0xff, destinationPort >> 8, destinationPort & 0xff);
  const bytes = source.length * 2 + ports.length;
  const head = Uint8Array.of((VERSION_2 << 4) | COMMAND.PROXY, isV4 ? TCP4 : TCP6, 0, bytes);
  return Buffer.concat([SIGNATURE, head, source, destination, ports]);
}

/** The header of a connection without a client, such as that of a health check: its ends are those of the socket. */
export function proxyHeaderOfOwn(version: ProxyVersion): Uint8Array {
  if (version === 'v1') return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
  return Buffer.concat([SIGNATURE, Uint8Array.of((VERSION_2 << 4) | COMMAND.LOCAL, 0, 0, 0)]);
}

/** IPv4 as 16 bytes of IPv6 (RFC 4291, 2.5.5.2). */
const asIPv6 = (v4: Uint8Array): Uint8Array => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4);

/** Mapped IPv4 as the 4 bytes it stands for, where both ends are of that kind. */
function sameWidth(addresses: ProxyAddresses): ProxyAddresses {
  const source = withoutMapping(addresses.source);
  const destination = withoutMapping(addresses.destination);
  if (source.length === destination.length) return { ...addresses, source, destination };
  return {
    ...addresses,
    source: source.length === 4 ? asIPv6(source) : source,
    destination: destination.length === 4 ? asIPv6(destination) : destination,
  };
}
