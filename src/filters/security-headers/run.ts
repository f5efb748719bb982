// SecurityHeaders, as workers run it.

import type { Filter, FilterRun } from '../../exchange/filter.js';
import { FieldDrop } from '../../exchange/head-edit.js';
import type { Plan } from './plan.js';

const STRICT = 'Strict-Transport-Security';

/** Of several the innermost counts, as a whole. */
export const securityHeaders = {
  type: 'SecurityHeaders',
  make(layers): Filter {
    const { headers, strictTransportSecurity: strict } = layers.flat().at(-1)!;
    const names = headers.map(([name]) => name.toLowerCase());
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const plain = new FieldDrop(names, false);
    const secure = new FieldDrop([...names, STRICT.toLowerCase()], false);
    const secureLines = `${lines}${STRICT}: ${strict}\r\n`;
    return {
      responseHead: (x, edit) => {
        // By http the field means nothing (RFC 6797, 8.1), and the listener adds its own behind all filters.
        if (strict === '' || x.tls === null || x.client.listener.http.strictTransport) edit.change(plain, lines);
        else edit.change(secure, secureLines);
      },
    };
  },
} satisfies FilterRun<Plan>;
