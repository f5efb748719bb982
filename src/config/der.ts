// Reads DER (ITU-T X.690), as far as certificates and OCSP responses need it.
// Owns lengths and bounds. Leaves what the parts mean to its callers.

/** What was read is not DER, or not what was expected. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** One value. */
export interface Der {
  readonly tag: number;
  readonly content: Buffer;
  /** With tag and length. */
  readonly whole: Buffer;
}

/** Tags, as the first byte has them. */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  enumerated: 0x0a,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

const LENGTH_BYTES_MAX = 4;

/** The only value in `bytes`. Throws DerError when there is none, or more. */
export function readDer(bytes: Buffer): Der {
  const [value, ...more] = readAll(bytes);
  if (value === undefined || more.length > 0) throw new DerError('not one value');
  return value;
}

/** The values inside of `value`, whose tag must be `tag`. Throws DerError. */
export function partsOf(value: Der | undefined, tag: number): Der[] {
  return readAll(contentOf(value, tag));
}

/** The content of `value`, whose tag must be `tag`. Throws DerError. */
export function contentOf(value: Der | undefined, tag: number): Buffer {
  if (value?.tag !== tag) throw new DerError(`not of tag ${tag}`);
  return value.content;
}

/** Milliseconds since 1970 of a GeneralizedTime, in the one form that RFC 5280, 4.1.2.5.2 allows. Throws DerError. */
export function timeOf(value: Der | undefined): number {
  const text = contentOf(value, TAG.generalizedTime).toString('latin1');
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (found === null) throw new DerError('not a time');
  const [, year, month, day, hour, minute, second] = found;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function readAll(bytes: Buffer): Der[] {
  const found: Der[] = [];
  for (let at = 0; at < bytes.length; at += found.at(-1)!.whole.length) found.push(readOne(bytes.subarray(at)));
  return found;
}

function readOne(bytes: Buffer): Der {
  const tag = bytes[0]!;
  const first = bytes[1];
  if (first === undefined || (tag & 0x1f) === 0x1f) throw new DerError('cut, or a long tag');
  let head = 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > LENGTH_BYTES_MAX || bytes.length < 2 + count) throw new DerError('a bad length');
    length = bytes.readUIntBE(2, count);
    head += count;
  }
  if (bytes.length < head + length) throw new DerError('cut');
  return { tag, content: bytes.subarray(head, head + length), whole: bytes.subarray(0, head + length) };
}
