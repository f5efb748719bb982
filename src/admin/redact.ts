// A configuration for other eyes: without what opens doors.
// Owns which values those are: by their keys, and headers by their names; and hiding them in words made of a configuration.

const SECRET_KEY =
  /token|secret|password|passphrase|credential|authorization|cookie|^(?:key|users?|keys|hash(?:es)?)$/i;
const SECRET_HEADER = /auth|cookie|token|secret|password|api-?key|(?:^|[-_])key$|credential|signature|session/i;
/** What is called like a secret and is none: the file of a key, a key that is hashed, a kind of match. */
const OPEN = new Set(['cookies', 'clientCertificates', 'hashKey']);

const HIDDEN = '(secret)';

/** A shorter text is not looked for in words: it would be found where it means something else. */
const SOUGHT_LENGTH_MIN = 4;

/** A copy with each secret text in it replaced. */
export const redacted = (value: unknown): unknown => replaced(value, '', () => HIDDEN);

/** What hides the secrets of a configuration in words that were made of it: in every text of an answer. */
export function hidingSecretsOf(config: unknown): <Answer>(answer: Answer) => Answer {
  const found = new Set<string>();
  replaced(config, '', (secret) => {
    // As it is, and as it stands between quotes.
    if (secret.length >= SOUGHT_LENGTH_MIN) found.add(secret).add(JSON.stringify(secret).slice(1, -1));
    return HIDDEN;
  });
  const secrets = [...found].sort((a, b) => b.length - a.length);
  const hide = (value: unknown): unknown => {
    if (typeof value === 'string') return secrets.reduce((text, secret) => text.replaceAll(secret, HIDDEN), value);
    if (Array.isArray(value)) return value.map(hide);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hide(member)]));
  };
  return <Answer>(answer: Answer) => hide(answer) as Answer;
}

/** A copy in which `by` has the word about each secret text. */
function replaced(value: unknown, key: string, by: (secret: string) => string): unknown {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return value.map((member) => replaced(member, key, by));
  if (typeof value !== 'object' || value === null) return isSecret(key, value) ? by(value) : value;
  const map = value as Record<string, unknown>;
  const isHeader = typeof map.name === 'string' && typeof map.value === 'string' && SECRET_HEADER.test(map.name);
  return Object.fromEntries(
    Object.entries(map).map(([name, member]) => [
      name,
      isHeader && name === 'value'
        ? by(String(member))
        : OPEN.has(name) || isRequestKey(name, member)
          ? replaced(member, '', by)
          : replaced(member, under(key, name, member), by),
    ]),
  );
}

/** A list of what requests are counted by, as rate limits have it. */
const isRequestKey = (name: string, member: unknown): boolean => name === 'key' && Array.isArray(member);

/** The key that decides about a value: what stands below a secret is secret, too. */
const under = (key: string, name: string, member: unknown): string =>
  SECRET_KEY.test(key) && typeof member !== 'boolean' && typeof member !== 'number' ? key : name;

function isSecret(key: string, value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || !SECRET_KEY.test(key) || OPEN.has(key)) return false;
  // The file of a private key: a name, with its whole path.
  return !(key === 'key' && value.startsWith('/'));
}
