// CORS, as workers run it: what a response says to the page that asked, also where it is a refusal of ours.

import type { AnyExchange } from '../../exchange/client-info.js';
import { type Filter, type FilterRun, type FilterTools, VERDICT } from '../../exchange/filter.js';
import { METHOD } from '../../http/methods.js';
import { singleField } from '../run-parts/single-field.js';
import type { Plan } from './plan.js';
import { CorsPolicy } from './policy.js';

const NOTHING = new Uint8Array(0);
const ORIGIN = Buffer.from('origin');
const REQUEST_METHOD = Buffer.from('access-control-request-method');
const REQUEST_HEADERS = Buffer.from('access-control-request-headers');

/** Of several the innermost counts. Preflights are answered before anyone is asked to log in: browsers send no credentials with them. */
export const cors = {
  type: 'CORS',
  guards: true,
  make(layers, { tools }): Filter {
    const policy = new CorsPolicy(layers.flat().at(-1)!);
    /** What the response will say; an empty text for a request that needs nothing. */
    const lines = new WeakMap<AnyExchange, string>();
    return {
      routed: (x) => {
        const origin = x.head === null ? undefined : singleField(tools, x, ORIGIN);
        const method = isPreflight(tools, x, origin) ? singleField(tools, x, REQUEST_METHOD) : undefined;
        const asked = method === undefined ? undefined : { method, headers: singleField(tools, x, REQUEST_HEADERS) };
        lines.set(x, policy.lines(origin, asked));
      },
      requestHead: (x) => {
        if (!isPreflight(tools, x, singleField(tools, x, ORIGIN))) return VERDICT.CONTINUE;
        tools.reply(x, { status: 204, fields: '', body: NOTHING });
        return VERDICT.ANSWERED;
      },
      responseHead: (x, edit) => edit.change(policy.drop, lines.get(x) ?? ''),
    };
  },
} satisfies FilterRun<Plan>;

/** A browser asks whether a request may be sent (Fetch, 4.8). */
function isPreflight(tools: FilterTools, x: AnyExchange, origin: string | undefined): boolean {
  return x.method === METHOD.OPTIONS && origin !== undefined && singleField(tools, x, REQUEST_METHOD) !== undefined;
}
