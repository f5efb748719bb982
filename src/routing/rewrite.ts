// New text in the place of old: prefixes that a rule matched, and matches of expressions, in paths and in what servers wrote.
// Owns what becomes of the slashes between, and substitutions. Leaves the query, and sending the result, to the worker.

import { RE2JS } from 're2js';

const SLASH = 0x2f;

/**
 * Writes `value`, then what the path at `at` has after its first `prefixBytes` bytes (Matcher.prefixBytes).
 *
 * Exactly one slash stands between the two, and `/foo` with `/` for `/foo` is `/`:
 *
 *   prefix /foo   path /foo/bar   value /xyz, /xyz/  ► /xyz/bar       value /  ► /bar
 *                 path /foo       value /xyz         ► /xyz           value /  ► /
 *
 * @param value  begins with `/`; see PathModifierPlan.
 * @param out    needs `value.length + length` bytes of room from `outAt` on. Must not overlap the input.
 * @returns      the number of bytes written.
 */
export function replacePrefix(
  bytes: Uint8Array,
  at: number,
  length: number,
  prefixBytes: number,
  value: Uint8Array,
  out: Uint8Array,
  outAt: number,
): number {
  const end = at + length;
  let from = at + prefixBytes;
  let to = outAt;
  for (let i = 0; i < value.length; i++) out[to++] = value[i]!;
  if (from < end && bytes[from] === SLASH && out[to - 1] === SLASH) from++;
  while (from < end) out[to++] = bytes[from++]!;
  return to - outAt;
}

/** A substitution cut at its references: text as it is, or the number of a group. */
type Substitution = readonly (string | number)[];

/**
 * Cuts a substitution: `\\1` to `\\9` stand for what the groups matched, `\\0` for all of it, `\\\\` for a backslash. Returns what
 * is wrong with it as a sentence when something else follows a backslash.
 */
export function readSubstitution(text: string): Substitution | string {
  const parts: (string | number)[] = [];
  let plain = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '\\') {
      plain += text[i];
      continue;
    }
    const next = text[++i];
    if (next === '\\') plain += '\\';
    else if (next !== undefined && next >= '0' && next <= '9') {
      if (plain !== '') parts.push(plain);
      plain = '';
      parts.push(Number(next));
    } else return next === undefined ? 'It ends with a backslash.' : `'\\${next}' is no reference to a group.`;
  }
  if (plain !== '') parts.push(plain);
  return parts;
}

/** How many groups an expression has. Throws as RE2JS.compile for what is none. */
export function groupCount(pattern: string): number {
  return RE2JS.compile(pattern).groupCount();
}

/** An expression and what replaces each of its matches. The time it takes is linear in the length of the text. */
export class RegexRewrite {
  readonly #pattern: RE2JS;
  readonly #parts: Substitution;

  /** Throws for an expression or a substitution that is none; both were checked before. */
  constructor(pattern: string, substitution: string) {
    const parts = readSubstitution(substitution);
    if (typeof parts === 'string') throw new RangeError(parts);
    this.#pattern = RE2JS.compile(pattern);
    this.#parts = parts;
  }

  /** The text with every match replaced; as it is when there is none, null when it would have more than `lengthMax` characters. */
  apply(text: string, lengthMax: number): string | null {
    const matcher = this.#pattern.matcher(text);
    let out = '';
    let from = 0;
    while (matcher.find()) {
      out += text.slice(from, matcher.start());
      for (const part of this.#parts) out += typeof part === 'string' ? part : (matcher.group(part) ?? '');
      from = matcher.end();
      if (out.length > lengthMax) return null;
    }
    out += text.slice(from);
    return out.length > lengthMax ? null : out;
  }

  /** True when it matches anywhere in the text. */
  matches(text: string): boolean {
    return this.#pattern.matcher(text).find();
  }
}

/** What browsers read as two slashes in front: they take a backslash for a slash, and drop tabs. */
const HOST_FRONT = /^[/\\][\t]*[/\\][/\\\t]*/;

/** The place with one slash in front where it had several: those would make a host of what was a path. */
export function asPath(place: string): string {
  return place.replace(HOST_FRONT, '/');
}

/** The path of a cookie behind its new prefix: `/` becomes `/app`, which `/app` itself is under too (RFC 6265, 5.1.4). */
export class CookiePathRewrite {
  readonly #rewrite: PrefixRewrite;
  readonly #root: string | null;

  constructor(from: string, to: string) {
    this.#rewrite = new PrefixRewrite(from, to);
    this.#root = from === '/' ? to : null;
  }

  /** Null when it does not begin with the old prefix. */
  apply(path: string): string | null {
    return path === '/' && this.#root !== null ? this.#root : this.#rewrite.apply(path);
  }
}

/**
 * One prefix in the place of another, in the place that a server names: a path, or a URL with its scheme and host. Whole
 * elements count, as everywhere: `/app` is in front of `/app/x` and `/app?q`, not of `/apple`, and exactly one slash stands
 * between the new prefix and the rest.
 */
export class PrefixRewrite {
  readonly #from: string;
  readonly #to: string;

  constructor(from: string, to: string) {
    this.#from = from.replace(/\/$/, '');
    this.#to = to.replace(/\/$/, '');
  }

  /** The text behind its new prefix, or null when it does not begin with the old. */
  apply(text: string): string | null {
    if (text === '' || !text.startsWith(this.#from)) return null;
    const rest = text.slice(this.#from.length);
    if (rest !== '' && !/^[/?#]/.test(rest)) return null;
    // Where the old prefix is the root, two slashes in front name a host, which is no path.
    if (this.#from === '' && HOST_FRONT.test(rest)) return null;
    const moved = `${this.#to}${rest}`;
    if (this.#to !== '') return moved;
    return rest.startsWith('/') ? asPath(rest) : `/${rest}`;
  }
}
