// The field names that a message's Connection lists: they end at this hop (RFC 9110, 7.6.1).

import { listElement, nextElement } from '../../base/lists.js';
import { equalsBytesCaseless, equalsCaseless, FIELD_ID } from '../../http/fields.js';
import { FIELD, type Head } from '../../http/head.js';

const TOKENS_MAX = 32;

/** Options of the connection itself, by their length: they name no field. */
const OPTIONS: readonly (Uint8Array | undefined)[] = Array.from({ length: 11 }, (_, length) => {
  const option = ['close', 'keep-alive', 'upgrade'].find((name) => name.length === length);
  return option === undefined ? undefined : Buffer.from(option, 'latin1');
});

function isOption(memory: Uint8Array, at: number, bytes: number): boolean {
  const option = bytes < OPTIONS.length ? OPTIONS[bytes] : undefined;
  return option !== undefined && equalsCaseless(memory, at, bytes, option);
}

/** The names listed by one message; reused. */
export class Tokens {
  count = 0;
  readonly #ats = new Int32Array(TOKENS_MAX);
  readonly #bytes = new Int32Array(TOKENS_MAX);

  /** Reads the Connection fields of a head, in place of what was read before. Returns false as `read` does. */
  readAll(memory: Uint8Array, head: Head): boolean {
    this.count = 0;
    if (!head.has(FIELD_ID.CONNECTION)) return true;
    const last = head.last(FIELD_ID.CONNECTION);
    if ((head.repeated & (1 << FIELD_ID.CONNECTION)) === 0) {
      const at = head.valueAt(last);
      const bytes = head.valueBytes(last);
      return isOption(memory, at, bytes) || this.read(memory, at, bytes);
    }
    let room = true;
    for (
      let field = head.next(FIELD_ID.CONNECTION);
      field >= 0;
      field = head.next(FIELD_ID.CONNECTION, field + FIELD.WORDS)
    ) {
      const at = head.valueAt(field);
      room = this.read(memory, at, head.valueBytes(field)) && room;
    }
    return room;
  }

  /** Reads one Connection value. Returns false when it names more fields than there is room for. */
  read(memory: Uint8Array, at: number, bytes: number): boolean {
    const end = at + bytes;
    for (let token = nextElement(memory, at, end); token >= 0; token = nextElement(memory, listElement.next, end)) {
      if (isOption(memory, token, listElement.bytes)) continue;
      if (this.count === TOKENS_MAX) return false;
      this.#ats[this.count] = token;
      this.#bytes[this.count] = listElement.bytes;
      this.count++;
    }
    return true;
  }

  /** True when the field is named. Fields that say where a message goes or ends are never taken away by a name. */
  has(memory: Uint8Array, id: number, at: number, bytes: number): boolean {
    if (id === FIELD_ID.HOST || id === FIELD_ID.CONTENT_LENGTH) return false;
    for (let i = 0; i < this.count; i++) {
      if (equalsBytesCaseless(memory, at, bytes, this.#ats[i]!, this.#bytes[i]!)) return true;
    }
    return false;
  }
}
