// Path and Domain of a Set-Cookie value (RFC 6265, 4.1.1), changed where they stand.
// Owns finding the attributes. Leaves what becomes of them to the caller.

import { withoutBlanksAround } from '../base/blanks.js';

/** What becomes of an attribute's value: another one, null to take the attribute away, or the same. */
type AttributeChange = (value: string) => string | null;

/** An attribute up to its value. */
const ATTRIBUTE = /^([ \t]*)(path|domain)([ \t]*=[ \t]*)/i;

/** The value with its Path and Domain attributes changed; all else, blanks included, stays as the server wrote it. */
export function changeSetCookie(value: string, path: AttributeChange, domain: AttributeChange): string {
  const [pair, ...attributes] = value.split(';');
  const changed = attributes.flatMap((attribute) => {
    const found = ATTRIBUTE.exec(attribute);
    if (found === null) return [attribute];
    const [all, blanks, name, equals] = found as unknown as [string, string, string, string];
    const old = withoutBlanksAround(attribute.slice(all.length));
    const now = name.toLowerCase() === 'path' ? path(old) : domain(old);
    return now === null ? [] : [now === old ? attribute : `${blanks}${name}${equals}${now}`];
  });
  return [pair, ...changed].join(';');
}
