// Fields in which a policy tells servers who a client is: what clients say in them never goes on.
// Owns taking them away, from heads and trailers, in every spelling. Leaves what they say to the policy.

import { oneBytePerCharacter } from '../../base/latin1.js';
import type { AnyExchange } from '../../exchange/client-info.js';
import type { Filter } from '../../exchange/filter.js';
import { FieldDrop } from '../../exchange/head-edit.js';

/** The phases that keep such fields clean, and what is known of requests under way. */
export class IdentityFields {
  readonly #drop: FieldDrop;
  readonly #lines = new WeakMap<AnyExchange, string>();

  /** `names` are those of the fields that go, whether the policy fills them or not. */
  constructor(names: readonly string[]) {
    this.#drop = new FieldDrop(
      names.map((name) => name.toLowerCase()),
      true,
    );
  }

  /** What servers get of this request: names and values, of any characters. */
  set(x: AnyExchange, fields: readonly (readonly [name: string, value: string])[]): void {
    this.setBytes(
      x,
      fields.map(([name, value]) => [name, oneBytePerCharacter(value)]),
    );
  }

  /** The same for values that have one character per byte. */
  setBytes(x: AnyExchange, fields: readonly (readonly [name: string, value: string])[]): void {
    this.#lines.set(x, fields.map(([name, value]) => `${name}: ${clean(value)}\r\n`).join(''));
  }

  /** The phases that a filter with such fields has. */
  get phases(): Pick<Required<Filter>, 'routed' | 'attemptHead' | 'requestBody'> {
    return {
      routed: (x) => void this.#lines.delete(x),
      attemptHead: (x, edit) => edit.change(this.#drop, this.#lines.get(x) ?? ''),
      // A server that merges trailers into its fields would believe them.
      requestBody: (_x, { trailers }) =>
        trailers !== '' && this.#drop.without(trailers) !== trailers ? 'REQUEST_MALFORMED' : null,
    };
  }
}

/** A value in one line: what would end a field becomes a space. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not get into a field.
const clean = (value: string): string => value.replace(/[\x00-\x1f\x7f]+/g, ' ').trim();
