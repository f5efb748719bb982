// Files of users: what is read, and what is wrong with a line, without a byte of a hash.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readUsers } from '../../../src/filters/parts/htpasswd.js';

const HASH = `$2y$10$${'a'.repeat(53)}`;
const read = (text: string) => readUsers(Buffer.from(text));

test('reads users and their bcrypt hashes, past comments and empty lines', () => {
  const { users, problem } = read(`# staff\r\n\nanna:${HASH}\r\njörg:${HASH.replace('2y', '2b')}\n`);
  assert.equal(problem, undefined);
  assert.deepEqual(
    users.map(([name]) => name),
    ['anna', 'jörg'],
  );
});

test('names the line and what to do, and shows no hash', () => {
  const rows: [string, RegExp][] = [
    ['anna', /^Line 1: There is no user\./],
    [`:${HASH}`, /There is no user/],
    [`anna:${HASH}\nanna:${HASH}`, /^Line 2: The user 'anna' is there already/],
    ['anna:$apr1$abcdefgh$xxxxxxxxxxxxxxxxxxxxxx', /'anna' has an MD5 hash of Apache/],
    ['anna:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', /a plain SHA-1 hash/],
    ['anna:$6$salt$hash', /a SHA-512 hash of crypt/],
    ['anna:plaintext', /'anna' has no bcrypt hash/],
    [`anna:${HASH.replace('$10$', '$31$')}`, /a hash of cost 31/],
    [`anna:${HASH}x`, /no bcrypt hash/],
    [`an\u0001na:${HASH}`, /There is no user/],
  ];
  for (const [text, found] of rows) {
    const { problem } = read(text);
    assert.match(problem?.found ?? '', found, text);
    assert.doesNotMatch(`${problem!.found}${problem!.expected}`, /aaaa|W6ph|plaintext|xxxx/);
  }
});
