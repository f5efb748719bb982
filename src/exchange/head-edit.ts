// What the filters of a rule change in one head on its way: fields that go, lines that come, values that are replaced.
// Owns the order of these changes. Leaves what to change to the filters, and listing the head to its writer.

import { equalsAsVariable, equalsCaseless, FIELD_IDS, FORWARDING_ADDED, fieldId } from '../http/fields.js';

/** Fields that go from a head, by name. Made with the rule, only read afterwards. */
export class FieldDrop {
  /** One of them is a forwarding field, which would be written anew. */
  readonly touchesForwarding: boolean;
  readonly #names: readonly Uint8Array[];
  readonly #equals: typeof equalsCaseless;
  readonly #ids = new Uint8Array(FIELD_IDS);

  /**
   * @param names        in lower case.
   * @param asVariables  a name that a server could take for one of them goes too: `X_Tier` with `x-tier`.
   */
  constructor(names: readonly string[], asVariables: boolean) {
    this.#equals = asVariables ? equalsAsVariable : equalsCaseless;
    this.#names = names.map((name) => Buffer.from(name, 'latin1'));
    for (const name of this.#names) this.#ids[fieldId(name, 0, name.length)] = 1;
    this.touchesForwarding = FORWARDING_ADDED.some((id) => this.#ids[id] === 1);
  }

  /** True when the field whose name stands at `at` goes. Hot. */
  has(memory: Uint8Array, at: number, bytes: number): boolean {
    const names = this.#names;
    for (let i = 0; i < names.length; i++) if (this.#equals(memory, at, bytes, names[i]!)) return true;
    return false;
  }

  /** True when the known field with this id (FIELD_ID) goes. */
  hasId(id: number): boolean {
    return this.#ids[id] === 1;
  }

  /** Whole lines, each ending in CRLF, without those that go. */
  without(lines: string): string {
    const kept = lines.split('\r\n').filter((line) => {
      const name = Buffer.from(line.slice(0, Math.max(line.indexOf(':'), 0)), 'latin1');
      return line !== '' && !this.has(name, 0, name.length);
    });
    return kept.map((line) => `${line}\r\n`).join('');
  }
}

/** Makes another value of a known field that a server sent. Made with the rule. */
export interface ValueRewrite {
  /** FIELD_ID of the fields. */
  readonly id: number;
  /** The new value of the field whose name stands at `nameAt`; the old one to leave it. Every character is one byte. */
  value(memory: Uint8Array, nameAt: number, nameBytes: number, value: string): string;
}

/** One per worker, filled again for each head that a filter has a say in. Filters call `change`, `rewrite` and `host`. */
export class HeadEdit {
  /** The lines that are added, each ending in CRLF; every character is one byte. */
  lines = '';
  /** The value of Host, without its name; null to leave it. */
  hostname: string | null = null;
  /** The bits of the ids of fields whose values are rewritten, as in Head.ids. */
  rewriteIds = 0;
  /** A forwarding field that we would add is removed or set. */
  touchesForwarding = false;
  /** Of these the first so many count: emptying an array would have it grow again for each head. */
  readonly #drops: FieldDrop[] = [];
  #dropCount = 0;
  readonly #rewrites: ValueRewrite[] = [];
  #rewriteCount = 0;

  /** Forgets the head before. */
  begin(): this {
    this.lines = '';
    this.hostname = null;
    this.rewriteIds = 0;
    this.touchesForwarding = false;
    this.#dropCount = 0;
    this.#rewriteCount = 0;
    return this;
  }

  /** Takes fields away, those too that an earlier change added; then adds whole lines, each ending in CRLF. */
  change(drop: FieldDrop, lines: string): void {
    this.lines = this.lines === '' ? lines : drop.without(this.lines) + lines;
    this.#drops[this.#dropCount++] = drop;
    if (drop.touchesForwarding) this.touchesForwarding = true;
  }

  /** Sends another Host to the server. Of several the last one holds. */
  host(hostname: string): void {
    this.hostname = hostname;
  }

  /** Rewrites the values of a known field of a server's response. Local replies have none that need it, and keep theirs. */
  rewrite(rewrite: ValueRewrite): void {
    this.#rewrites[this.#rewriteCount++] = rewrite;
    this.rewriteIds |= 1 << rewrite.id;
  }

  /** True when the field whose name stands at `at` goes. Hot. */
  drops(memory: Uint8Array, at: number, bytes: number): boolean {
    const drops = this.#drops;
    for (let i = 0; i < this.#dropCount; i++) if (drops[i]!.has(memory, at, bytes)) return true;
    return false;
  }

  /** True when a field that we would add is left to this edit. */
  owns(id: number): boolean {
    const drops = this.#drops;
    for (let i = 0; i < this.#dropCount; i++) if (drops[i]!.hasId(id)) return true;
    return false;
  }

  /** Whole lines of our own, without those that go. */
  without(lines: string): string {
    let kept = lines;
    for (let i = 0; i < this.#dropCount; i++) kept = this.#drops[i]!.without(kept);
    return kept;
  }

  /** The value of a field as it goes on. */
  valueOf(id: number, memory: Uint8Array, nameAt: number, nameBytes: number, value: string): string {
    let changed = value;
    for (let i = 0; i < this.#rewriteCount; i++) {
      const rewrite = this.#rewrites[i]!;
      if (rewrite.id === id) changed = rewrite.value(memory, nameAt, nameBytes, changed);
    }
    return changed;
  }
}
