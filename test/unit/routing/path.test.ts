// Path normalisation: no spelling of a path walks around a rule.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  normalisePath,
  normalPathOf,
  PATH_AS_IS,
  PATH_GROWTH,
  PATH_REFUSED,
  PATH_TO_REWRITE,
  scanPath,
} from '../../../src/routing/path.js';

/** What was sent, and what rules and backends see; undefined is refused with 400. */
const TRICKS: readonly (readonly [sent: string, seen: string | undefined])[] = [
  ['/x/../admin', '/admin'],
  ['/%61dmin', '/admin'],
  ['/%41dmin', '/Admin'],
  ['//admin', '/admin'],
  ['///admin//x', '/admin/x'],
  ['/admin/.', '/admin/'],
  ['/admin/./x', '/admin/x'],
  ['/./admin', '/admin'],
  ['/admin/..', '/'],
  ['/admin/../', '/'],
  ['/a/b/../../admin', '/admin'],
  ['/../../admin', '/admin'],
  ['/..', '/'],
  ['/.', '/'],
  ['/%2e%2e/admin', '/admin'],
  ['/x/%2E%2e/admin', '/admin'],
  ['/x/.%2e/admin', '/admin'],
  ['/x/%2e./admin', '/admin'],
  ['/%2e/admin', '/admin'],
  ['/a//../b', '/b'],
  ['/a/%2F/..', '/a/'],
  ['/a%2Fb', '/a%2Fb'],
  ['/a%2fb', '/a%2Fb'],
  ['/a%2F%2fb', '/a%2F%2Fb'],
  ['/public/..%2fadmin', undefined],
  ['/public/..%5cadmin', undefined],
  ['/public%2f..', undefined],
  ['/public%2f../admin', undefined],
  ['/public%2f%2e%2e%2fadmin', undefined],
  ['/public%2f.%2fadmin', undefined],
  ['/..;/admin', undefined],
  ['/.;x=1/admin', undefined],
  ['/..%3b/admin', undefined],
  ['/%2e%2e;/admin', undefined],
  ['/a/..;', undefined],
  ['/admin;x=1', '/admin;x=1'],
  ['/a;..', '/a;..'],
  ['/...', '/...'],
  ['/..a', '/..a'],
  ['/.well-known/acme', '/.well-known/acme'],
  ['/a%00', undefined],
  ['/a%00/../admin', undefined],
  ['/a%0d%0aX:%20y', undefined],
  ['/a%7F', undefined],
  ['/a\x01', undefined],
  ['/a b', undefined],
  ['/a%20b', '/a%20b'],
  ['/a\\..\\admin', undefined],
  ['/\\admin', undefined],
  ['/a%', undefined],
  ['/a%4', undefined],
  ['/a%zz', undefined],
  ['/%252e%252e/admin', '/%252e%252e/admin'],
  ['/a%7eb%2D', '/a~b-'],
  ['/a%c3%a9', '/a%C3%A9'],
  ['/aé', '/a%C3%A9'],
  ['/a|b', '/a%7Cb'],
  ['/a%7cb', '/a%7Cb'],
  ['/a:b@c', '/a:b@c'],
  ['/a%3Ab', '/a%3Ab'],
  ['admin', undefined],
  ['', '/'],
  ['*', '*'],
  ['/', '/'],
  ['//', '/'],
  ['/a?b', undefined],
];

for (const [sent, seen] of TRICKS) {
  const outcome = seen === undefined ? 'is refused' : `is seen as ${JSON.stringify(seen)}`;
  test(`${JSON.stringify(sent)} ${outcome}`, () => assert.equal(normalPathOf(sent), seen));
}

test('a normal path is used where it stands, with nothing written', () => {
  const bytes = Buffer.from('GET /images/cat.png HTTP/1.1');
  const out = Buffer.alloc(8, 0x2a);
  assert.equal(normalisePath(bytes, 4, 15, out, 0), PATH_AS_IS);
  assert.equal(out.toString(), '********');
});

test('a scan tells apart what is normal, what is refused, and what has to be written anew', () => {
  const scan = (path: string) => scanPath(Buffer.from(path), 0, Buffer.byteLength(path));
  assert.equal(scan('/a;b/c.d/'), PATH_AS_IS);
  assert.equal(scan('*'), PATH_AS_IS);
  assert.equal(scan('/a\\b'), PATH_REFUSED);
  for (const path of ['', '/a//b', '/./a', '/%61', '/a|', '/a%zz', '/..;/']) assert.equal(scan(path), PATH_TO_REWRITE);
});

test('writes at the given place, and only as much as it says', () => {
  const bytes = Buffer.from('xx/a/../b%7cyy');
  const out = Buffer.alloc(10 * PATH_GROWTH + 8, 0x2a);
  const written = normalisePath(bytes, 2, 10, out, 4);
  assert.equal(out.toString('latin1', 0, 4 + written + 1), '****/b%7C*');
});

test('normalising twice changes nothing more', () => {
  for (const [sent] of TRICKS) {
    const once = normalPathOf(sent);
    if (once !== undefined) assert.equal(normalPathOf(once), once);
  }
});

test('the refusals do not depend on what follows', () => {
  const bytes = Buffer.from('/a%4');
  assert.equal(normalisePath(bytes, 0, 3, Buffer.alloc(10), 0), PATH_REFUSED);
});
