// The field names that a message's Connection lists: they end at this hop (RFC 9110, 7.6.1).

import { equalsBytesCaseless, equalsCaseless, FIELD_ID, hashName } from '../http/fields.js';
import { FIELD, type Head } from '../http/head.js';
import { listElement, nextElement } from '../http/lists.js';

const TOKENS_MAX = 32;

/** Options of the connection itself: they name no field. */
const OPTIONS = ['close', 'keep-alive', 'upgrade'].map((option) => Buffer.from(option, 'latin1'));

function isOption(memory: Uint8Array, at: number, bytes: number): boolean {
  for (const option of OPTIONS) if (equalsCaseless(memory, at, bytes, option)) return true;
  return false;
}

/** The names listed by one message; reused. */
export class Tokens {
  count = 0;
  readonly #hashes = new Int32Array(TOKENS_MAX);
  readonly #ats = new Int32Array(TOKENS_MAX);
  readonly #bytes = new Int32Array(TOKENS_MAX);

  clear(): void {
    this.count = 0;
  }

  /** Reads the Connection fields of a head, in place of what was read before. Returns false as `read` does. */
  readAll(memory: Uint8Array, head: Head): boolean {
    this.count = 0;
    if (!head.has(FIELD_ID.CONNECTION)) return true;
    let room = true;
    for (let field = 0, end = head.fieldCount * FIELD.WORDS; field < end; field += FIELD.WORDS) {
      if (head.fields[field + FIELD.id] !== FIELD_ID.CONNECTION) continue;
      const at = head.base + head.fields[field + FIELD.valueAt]!;
      room = this.read(memory, at, head.fields[field + FIELD.valueBytes]!) && room;
    }
    return room;
  }

  /** Reads one Connection value. Returns false when it names more fields than there is room for. */
  read(memory: Uint8Array, at: number, bytes: number): boolean {
    const end = at + bytes;
    for (let token = nextElement(memory, at, end); token >= 0; token = nextElement(memory, listElement.next, end)) {
      if (isOption(memory, token, listElement.bytes)) continue;
      const hash = hashName(memory, token, listElement.bytes);
      if (this.count === TOKENS_MAX) return false;
      this.#hashes[this.count] = hash;
      this.#ats[this.count] = token;
      this.#bytes[this.count] = listElement.bytes;
      this.count++;
    }
    return true;
  }

  /** True when the field is named. Fields that say where a message goes or ends are never taken away by a name. */
  has(memory: Uint8Array, id: number, hash: number, at: number, bytes: number): boolean {
    if (id === FIELD_ID.HOST || id === FIELD_ID.CONTENT_LENGTH) return false;
    for (let i = 0; i < this.count; i++) {
      if (this.#hashes[i] === hash && equalsBytesCaseless(memory, at, bytes, this.#ats[i]!, this.#bytes[i]!))
        return true;
    }
    return false;
  }
}
