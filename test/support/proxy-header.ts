// PROXY headers for assertions: written and read apart from the product's code, so that both can be wrong only separately.

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

/** The two ends a header names. IPv4, dotted; or IPv6 with all eight groups written out. */
export interface Ends {
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
}

/** What stood in front of a connection: the version, who it names (null: nobody), and where the rest begins. */
export interface Said {
  readonly version: 1 | 2;
  readonly ends: Ends | null;
  readonly end: number;
}

const number16 = (value: number): string => String.fromCharCode(value >> 8, value & 0xff);

function addressBytes(text: string): string {
  if (!text.includes(':')) return String.fromCharCode(...text.split('.').map(Number));
  return text
    .split(':')
    .map((group) => number16(Number.parseInt(group, 16)))
    .join('');
}

/** The line of version 1. Latin-1. */
export function line({ from, to, fromPort, toPort }: Ends): string {
  return `PROXY ${from.includes(':') ? 'TCP6' : 'TCP4'} ${from} ${to} ${fromPort} ${toPort}\r\n`;
}

/** The binary header of version 2, with extras behind the addresses. Latin-1. */
export function binary({ from, to, fromPort, toPort }: Ends, extras = ''): string {
  const rest = addressBytes(from) + addressBytes(to) + number16(fromPort) + number16(toPort) + extras;
  return `${SIGNATURE}\x21${from.includes(':') ? '\x21' : '\x11'}${number16(rest.length)}${rest}`;
}

/** The binary header of a connection on nobody's behalf. */
export const LOCAL = `${SIGNATURE}\x20\0\0\0`;

function textOf(bytes: string): string {
  const codes = [...bytes].map((char) => char.charCodeAt(0));
  if (codes.length === 4) return codes.join('.');
  return Array.from({ length: 8 }, (_, i) => (codes[i * 2]! * 256 + codes[i * 2 + 1]!).toString(16)).join(':');
}

const port = (bytes: string): number => bytes.charCodeAt(0) * 256 + bytes.charCodeAt(1);

/** Reads the header at the start of `bytes` (Latin-1); undefined while it is not complete. Throws when there is none. */
export function readHeader(bytes: string): Said | undefined {
  if (bytes.startsWith(SIGNATURE)) {
    if (bytes.length < 16) return undefined;
    const end = 16 + port(bytes.slice(14));
    if (bytes.length < end) return undefined;
    if (bytes[12] === '\x20') return { version: 2, ends: null, end };
    const width = bytes[13] === '\x11' ? 4 : 16;
    if (bytes[12] !== '\x21' || end !== 16 + 2 * width + 4)
      throw new Error(`a strange header: ${JSON.stringify(bytes)}`);
    const at = (index: number): string => bytes.slice(16 + index * width, 16 + (index + 1) * width);
    const ports = bytes.slice(16 + 2 * width);
    const ends = { from: textOf(at(0)), to: textOf(at(1)), fromPort: port(ports), toPort: port(ports.slice(2)) };
    return { version: 2, ends, end };
  }
  if (SIGNATURE.startsWith(bytes) || (bytes.length < 6 && 'PROXY '.startsWith(bytes))) return undefined;
  const lineEnd = bytes.indexOf('\r\n');
  if (!bytes.startsWith('PROXY ')) throw new Error(`no header: ${JSON.stringify(bytes.slice(0, 100))}`);
  if (lineEnd < 0) return undefined;
  const words = bytes.slice(0, lineEnd).split(' ');
  if (words[1] === 'UNKNOWN') return { version: 1, ends: null, end: lineEnd + 2 };
  if (words.length !== 6) throw new Error(`a strange header: ${bytes.slice(0, lineEnd)}`);
  const [, , from, to, fromPort, toPort] = words as [string, string, string, string, string, string];
  return { version: 1, ends: { from, to, fromPort: Number(fromPort), toPort: Number(toPort) }, end: lineEnd + 2 };
}
