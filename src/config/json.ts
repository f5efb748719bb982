// Reads JSON with the place of every part, and says where and how it is broken.
// Owns its syntax (RFC 8259; duplicate keys are mistakes). Exists beside yaml.ts because YAML's reader would take what is no JSON.

import { shown } from '../base/problems.js';
import { type Document, type Mistake, Source } from './source.js';
import { type Member, type Part, TreeOffsets } from './tree.js';

/** Deeper documents are refused before they could exhaust the stack. */
const DEPTH_MAX = 100;

export function readJson(file: string, text: string): Document {
  const reader = new Reader(text);
  try {
    const { value, part } = reader.document();
    return { value, source: new Source(file, text, new TreeOffsets(part)), mistakes: reader.mistakes };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { value: undefined, source: new Source(file, text, null), mistakes: [...reader.mistakes, error.mistake] };
  }
}

/** Thrown at the first mistake after which nothing more can be read. */
class Broken extends Error {
  constructor(readonly mistake: Mistake) {
    super(mistake.found);
  }
}

interface Read {
  readonly value: unknown;
  readonly part: Part;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\]|\\.)*"/sy;
const WORD = /true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

class Reader {
  readonly mistakes: Mistake[] = [];
  readonly #text: string;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Read {
    const read = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#broken('the end of the file');
    return read;
  }

  #value(): Read {
    this.#space();
    const at = this.#at;
    const first = this.#text[at];
    if (this.#path.length > DEPTH_MAX) throw this.#broken('at most 100 levels');
    if (first === '{') return this.#map(at);
    if (first === '[') return this.#list(at);
    const token = first === '"' ? this.#take(STRING) : (this.#take(NUMBER) ?? this.#take(WORD));
    if (token === undefined) throw this.#broken(first === '"' ? 'a text that ends with "' : 'a value');
    return { value: this.#parsed(token, at), part: { at, members: null, items: null } };
  }

  #map(at: number): Read {
    const value: Record<string, unknown> = {};
    const members = new Map<string, Member>();
    this.#at++;
    this.#space();
    if (this.#eat('}')) return { value, part: { at, members, items: null } };
    do {
      this.#space();
      const keyAt = this.#at;
      const token = this.#take(STRING);
      if (token === undefined) throw this.#broken('a key in double quotes');
      const key = String(this.#parsed(token, keyAt));
      this.#space();
      if (!this.#eat(':')) throw this.#broken(`':' after the key ${shown(key)}`);
      this.#path.push(key);
      if (members.has(key)) {
        const found = `The key '${key}' stands twice in one map.`;
        this.mistakes.push({ offset: keyAt, path: [], found, expected: 'Remove or rename one of them.' });
      }
      const member = this.#value();
      this.#path.pop();
      members.set(key, { keyAt, part: member.part });
      // A plain assignment of __proto__ would change the prototype instead of adding a key.
      Object.defineProperty(value, key, { value: member.value, enumerable: true, configurable: true, writable: true });
      this.#space();
    } while (this.#eat(','));
    if (!this.#eat('}')) throw this.#broken("',' or '}'");
    return { value, part: { at, members, items: null } };
  }

  #list(at: number): Read {
    const value: unknown[] = [];
    const items: Part[] = [];
    this.#at++;
    this.#space();
    if (this.#eat(']')) return { value, part: { at, members: null, items } };
    do {
      this.#path.push(value.length);
      const item = this.#value();
      this.#path.pop();
      value.push(item.value);
      items.push(item.part);
      this.#space();
    } while (this.#eat(','));
    if (!this.#eat(']')) throw this.#broken("',' or ']'");
    return { value, part: { at, members: null, items } };
  }

  /** The value of one token. Texts may still hold what JSON forbids: raw control characters and unknown escapes. */
  #parsed(token: string, at: number): unknown {
    try {
      return JSON.parse(token);
    } catch {
      this.#at = at;
      throw this.#broken('a text in one line, with escapes that JSON knows');
    }
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #eat(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #take(token: RegExp): string | undefined {
    token.lastIndex = this.#at;
    const match = token.exec(this.#text);
    if (match === null) return undefined;
    this.#at = token.lastIndex;
    return match[0];
  }

  #broken(expected: string): Broken {
    const end = this.#at >= this.#text.length;
    const found = end ? 'The file ends too early.' : `Not valid JSON: ${shown(this.#text[this.#at])} stands here.`;
    const offset = Math.min(this.#at, Math.max(0, this.#text.length - 1));
    return new Broken({ offset, path: [...this.#path], found, expected: `Expected ${expected}.` });
  }
}
