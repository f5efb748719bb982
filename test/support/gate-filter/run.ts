// Gate, as workers run it: takes part in every phase.

import type { AnyExchange } from '../../../src/exchange/client-info.js';
import { type Filter, type FilterRun, VERDICT } from '../../../src/exchange/filter.js';
import { FieldDrop } from '../../../src/exchange/head-edit.js';
import type { Plan } from './plan.js';

/** What it keeps of one request: exchanges are used again, so each begins anew in `routed`. */
interface Seen {
  attempts: number;
  requestBytes: number;
  responseBytes: number;
}

export const gate = {
  type: 'Gate',
  make(layers, { tools }): Filter {
    // The innermost one decides.
    const { ask, timeoutMs, requestBytesMax, responseBytesMax } = layers.flat().at(-1)!;
    const seen = new WeakMap<AnyExchange, Seen>();
    const gateField = new FieldDrop(['x-gate'], false);
    const attemptField = new FieldDrop(['x-gate-attempt'], true);
    return {
      routed: (x) => void seen.set(x, { attempts: 0, requestBytes: 0, responseBytes: 0 }),
      requestHead: (x) => {
        const path = Buffer.from(tools.memory.buffer, x.pathAt, x.pathBytes).toString('latin1');
        if (path === '/refused') {
          tools.reply(x, { status: 403, fields: '', body: Buffer.from('refused\n') });
          return VERDICT.ANSWERED;
        }
        if (path.startsWith('/open')) return VERDICT.CONTINUE;
        return tools.wait(x, timeoutMs, (wait) => {
          const left = new AbortController();
          fetch(`${ask}?path=${encodeURIComponent(path)}`, { signal: left.signal }).then(
            async (answer) => {
              const body = new Uint8Array(await answer.arrayBuffer());
              if (answer.ok) wait.proceed();
              else wait.reply({ status: answer.status, fields: 'Content-Type: text/plain\r\n', body });
            },
            () => wait.fail('OVERLOADED'),
          );
          return () => left.abort();
        });
      },
      attemptHead: (x, edit) => {
        edit.change(attemptField, `X-Gate-Attempt: ${++seen.get(x)!.attempts}\r\n`);
      },
      requestBody: (x, piece) => {
        const own = seen.get(x)!;
        own.requestBytes += piece.bytes;
        return own.requestBytes > requestBytesMax ? 'BODY_TOO_LARGE' : null;
      },
      responseHead: (_x, edit) => edit.change(gateField, 'X-Gate: passed\r\n'),
      responseBody: (x, piece) => {
        const own = seen.get(x)!;
        own.responseBytes += piece.bytes;
        return own.responseBytes > responseBytesMax ? 'RESPONSE_CUT' : null;
      },
    };
  },
} satisfies FilterRun<Plan>;
