// Collects what is wrong or doubtful while routes are compiled, each with its place in the file.
// Owns the list and the wording of "did you mean". Leaves printing to the command line.

import { type DocumentPath, documentPath, type Place, type PlaceOf, type RouteProblem } from './input.js';

/** Problems (which refuse the config) and warnings (which do not), in the order they were found. */
export class Problems {
  readonly errors: RouteProblem[] = [];
  readonly warnings: RouteProblem[] = [];
  readonly #placeOf: PlaceOf;

  constructor(placeOf: PlaceOf) {
    this.#placeOf = placeOf;
  }

  error(path: DocumentPath, message: string): void {
    this.errors.push({ place: this.placeOf(path), path: documentPath(path), message });
  }

  warn(path: DocumentPath, message: string): void {
    this.warnings.push({ place: this.placeOf(path), path: documentPath(path), message });
  }

  /** The place of a path, or of the nearest thing around it that has one. */
  placeOf(path: DocumentPath): Place {
    for (let length = path.length; length >= 0; length--) {
      const place = this.#placeOf(path.slice(0, length));
      if (place !== undefined) return place;
    }
    return { file: '(config)', line: 1, column: 1 };
  }
}

/** ` Did you mean X?` for the name nearest to `found`, or an empty string when none is near. */
export function didYouMean(found: string, names: Iterable<string>): string {
  let best = '';
  let bestDistance = Math.max(1, Math.floor(found.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(found.toLowerCase(), name.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best === '' ? '' : ` Did you mean ${best}?`;
}

/** Levenshtein distance; stops counting at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
