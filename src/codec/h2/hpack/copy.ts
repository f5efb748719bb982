// Copies short runs of bytes between memories: four at a time, without a view of them and so without garbage.

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
    write.setInt32(to + i, read.getInt32(at + i));
    write.setInt32(to + i + 4, read.getInt32(at + i + 4));
    write.setInt32(to + i + 8, read.getInt32(at + i + 8));
    write.setInt32(to + i + 12, read.getInt32(at + i + 12));
  }
  for (; i + 4 <= count; i += 4) write.setInt32(to + i, read.getInt32(at + i));
  for (; i < count; i++) into.bytes[to + i] = from.bytes[at + i]!;
}
