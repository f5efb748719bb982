// What is wrong with a configuration, and how it is said.
// Owns the shape and the wording frame of a problem. Leaves finding problems to schema.ts and semantics.ts.

import { nearest } from './nearest.js';

/** A way into a document: keys of maps and indexes of lists, outermost first. */
export type Path = readonly (string | number)[];

/** One mistake in one place. */
export interface Problem {
  /** The file as the user named it. */
  readonly file: string;
  /** Counted from 1; 0 when the place is not known (configuration modules are run, not read). */
  readonly line: number;
  /** Counted from 1, in characters; 0 when the place is not known. */
  readonly column: number;
  /** Where in the document: `routes[0].rules[0].path.type`. Empty for the document itself. */
  readonly path: string;
  /** What was found: one sentence. */
  readonly found: string;
  /** What was expected, and what to do. May be empty. */
  readonly expected: string;
}

/** What a reader of one value says when it cannot take it: two texts for a `Problem`, which knows the place. */
export class Refusal {
  constructor(
    readonly found: string,
    readonly expected: string = '',
  ) {}
}

/**
 * Thrown by `loadConfig` with every problem of the file, in the order of the file. `files` are those that the
 * configuration is made of, as far as they are known: none when it could not be read at all.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(
    readonly problems: readonly Problem[],
    readonly files: readonly string[] = [],
  ) {
    super(problems.map(formatProblem).join('\n'));
  }
}

/** `file:line:column: path: found` and, indented on a line of its own, what was expected. */
export function formatProblem(problem: Problem): string {
  const at = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const head = [at, problem.path, problem.found].filter((part) => part !== '').join(': ');
  return problem.expected === '' ? head : `${head}\n  ${problem.expected}`;
}

/** `['routes', 0, 'rules']` as `routes[0].rules`; a key that is not a plain word is quoted in brackets. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

const SHOWN_MAX = 60;

/** A value as a message names it: `'text'`, `42`, `a list`. Long texts are cut. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    const printable = JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"');
    return printable.length > SHOWN_MAX ? `'${printable.slice(0, SHOWN_MAX)}…'` : `'${printable}'`;
  }
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return String(value);
}

/** `A`, `A or B`, `A, B or C`. */
export function alternatives(words: readonly string[], joint: 'or' | 'and' = 'or'): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${joint} ${words.at(-1)}`;
}

/** ` Did you mean X?` when a known word is close to `word`, else nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const best = nearest(word, known);
  return best === undefined ? '' : ` Did you mean ${best}?`;
}

/** "'x' is not a port." with what is expected instead. */
export function refuse(value: unknown, noun: string, expected: string): Refusal {
  if (value === null) return new Refusal('There is no value here.', expected);
  return new Refusal(`${shown(value)} is not ${noun}.`, expected);
}
