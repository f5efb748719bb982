// Path and Domain of cookies, changed where they stand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeSetCookie } from '../../../src/http/set-cookie.js';

const changed = (value: string): string =>
  changeSetCookie(
    value,
    (path) => `/new${path}`,
    (domain) => (domain === 'gone' ? null : domain.toUpperCase()),
  );

for (const [value, wanted] of [
  ['a=1; Path=/x; HttpOnly', 'a=1; Path=/new/x; HttpOnly'],
  ['a=1;path = /x ;DOMAIN=b', 'a=1;path = /new/x;DOMAIN=B'],
  ['a=1; Domain=gone; Secure', 'a=1; Secure'],
  ['Path=/x; a=1', 'Path=/x; a=1'],
  ['a="Path=/x"', 'a="Path=/x"'],
  ['a=1; Pathology=/x; Sub-Domain=b', 'a=1; Pathology=/x; Sub-Domain=b'],
  ['a=1; Path=/x; Path=/y', 'a=1; Path=/new/x; Path=/new/y'],
  ['a=1; Path; Secure', 'a=1; Path; Secure'],
  ['', ''],
] as const) {
  test(JSON.stringify(value), () => assert.equal(changed(value), wanted));
}

test('many blanks inside a value take no time', () => {
  const value = `a=1; Path=/x${' '.repeat(200_000)}y`;
  const from = performance.now();
  assert.equal(changed(value), value.replace('=/x', '=/new/x'));
  assert.ok(performance.now() - from < 2_000, 'time linear in the value');
});
