// Blanks around text that others wrote.

import { isBlank } from './bytes.js';

/**
 * The text without spaces and tabs around it. Takes time linear in the text: an expression that looks for blanks at an end
 * takes quadratic time where many stand in the middle.
 */
export function withoutBlanksAround(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}
