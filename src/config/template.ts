// Texts with variables that are filled in for each request, cut at them. The environment's have been filled in before.

import { assert } from '../base/assert.js';

/** Cuts a text at its variables; `$${` stands for `${`. The schema has checked the names. */
export function templateParts(text: string): (string | { variable: string })[] {
  const parts: (string | { variable: string })[] = [];
  let plain = '';
  for (let i = 0; i < text.length; ) {
    if (text.startsWith('$${', i)) {
      plain += '${';
      i += 3;
    } else if (text.startsWith('${', i)) {
      const end = text.indexOf('}', i);
      assert(end > i, 'a variable has an end');
      if (plain !== '') parts.push(plain);
      plain = '';
      parts.push({ variable: text.slice(i + 2, end) });
      i = end + 1;
    } else plain += text[i++];
  }
  if (plain !== '') parts.push(plain);
  return parts;
}
