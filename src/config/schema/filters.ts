// The schema of a filter: one of the registered types.

import { z } from 'zod';
import { alternatives, didYouMean, refuse } from '../../base/problems.js';
import { filterNames, filterSchemas } from '../../filters/registry.js';
import { refusalText } from './build.js';

const NAMES = filterNames();

export const filter = z.discriminatedUnion('type', filterSchemas(), {
  error: (issue) => {
    const input: unknown = issue.input;
    const type = typeof input === 'object' && input !== null && 'type' in input ? input.type : undefined;
    const expected = `Expected ${alternatives(NAMES)}.`;
    if (type === undefined)
      return refusalText(refuse(input, 'a filter', `Expected a map with type: ${alternatives(NAMES)}.`));
    const meant = typeof type === 'string' ? didYouMean(type, NAMES) : '';
    return refusalText(refuse(type, 'a filter type', expected + meant));
  },
});
