// BasicAuth, as workers run it: known pairs pass at once, others wait until their password was compared.

import { type Filter, type FilterRun, type RefusalDetails, VERDICT } from '../../exchange/filter.js';
import { IdentityFields } from '../run-parts/identity-fields.js';
import { singleField } from '../run-parts/single-field.js';
import { Logins, readCredentials } from './logins.js';
import type { Plan } from './plan.js';

/** How long a request waits for its password to be compared. */
const WAIT_MS = 10_000;
const AUTHORIZATION = Buffer.from('authorization');

/** Made once for each plan: rules share what was verified. */
const known = new WeakMap<Plan, Logins>();

function loginsOf(plan: Plan): Logins {
  let logins = known.get(plan);
  if (logins === undefined) {
    logins = new Logins(plan.users);
    known.set(plan, logins);
  }
  return logins;
}

/** Each filter has to know the user. */
export const basicAuth = {
  type: 'BasicAuth',
  make(layers, { tools }): Filter {
    const plans = layers.flat();
    const inner = plans.at(-1)!;
    const all = plans.map((plan) => ({ plan, logins: loginsOf(plan) }));
    const passesOn = plans.every(({ forwardAuthorization }) => forwardAuthorization);
    const headers = plans.flatMap(({ userHeader }) => (userHeader === '' ? [] : [userHeader]));
    const fields = new IdentityFields([...headers, ...(passesOn ? [] : ['authorization'])]);
    const refusal = ({ realm }: Plan): RefusalDetails => ({
      fields: `WWW-Authenticate: Basic realm="${realm}", charset="UTF-8"\r\n`,
    });
    return {
      ...fields.phases,
      requestHead: (x) => {
        const value = singleField(tools, x, AUTHORIZATION);
        const pair = value === undefined ? null : readCredentials(value);
        if (pair === null) {
          tools.fail(x, 'UNAUTHENTICATED', refusal(inner));
          return VERDICT.ANSWERED;
        }
        const { user, password } = pair;
        fields.set(
          x,
          headers.map((name) => [name, user]),
        );
        const open = all.filter(({ logins }) => !logins.knows(user, password));
        if (open.length === 0) return VERDICT.CONTINUE;
        return tools.wait(x, WAIT_MS, (wait) => {
          let left = open.length;
          const givenUp = open.map(({ plan, logins }) =>
            logins.verify(user, password, (result) => {
              if (result === null) wait.fail('OVERLOADED');
              else if (!result) wait.fail('UNAUTHENTICATED', refusal(plan));
              else if (--left === 0) wait.proceed();
            }),
          );
          return () => {
            for (const giveUp of givenUp) giveUp();
          };
        });
      },
    };
  },
} satisfies FilterRun<Plan>;
