// Files of users and their hashes, as htpasswd writes them.

import { Refusal } from '../../base/problems.js';

/** A user and the bcrypt hash of the password. */
export type User = readonly [name: string, hash: string];

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** A hash of more would take a processor for seconds, at each new login. */
const COST_MAX = 15;
const COST_MIN = 4;

/** What cannot be verified here, by how it begins. */
const OTHERS: readonly (readonly [prefix: string, name: string])[] = [
  ['$apr1$', 'an MD5 hash of Apache'],
  ['{SHA}', 'a plain SHA-1 hash'],
  ['$1$', 'an MD5 hash'],
  ['$5$', 'a SHA-256 hash of crypt'],
  ['$6$', 'a SHA-512 hash of crypt'],
  ['$argon2', 'an Argon2 hash'],
];
const EXPECTED = 'Expected bcrypt: htpasswd -B FILE USER.';

/** The users of a file; `problem` names the first line that is none. Empty lines and comments are passed over. */
export function readUsers(content: Uint8Array): { users: User[]; problem: Refusal | undefined } {
  const users: User[] = [];
  const seen = new Set<string>();
  for (const [index, raw] of Buffer.from(content).toString('utf8').split('\n').entries()) {
    const line = raw.trimEnd();
    if (line === '' || line.startsWith('#')) continue;
    const problem = wrongWith(line, seen);
    if (problem !== undefined) {
      return { users, problem: new Refusal(`Line ${index + 1}: ${problem.found}`, problem.expected) };
    }
    const colon = line.indexOf(':');
    users.push([line.slice(0, colon), line.slice(colon + 1)]);
    seen.add(line.slice(0, colon));
  }
  return { users, problem: undefined };
}

/** Never shows a hash: the message goes to logs. */
function wrongWith(line: string, seen: ReadonlySet<string>): Refusal | undefined {
  const colon = line.indexOf(':');
  const name = line.slice(0, colon);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not get into a field.
  if (colon <= 0 || /[\x00-\x1f\x7f]/.test(name)) return new Refusal('There is no user.', 'Expected USER:HASH.');
  if (seen.has(name)) return new Refusal(`The user '${name}' is there already.`, 'Expected each user once.');
  const hash = line.slice(colon + 1);
  const other = OTHERS.find(([prefix]) => hash.startsWith(prefix));
  if (other !== undefined) return new Refusal(`'${name}' has ${other[1]}.`, EXPECTED);
  const cost = BCRYPT.exec(hash)?.[1];
  if (cost === undefined) return new Refusal(`'${name}' has no bcrypt hash.`, EXPECTED);
  if (Number(cost) < COST_MIN || Number(cost) > COST_MAX)
    return new Refusal(
      `'${name}' has a hash of cost ${Number(cost)}.`,
      `Expected ${COST_MIN} to ${COST_MAX}: 10 to 12 are usual.`,
    );
  return undefined;
}
