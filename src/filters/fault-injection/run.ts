// FaultInjection, as workers run it: dice, and timers for those that are held up.

import type { AnyExchange } from '../../exchange/client-info.js';
import { type Filter, type FilterRun, VERDICT } from '../../exchange/filter.js';
import type { Plan } from './plan.js';

/** What a timer may be late. */
const SLACK_MS = 10_000;

const hits = (fault: { readonly percent: number } | null): boolean =>
  fault !== null && Math.random() * 100 < fault.percent;

/** The innermost filter says what goes wrong. */
export const faultInjection = {
  type: 'FaultInjection',
  make(layers, { tools, limits }): Filter {
    const { delay, abort, header, delaysMax } = layers.flat().at(-1)!;
    // A request in words meets what happens to all of them, and no dice.
    const isDryRun = limits === null;
    const name = Buffer.from(header, 'latin1');
    let delays = 0;

    const applies = (x: AnyExchange): boolean =>
      header === '' || (x.client.trusted && tools.requestHead(x).nextNamed(tools.memory, 0, name) >= 0);
    const aborts = (): boolean => (isDryRun ? abort?.percent === 100 : hits(abort));
    const delaysNow = (): boolean => {
      if (isDryRun || !hits(delay)) return false;
      if (delays < delaysMax) return true;
      tools.count('FaultInjection.overMax');
      return false;
    };

    return {
      requestHead: (x) => {
        if (!applies(x)) return VERDICT.CONTINUE;
        const details = aborts() ? { status: abort!.status } : null;
        if (details !== null) tools.count('FaultInjection.aborted');
        if (!delaysNow()) {
          if (details === null) return VERDICT.CONTINUE;
          tools.fail(x, 'FAULT_INJECTED', details);
          return VERDICT.ANSWERED;
        }
        tools.count('FaultInjection.delayed');
        delays++;
        return tools.wait(x, delay!.ms + SLACK_MS, (wait) => {
          let isHeld = true;
          const release = (): void => {
            if (isHeld) delays--;
            isHeld = false;
          };
          const timer = setTimeout(() => {
            release();
            if (details === null) wait.proceed();
            else wait.fail('FAULT_INJECTED', details);
          }, delay!.ms);
          return () => {
            release();
            clearTimeout(timer);
          };
        });
      },
    };
  },
} satisfies FilterRun<Plan>;
