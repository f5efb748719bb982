// RequestHeaderModifier: which fields of a request go, and which lines come.

import type { Filter, FilterRun } from '../../exchange/filter.js';
import { FieldDrop } from '../../exchange/head-edit.js';
import { fixedLines } from '../run-parts/header-lines.js';
import { asVariable, mergeModifiers } from '../run-parts/merge-modifiers.js';
import type { Plan } from './plan.js';

/**
 * A request meets the outermost layer first, so the innermost one has the last word. A name that a server could take for one that
 * goes is removed with it.
 */
export const requestHeaderModifier = {
  type: 'RequestHeaderModifier',
  make(layers, { tools }): Filter {
    const modifiers = layers.flat().map(({ modifier }) => modifier);
    const { gone, lines } = mergeModifiers(modifiers, asVariable);
    const drop = new FieldDrop(gone, true);
    const fixed = fixedLines(lines);
    if (fixed !== null) return { attemptHead: (_x, edit) => edit.change(drop, fixed) };
    return {
      routed: (x) => {
        x.requestLines = tools.headerLines(x, lines);
      },
      attemptHead: (x, edit) => edit.change(drop, x.requestLines),
    };
  },
} satisfies FilterRun<Plan>;
