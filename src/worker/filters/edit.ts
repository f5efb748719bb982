// RequestHeaderModifier and ResponseHeaderModifier: which fields of a head go, and which lines come.

import { equalsAsVariable, equalsCaseless, FIELD_ID, fieldId } from '../../http/fields.js';
import type { HeaderModifierPlan, HeaderValuePlan } from '../../routing/plan.js';
import { bytesOf, isFixed } from './header-variables.js';

const FORWARDING: readonly number[] = [
  FIELD_ID.X_FORWARDED_FOR,
  FIELD_ID.X_FORWARDED_PROTO,
  FIELD_ID.X_FORWARDED_HOST,
  FIELD_ID.X_FORWARDED_PORT,
  FIELD_ID.X_REQUEST_ID,
  FIELD_ID.VIA,
];

/** What the filters of a rule, and those around it, change in heads of one direction; made with the plan, only read afterwards. */
export class HeaderEdit {
  /** The lines it adds, as they go out; empty when they name variables of the request. */
  readonly fixed: string;
  /** The same, when they name variables: to be filled in once per request. */
  readonly filled: readonly HeaderValuePlan[] | null;
  /** It sets or removes a field that we would add ourselves. */
  readonly touchesForwarding: boolean;
  readonly #names: readonly Uint8Array[];
  readonly #equals: typeof equalsCaseless;
  readonly #ids = new Uint8Array(64);

  /** `asVariables`: a name that a server could take for one that goes is removed with it. */
  constructor({ set, add, remove }: HeaderModifierPlan, asVariables: boolean) {
    this.#equals = asVariables ? equalsAsVariable : equalsCaseless;
    const lines = [...set, ...add];
    const gone = [...set.map(({ name }) => name.toLowerCase()), ...remove];
    this.filled = isFixed(lines) ? null : lines;
    this.fixed =
      this.filled === null ? lines.map(({ name, parts }) => `${name}: ${bytesOf(parts.join(''))}\r\n`).join('') : '';
    this.#names = gone.map((name) => Buffer.from(name, 'latin1'));
    for (const name of this.#names) this.#ids[fieldId(name, 0, name.length)] = 1;
    this.touchesForwarding = FORWARDING.some((id) => this.#ids[id] === 1);
  }

  /** True when the field goes: it is removed, or set anew. Hot. */
  drops(memory: Uint8Array, at: number, bytes: number): boolean {
    const names = this.#names;
    for (let i = 0; i < names.length; i++) if (this.#equals(memory, at, bytes, names[i]!)) return true;
    return false;
  }

  /** Whole lines of our own, without those that go. */
  without(lines: string): string {
    const kept = lines.split('\r\n').filter((line) => {
      const name = Buffer.from(line.slice(0, Math.max(line.indexOf(':'), 0)), 'latin1');
      return line !== '' && !this.drops(name, 0, name.length);
    });
    return kept.map((line) => `${line}\r\n`).join('');
  }

  /** The lines it adds; `filled` are those of this request, where they name variables. */
  lines(filled: string): string {
    return this.filled === null ? this.fixed : filled;
  }

  /** True when a field that we would add is left to this edit. */
  owns(id: number): boolean {
    return this.#ids[id] === 1;
  }
}

/** The edit of a modifier, or null when there is none. */
export function headerEdit(modifier: HeaderModifierPlan | null, asVariables: boolean): HeaderEdit | null {
  return modifier === null ? null : new HeaderEdit(modifier, asVariables);
}
