// Finding tokens in the comma-separated lists of field values (RFC 9110, 5.6.1).

const COMMA = 0x2c;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Calls for the next element of a list: where it starts is returned, `listElement.bytes` is its length and
 * `listElement.next` where to go on. Returns -1 at the end. Empty elements are skipped, as recipients must.
 */
export const listElement = { bytes: 0, next: 0 };

export function nextElement(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === COMMA || bytes[at] === SPACE || bytes[at] === TAB)) at++;
  if (at >= end) return -1;
  let stop = at;
  while (stop < end && bytes[stop] !== COMMA) stop++;
  listElement.next = stop;
  while (stop > at && (bytes[stop - 1] === SPACE || bytes[stop - 1] === TAB)) stop--;
  listElement.bytes = stop - at;
  return at;
}
