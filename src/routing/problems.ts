// Collects what is wrong or doubtful while routes are compiled, each with its place in the file.
// Owns the two lists. Leaves printing to the command line, and mistakes a schema can find to src/config.

import { type DocumentPath, documentPath, type Place, type PlaceOf, type RouteProblem } from './input.js';

/** Problems (which refuse the config) and warnings (which do not), in the order they were found. */
export class Problems {
  readonly errors: RouteProblem[] = [];
  readonly warnings: RouteProblem[] = [];
  readonly #placeOf: PlaceOf;

  constructor(placeOf: PlaceOf) {
    this.#placeOf = placeOf;
  }

  error(path: DocumentPath, found: string, expected: string): void {
    this.errors.push({ ...this.placeOf(path), path: documentPath(path), found, expected });
  }

  warn(path: DocumentPath, found: string, expected: string): void {
    this.warnings.push({ ...this.placeOf(path), path: documentPath(path), found, expected });
  }

  /** Where a path of the document stands. Line and column are 0 when the document has no file. */
  placeOf(path: DocumentPath): Place {
    return this.#placeOf(path) ?? { file: '(config)', line: 0, column: 0 };
  }
}
