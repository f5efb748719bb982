// A configuration for other eyes: without what opens doors.
// Owns which values those are: by their keys, and headers by their names.

const SECRET_KEY =
  /token|secret|password|passphrase|credential|authorization|cookie|^(?:key|users?|keys|hash(?:es)?)$/i;
const SECRET_HEADER = /authorization|cookie|token|secret|password|api-?key|credential|signature/i;
/** What is called like a secret and is none: the file of a key, a key that is hashed, a kind of match. */
const OPEN = new Set(['cookies', 'clientCertificates', 'hashKey']);

const HIDDEN = '(secret)';

/** A copy with each secret text in it replaced. */
export function redacted(value: unknown, key = ''): unknown {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return value.map((member) => redacted(member, key));
  if (typeof value !== 'object' || value === null) return isSecret(key, value) ? HIDDEN : value;
  const map = value as Record<string, unknown>;
  const isHeader = typeof map.name === 'string' && typeof map.value === 'string' && SECRET_HEADER.test(map.name);
  return Object.fromEntries(
    Object.entries(map).map(([name, member]) => [
      name,
      isHeader && name === 'value'
        ? HIDDEN
        : OPEN.has(name) || isRequestKey(name, member)
          ? redacted(member)
          : redacted(member, under(key, name, member)),
    ]),
  );
}

/** A list of what requests are counted by, as rate limits have it. */
const isRequestKey = (name: string, member: unknown): boolean => name === 'key' && Array.isArray(member);

/** The key that decides about a value: what stands below a secret is secret, too. */
const under = (key: string, name: string, member: unknown): string =>
  SECRET_KEY.test(key) && typeof member !== 'boolean' && typeof member !== 'number' ? key : name;

function isSecret(key: string, value: unknown): boolean {
  if (typeof value !== 'string' || value === '' || !SECRET_KEY.test(key) || OPEN.has(key)) return false;
  // The file of a private key: a name, with its whole path.
  return !(key === 'key' && value.startsWith('/'));
}
