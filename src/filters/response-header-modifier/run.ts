// ResponseHeaderModifier: which fields of a response go, and which lines come. Local replies are responses too.

import type { Filter, FilterRun } from '../../exchange/filter.js';
import { FieldDrop } from '../../exchange/head-edit.js';
import { fixedLines } from '../run-parts/header-lines.js';
import { mergeModifiers } from '../run-parts/merge-modifiers.js';
import type { Plan } from './plan.js';

/** A response meets the innermost layer first, so the outermost one has the last word. */
export const responseHeaderModifier = {
  type: 'ResponseHeaderModifier',
  make(layers, { tools }): Filter {
    const modifiers = [...layers].reverse().flatMap((layer) => layer.map(({ modifier }) => modifier));
    const { gone, lines } = mergeModifiers(modifiers, (name) => name.toLowerCase());
    const drop = new FieldDrop(gone, false);
    const fixed = fixedLines(lines);
    if (fixed !== null) return { responseHead: (_x, edit) => edit.change(drop, fixed) };
    return {
      // Now: the variables are those of the request, which may be gone when the response comes.
      routed: (x) => {
        x.responseLines = tools.headerLines(x, lines);
      },
      responseHead: (x, edit) => edit.change(drop, x.responseLines),
    };
  },
} satisfies FilterRun<Plan>;
