// Pieces of a cookie that other fields stand between, as no browser sends them: put together once the head is complete.

import { FIELD_ID } from '../../http/fields.js';
import { FIELD, type Head } from '../../http/head.js';

const BEHIND_NAME = 2;
const LINE_END = 2;

/** Makes one cookie field of all, in the place of the first (RFC 9113, 8.2.3). Returns the address behind the last line. */
export function joinCookies(memory: Uint8Array, head: Head, end: number): number {
  const { base, fields } = head;
  const old = Buffer.from(memory.subarray(base, end));
  const isCookie = (field: number): boolean => fields[field + FIELD.id] === FIELD_ID.COOKIE;
  const joined: Buffer[] = [];
  for (let field = 0; field < head.fieldCount * FIELD.WORDS; field += FIELD.WORDS) {
    const valueAt = fields[field + FIELD.valueAt]!;
    if (isCookie(field)) joined.push(old.subarray(valueAt, valueAt + fields[field + FIELD.valueBytes]!));
  }
  const cookie = Buffer.from(joined.map((value) => value.toString('latin1')).join('; '), 'latin1');
  let out = fields[FIELD.nameAt]!;
  let kept = 0;
  let placed = false;
  const count = head.fieldCount;
  head.forgetFields();
  for (let field = 0; field < count * FIELD.WORDS; field += FIELD.WORDS) {
    const crumb = isCookie(field);
    if (crumb && placed) continue;
    placed ||= crumb;
    const [nameAt, nameBytes] = [fields[field + FIELD.nameAt]!, fields[field + FIELD.nameBytes]!];
    const valueAt = fields[field + FIELD.valueAt]!;
    const value = crumb ? cookie : old.subarray(valueAt, valueAt + fields[field + FIELD.valueBytes]!);
    memory.set(old.subarray(nameAt, nameAt + nameBytes + BEHIND_NAME), base + out);
    memory.set(value, base + out + nameBytes + BEHIND_NAME);
    const to = kept++ * FIELD.WORDS;
    const id = fields[field + FIELD.id]!;
    fields[to + FIELD.nameAt] = out;
    fields[to + FIELD.nameBytes] = nameBytes;
    fields[to + FIELD.valueAt] = out + nameBytes + BEHIND_NAME;
    fields[to + FIELD.valueBytes] = value.length;
    fields[to + FIELD.id] = id;
    out += nameBytes + BEHIND_NAME + value.length;
    memory[base + out] = 0x0d;
    memory[base + out + 1] = 0x0a;
    out += LINE_END;
    if (id === FIELD_ID.NONE) continue;
    head.repeated |= head.ids & (1 << id);
    head.ids |= 1 << id;
    head.places[id] = to;
  }
  head.fieldCount = kept;
  return base + out;
}
