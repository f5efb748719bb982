// IP addresses read from bytes where they lie: no text is made of them, nothing is allocated.
// Owns the grammar. Leaves text to addresses.ts, and which field holds an address to the caller.

const DOT = 0x2e;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const GROUPS = 8;

/** Where the address ended that was read last: bytes behind it were not looked at. */
let end = 0;

/**
 * Reads the node of a forwarding field from `at` up to `stop` into `out`: an IPv4 or IPv6 address, brackets around IPv6
 * allowed, a port behind allowed where it cannot be taken for a group. Zones (`%eth0`) are refused: they mean something on one host only.
 *
 * @param out  at least 16 bytes. What it holds is good only when an address was read.
 * @returns    4 or 16, the length of the address (IPv4 mapped into IPv6 is IPv4); 0 when there is none.
 */
export function readNode(bytes: Uint8Array, at: number, stop: number, out: Uint8Array): number {
  if (at < stop && bytes[at] === OPEN) {
    const length = readIPv6(bytes, at + 1, stop, out);
    if (length === 0 || end >= stop || bytes[end] !== CLOSE) return 0;
    return portValid(bytes, end + 1, stop) ? length : 0;
  }
  if (readIPv4(bytes, at, stop, out, 0)) return portValid(bytes, end, stop) ? 4 : 0;
  const length = readIPv6(bytes, at, stop, out);
  return length !== 0 && end === stop ? length : 0;
}

/** True for nothing, or for `:` and a port: digits, or an obfuscated one of RFC 7239, 6.3. */
function portValid(bytes: Uint8Array, at: number, stop: number): boolean {
  if (at === stop) return true;
  if (bytes[at] !== COLON || at + 1 === stop) return false;
  if (bytes[at + 1] === 0x5f) return true;
  let port = 0;
  for (let i = at + 1; i < stop; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
    if (port > 65_535) return false;
  }
  return true;
}

/** Four numbers without leading zeros (which some readers take for octal) to `out` at `outAt`. Sets `end`. */
function readIPv4(bytes: Uint8Array, at: number, stop: number, out: Uint8Array, outAt: number): boolean {
  let i = at;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && (i >= stop || bytes[i++] !== DOT)) return false;
    const from = i;
    let value = 0;
    while (i < stop && i - from < 4) {
      const digit = bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      i++;
    }
    if (i === from || value > 255 || (i - from > 1 && bytes[from] === 0x30)) return false;
    out[outAt + part] = value;
  }
  end = i;
  return true;
}

/** Eight groups with at most one `::`, the last two perhaps as IPv4. Sets `end`. Returns 16, 4 for a mapped one, or 0. */
function readIPv6(bytes: Uint8Array, at: number, stop: number, out: Uint8Array): number {
  let i = at;
  let groups = 0;
  let gapAt = -1;
  if (i + 1 < stop && bytes[i] === COLON) {
    if (bytes[i + 1] !== COLON) return 0;
    gapAt = 0;
    i += 2;
  }
  while (groups < GROUPS && i < stop) {
    if (groups <= GROUPS - 2 && (groups > 0 || gapAt >= 0) && readIPv4(bytes, i, stop, out, groups * 2)) {
      groups += 2;
      i = end;
      break;
    }
    const from = i;
    let value = 0;
    for (let digit = hexDigit(bytes, i, stop); digit >= 0 && i - from < 4; digit = hexDigit(bytes, i, stop)) {
      value = value * 16 + digit;
      i++;
    }
    if (i === from) break; // behind `::`, or nothing that is a group
    out[groups * 2] = value >> 8;
    out[groups * 2 + 1] = value & 0xff;
    groups++;
    if (groups === GROUPS || i >= stop || bytes[i] !== COLON) break;
    if (i + 1 < stop && bytes[i + 1] === COLON) {
      if (gapAt >= 0) return 0;
      gapAt = groups;
      i += 2;
    } else if (i + 1 < stop) i++;
    else return 0;
  }
  // A colon with nothing behind it was left open, unless it is half of `::`.
  if (i > at && bytes[i - 1] === COLON && gapAt !== groups) return 0;
  if (gapAt < 0 ? groups !== GROUPS : groups >= GROUPS) return 0;
  if (gapAt >= 0) {
    const moved = groups - gapAt;
    out.copyWithin(16 - moved * 2, gapAt * 2, groups * 2);
    out.fill(0, gapAt * 2, 16 - moved * 2);
  }
  end = i;
  return isMapped(out) ? unmap(out) : 16;
}

function hexDigit(bytes: Uint8Array, i: number, stop: number): number {
  if (i >= stop) return -1;
  const byte = bytes[i]!;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

function isMapped(address: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false;
  return address[10] === 0xff && address[11] === 0xff;
}

function unmap(address: Uint8Array): number {
  address.copyWithin(0, 12, 16);
  return 4;
}
