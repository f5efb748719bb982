// Copies and compares short runs of bytes between memories: four at a time, without a view of them and so without garbage.

/** From so many bytes on a view costs less than the loop. */
const VIEW_BYTES_MIN = 512;

/** One memory as `copy` reads and writes it. */
export class Area {
  readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/** Copies `count` bytes; the runs do not overlap. Hot. */
export function copy(from: Area, at: number, count: number, into: Area, to: number): void {
  if (count >= VIEW_BYTES_MIN) {
    into.bytes.set(from.bytes.subarray(at, at + count), to);
    return;
  }
  const read = from.view;
  const write = into.view;
  let i = 0;
  for (; i + 16 <= count; i += 16) {
    write.setInt32(to + i, read.getInt32(at + i, true), true);
    write.setInt32(to + i + 4, read.getInt32(at + i + 4, true), true);
    write.setInt32(to + i + 8, read.getInt32(at + i + 8, true), true);
    write.setInt32(to + i + 12, read.getInt32(at + i + 12, true), true);
  }
  for (; i + 4 <= count; i += 4) write.setInt32(to + i, read.getInt32(at + i, true), true);
  for (; i < count; i++) into.bytes[to + i] = from.bytes[at + i]!;
}

/** True when two runs of `count` bytes are the same. Hot. */
export function equals(one: Area, at: number, other: Area, otherAt: number, count: number): boolean {
  const left = one.view;
  const right = other.view;
  let i = 0;
  for (; i + 4 <= count; i += 4) if (left.getInt32(at + i, true) !== right.getInt32(otherAt + i, true)) return false;
  for (; i < count; i++) if (one.bytes[at + i] !== other.bytes[otherAt + i]) return false;
  return true;
}

/**
 * The same where letters of the second run may be in upper case. The first has none there, nor any byte that no token has: in
 * tokens, setting the bit makes of nothing but a letter what stands in such a run.
 */
export function equalsLower(lower: Area, at: number, other: Area, otherAt: number, count: number): boolean {
  const left = lower.view;
  const right = other.view;
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    if (left.getInt32(at + i, true) !== (right.getInt32(otherAt + i, true) | 0x20202020)) return false;
  }
  for (; i < count; i++) if (lower.bytes[at + i] !== (other.bytes[otherAt + i]! | 0x20)) return false;
  return true;
}
