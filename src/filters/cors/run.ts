// CORS, as workers run it: what a response says to the page that asked, also where it is a refusal of ours.

import type { AnyExchange } from '../../exchange/client-info.js';
import { type Filter, type FilterRun, type FilterTools, VERDICT } from '../../exchange/filter.js';
import { FIELD } from '../../http/head.js';
import { METHOD } from '../../http/methods.js';
import type { Plan } from './plan.js';
import { CorsPolicy } from './policy.js';

const NOTHING = new Uint8Array(0);
const ORIGIN = Buffer.from('origin');
const REQUEST_METHOD = Buffer.from('access-control-request-method');
const REQUEST_HEADERS = Buffer.from('access-control-request-headers');

/** The value of a field that stands in the head once; undefined when it is absent, and when it is doubled. */
function single(tools: FilterTools, x: AnyExchange, name: Uint8Array): string | undefined {
  const { memory } = tools;
  const head = tools.requestHead(x);
  const field = head.nextNamed(memory, 0, name);
  if (field < 0 || head.nextNamed(memory, field + FIELD.WORDS, name) >= 0) return undefined;
  return Buffer.from(memory.buffer, head.valueAt(field), head.valueBytes(field)).toString('latin1');
}

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
        const origin = x.head === null ? undefined : single(tools, x, ORIGIN);
        const method = isPreflight(tools, x, origin) ? single(tools, x, REQUEST_METHOD) : undefined;
        const asked = method === undefined ? undefined : { method, headers: single(tools, x, REQUEST_HEADERS) };
        lines.set(x, policy.lines(origin, asked));
      },
      requestHead: (x) => {
        if (!isPreflight(tools, x, single(tools, x, ORIGIN))) return VERDICT.CONTINUE;
        tools.reply(x, { status: 204, fields: '', body: NOTHING });
        return VERDICT.ANSWERED;
      },
      responseHead: (x, edit) => edit.change(policy.drop, lines.get(x) ?? ''),
    };
  },
} satisfies FilterRun<Plan>;

/** A browser asks whether a request may be sent (Fetch, 4.8). */
function isPreflight(tools: FilterTools, x: AnyExchange, origin: string | undefined): boolean {
  return x.method === METHOD.OPTIONS && origin !== undefined && single(tools, x, REQUEST_METHOD) !== undefined;
}
