// What is wrong with a document, such as a configuration, and how it is said.
// Owns the shape and the wording frame of a problem, and the list of them. Leaves finding problems to src/config and
// src/routing.

import { type DocumentPath, formatPath, type Place, type PlaceOf } from './document-path.js';
import { nearest } from './nearest.js';

/** Something wrong, or doubtful, in one place. */
export interface Problem extends Place {
  /** Where in the document: `routes[0].rules[0].path.type`. Empty for the document itself. */
  readonly path: string;
  /** What was found: one sentence. */
  readonly found: string;
  /** What was expected, and what to do. May be empty. */
  readonly expected: string;
}

/** Collects errors, which refuse the document, and warnings, which do not, in the order they were found. */
export class Problems {
  readonly errors: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly #placeOf: PlaceOf;

  constructor(placeOf: PlaceOf) {
    this.#placeOf = placeOf;
  }

  /** `place` is that of the value at `path` unless it is given. */
  error(path: DocumentPath, found: string, expected = '', place = this.placeOf(path)): void {
    this.errors.push({ ...place, path: formatPath(path), found, expected });
  }

  warn(path: DocumentPath, found: string, expected = ''): void {
    this.warnings.push({ ...this.placeOf(path), path: formatPath(path), found, expected });
  }

  /** Where a path of the document stands. Line and column are 0 when the document has no file. */
  placeOf(path: DocumentPath): Place {
    return this.#placeOf(path) ?? { file: '(config)', line: 0, column: 0 };
  }
}

/** The problems in the order of the file. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}

/** What a reader of one value says when it cannot take it: two texts for a `Problem`, which knows the place. */
export class Refusal {
  constructor(
    readonly found: string,
    readonly expected: string = '',
  ) {}
}

/** `file:line:column: path: found` and, indented on a line of its own, what was expected. */
export function formatProblem(problem: Problem): string {
  const at = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const head = [at, problem.path, problem.found].filter((part) => part !== '').join(': ');
  return problem.expected === '' ? head : `${head}\n  ${problem.expected}`;
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
