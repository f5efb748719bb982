// Path normalisation on random paths: what every reader of the result can rely on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keptPathOf, keptPrefix, mergeRuns, normalPathOf } from '../../../src/routing/path.js';

const piece = fc.constantFrom(
  ...['/', '/', '/', '.', '.', '..', 'a', 'A', '%2e', '%2E', '%2f', '%2F', '%5c', '%5C', ';', '%3b', '%61', '%7E'],
  ...['%25', '%00', '%', '%4', '\\', '|', 'é', '%c3%a9', '~', ':', '%3a'],
);
const path = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);

/** The normal form as RFC 3986 and docs/routing.md say it, on strings and lists; undefined is refused. */
function slowly(sent: string): string | undefined {
  if (/[\0- \x7f\\?#]/.test(sent) || /%(?![0-9A-Fa-f]{2})/.test(sent) || /%(0|1|7f)/i.test(sent)) return undefined;
  const spelled = encodeURI(sent)
    .replaceAll('%25', '%')
    .replace(/%../g, (triplet) => {
      const char = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
      return /[\w.~-]/.test(char) ? char : triplet.toUpperCase();
    });
  const segments: string[] = [];
  const all = spelled.split('/').slice(1);
  for (const segment of all) {
    const readings = [segment, ...segment.split(/%2F|%5C/)].map((part) => part.split(/;|%3B/)[0]);
    const isDots = segment === '.' || segment === '..';
    if (!isDots && readings.some((part) => part === '.' || part === '..')) return undefined;
    if (segment === '..') segments.pop();
    else if (segment !== '.' && segment !== '') segments.push(segment);
  }
  const last = all.at(-1);
  const closing = segments.length > 0 && (last === '' || last === '.' || last === '..') ? '/' : '';
  return `/${segments.join('/')}${closing}`;
}

test('equals the slow and obvious form on 100,000 paths', () => {
  let refused = 0;
  fc.assert(
    fc.property(path, (sent) => {
      const normal = normalPathOf(sent);
      if (normal === undefined) refused++;
      assert.equal(normal, slowly(sent));
    }),
    { numRuns: 100_000 },
  );
  assert.ok(refused > 10_000 && refused < 90_000, `${refused} of 100000 refused`);
});

test('no reader of the result finds a dot segment: not by decoding slashes, nor by dropping parameters', () => {
  fc.assert(
    fc.property(path, (sent) => {
      const normal = normalPathOf(sent);
      if (normal === undefined) return;
      assert.equal(normalPathOf(normal), normal, 'normal twice');
      for (const segment of normal
        .slice(1)
        .replace(/%2F|%5C/g, '/')
        .split('/')) {
        const read = segment
          .split(/;|%3B/)[0]!
          .replace(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
        assert.ok(read !== '.' && read !== '..', `${sent} became ${normal}`);
      }
    }),
    { numRuns: 20_000 },
  );
});

test('a path that keeps its runs of slashes differs from the normal form in nothing else, or is refused', () => {
  let kept = 0;
  fc.assert(
    fc.property(path, fc.nat(40), (sent, prefix) => {
      const sentOn = keptPathOf(sent);
      assert.equal(sentOn === undefined, !/\/\//.test(sent), sent);
      if (typeof sentOn !== 'string') return;
      kept++;
      const normal = normalPathOf(sent)!;
      assert.equal(sentOn.replace(/\/+/g, '/'), normal, sent);
      // A prefix of the normal form is found again in front of the same rest.
      const bytes = Buffer.from(sentOn, 'latin1');
      const merged = Buffer.alloc(bytes.length);
      assert.equal(merged.toString('latin1', 0, mergeRuns(bytes, 0, bytes.length, merged, 0)), normal, sent);
      const most = Math.min(prefix, normal.length);
      const front = sentOn.slice(0, keptPrefix(bytes, 0, bytes.length, most));
      assert.equal(front.replace(/\/+/g, '/'), normal.slice(0, most), sent);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(kept > 500, `${kept} of 20000 kept`);
});
