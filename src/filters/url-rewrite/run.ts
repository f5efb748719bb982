// URLRewrite: the target and the host that the server gets in place of the client's.

import { type Filter, type FilterRun, VERDICT } from '../../exchange/filter.js';
import { PathModifier } from '../run-parts/path-change.js';
import type { Plan } from './plan.js';

/** The innermost host name and the innermost path count. */
export const urlRewrite = {
  type: 'URLRewrite',
  make(layers, { tools }): Filter {
    const plans = layers.flat();
    const hostname = plans.findLast((plan) => plan.hostname !== undefined)?.hostname;
    const path = plans.findLast((plan) => plan.path !== undefined)?.path;
    const change = path === undefined ? null : new PathModifier(path, tools);
    return {
      ...(change !== null && {
        requestHead: (x) => {
          const refused = tools.changePath(x, change);
          if (refused === null) return VERDICT.CONTINUE;
          tools.fail(x, refused);
          return VERDICT.ANSWERED;
        },
      }),
      ...(hostname !== undefined && { attemptHead: (_x, edit) => edit.host(hostname) }),
    };
  },
} satisfies FilterRun<Plan>;
