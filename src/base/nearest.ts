// Finds the name a user probably meant.
// Owns the idea of "close"; the edit distance itself comes from fastest-levenshtein.

import { distance } from 'fastest-levenshtein';

/** Names as different styles spell them: `health_check`, `health-check` and `healthCheck` are one word, and so are `retries` and `retry`. */
function folded(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[-_ .]/g, '')
    .replace(/ies$/, 'y');
}

/** Edit distance that counts two neighbouring letters swapped as one slip. */
function slips(a: string, b: string): number {
  const plain = distance(a, b);
  if (plain < 2) return plain;
  let swapped = plain;
  for (let i = 0; i + 1 < a.length; i++) {
    if (a[i] === a[i + 1]) continue;
    const other = a.slice(0, i) + a[i + 1] + a[i] + a.slice(i + 2);
    swapped = Math.min(swapped, 1 + distance(other, b));
  }
  return swapped;
}

/** The words of a name in alphabetical order, so that `maxRetries` and `retriesMax` are equal. */
function words(name: string): string {
  return name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[-_ .]/)
    .sort()
    .join(' ');
}

/** True when one name is a part of the other and long enough to mean something: `match` in `matches`. */
function contains(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length >= 4 && long.includes(short);
}

/** True when `short` is `long` with letters left out, the first one and a third of all kept: `imgs` for `images`. */
function abbreviates(short: string, long: string): boolean {
  if (short.length < 3 || short.length * 3 < long.length || short[0] !== long[0]) return false;
  let at = 0;
  for (const letter of long) if (letter === short[at]) at++;
  return at === short.length;
}

/**
 * The known name closest to `name`, if it is close enough to be worth suggesting: at most one slip in three
 * letters, and at most three, none in fewer than three; or else the same words in another order, a part of the name, or the name shortened. The first of several
 * equally close names wins.
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const wanted = folded(name);
  if (wanted === '') return undefined;
  // Two letters with a slip in them could be anything: v3 is no slip of v1.
  const slipsMax = wanted.length < 3 ? 0 : Math.min(3, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let bestSlips = slipsMax + 1;
  for (const candidate of known) {
    const word = folded(candidate);
    if (Math.abs(word.length - wanted.length) >= bestSlips) continue;
    const count = slips(wanted, word);
    if (count < bestSlips) {
      best = candidate;
      bestSlips = count;
    }
  }
  if (best !== undefined) return best;
  const names = [...known];
  return (
    names.find((candidate) => words(candidate) === words(name)) ??
    names.find((candidate) => contains(folded(candidate), wanted)) ??
    names.find((candidate) => abbreviates(wanted, folded(candidate)))
  );
}
