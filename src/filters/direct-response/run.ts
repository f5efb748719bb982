// DirectResponse: rules that answer by themselves.

import { type Filter, type FilterRun, VERDICT } from '../../exchange/filter.js';
import type { Plan } from './plan.js';

/** A rule has one, and what is around it has none. */
export const directResponse = {
  type: 'DirectResponse',
  make(layers, { tools }): Filter {
    const { status, headers, body } = layers.flat()[0]!;
    const typed = body.length === 0 || headers.some(({ name }) => name.toLowerCase() === 'content-type');
    const type = typed ? '' : 'Content-Type: text/plain; charset=utf-8\r\n';
    return {
      requestHead: (x) => {
        tools.reply(x, { status, fields: `${type}${tools.headerLines(x, headers)}`, body });
        return VERDICT.ANSWERED;
      },
    };
  },
} satisfies FilterRun<Plan>;
