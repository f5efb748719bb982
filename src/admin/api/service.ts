// The service as a whole: reload it, and follow what happens to it.

import { Refused } from '../problem.js';
import { type Endpoint, numberOf, running } from './endpoint.js';

export const SERVICE: readonly Endpoint[] = [
  {
    method: 'POST',
    path: '/reload',
    says: 'Reads the configuration again and applies it, as SIGHUP does. Answers once every worker has it.',
    answers: { 409: 'There is no file to read again.', 422: 'It is refused; what ran before goes on.' },
    run: async (call) => {
      running(call);
      const { target, by } = call;
      target.emit({ type: 'operator.changed', by, what: 'configuration', says: 'reload' });
      const outcome = await target.reload();
      switch (outcome.result) {
        case 'applied':
          return { body: { generation: target.primary?.generation ?? 0, changes: outcome.changes } };
        case 'needless':
          throw new Refused(409, 'The configuration is not in a file: there is nothing to read again.');
        case 'ending':
          throw new Refused(503, 'The service ends.');
        case 'refused':
          throw new Refused(422, outcome.reason ?? 'The configuration has mistakes. What ran before goes on.', {
            ...(outcome.problems.length === 0 ? {} : { problems: outcome.problems }),
          });
      }
    },
  },
  {
    method: 'GET',
    path: '/events',
    says:
      'What happened to the process: with Accept: text/event-stream as it happens, from Last-Event-ID on; else the last ones as ' +
      'JSON.',
    query: { since: 'Only events behind this number.' },
    run: (call) => ({ body: { events: call.target.events.since(numberOf(call, 'since', 0, 2 ** 53)) } }),
  },
];
