// Times as log lines have them, in UTC. The part that changes once in a second is made once in a second.

import type { Constant } from '../../engine/text.js';
import { constant, type Lines } from './line.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const two = (value: number): string => String(value).padStart(2, '0');

/** Makes the constant part of a time once for each second. */
function perSecond(textOf: (at: Date) => string): (ms: number) => Constant {
  let second = -1;
  let made = constant('');
  return (ms) => {
    const now = Math.floor(ms / 1000);
    if (now === second) return made;
    second = now;
    made = constant(textOf(new Date(now * 1000)));
    return made;
  };
}

const isoSecond = perSecond((at) => at.toISOString().slice(0, 20));
const commonSecond = perSecond((at) => {
  const date = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
  return `${date}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
});
const Z = 0x5a;

/** ISO 8601 with milliseconds. */
export function writeIsoTime(lines: Lines, ms: number): void {
  lines.out.put(isoSecond(ms));
  lines.digits(ms - Math.floor(ms / 1000) * 1000, 3);
  lines.out.byte(Z);
}

/** As the common log format has it, without brackets. */
export function writeCommonTime(lines: Lines, ms: number): void {
  lines.out.put(commonSecond(ms));
}
