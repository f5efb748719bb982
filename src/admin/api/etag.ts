// ETags of what can be written, so that two operators do not undo each other's changes unseen (RFC 9110, 13.1).

import { createHash } from 'node:crypto';
import { Refused } from '../problem.js';
import type { Call } from './endpoint.js';

/** The tag of a state: equal for equal states. */
export const tagOf = (state: unknown): string =>
  `"${createHash('sha256').update(JSON.stringify(state)).digest('base64url').slice(0, 16)}"`;

/** Throws a Refused where the request is for another state than `now`, which is undefined when there is nothing. */
export function checkTag({ headers }: Call, now: string | undefined): void {
  const match = headers['if-match'];
  const none = headers['if-none-match'];
  if (match !== undefined && !(now !== undefined && holds(String(match), now))) {
    throw new Refused(412, 'It has changed since you looked at it.', {
      place: 'If-Match',
      found: String(match),
      expected: now ?? 'no tag: there is nothing',
    });
  }
  if (none !== undefined && now !== undefined && holds(String(none), now)) {
    throw new Refused(412, 'It is there already.', { place: 'If-None-Match', found: String(none), expected: 'none' });
  }
}

const holds = (list: string, tag: string): boolean =>
  list.split(',').some((each) => each.trim() === '*' || each.trim() === tag);
