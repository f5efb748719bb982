// The value of a field that may stand in a head once.

import type { AnyExchange } from '../../exchange/client-info.js';
import type { FilterTools } from '../../exchange/filter.js';
import { FIELD } from '../../http/head.js';

/** One character per byte; undefined when the field is absent, and when it is doubled. `name` is in lower case. */
export function singleField(tools: FilterTools, x: AnyExchange, name: Uint8Array): string | undefined {
  const { memory } = tools;
  const head = tools.requestHead(x);
  const field = head.nextNamed(memory, 0, name);
  if (field < 0 || head.nextNamed(memory, field + FIELD.WORDS, name) >= 0) return undefined;
  return Buffer.from(memory.buffer, head.valueAt(field), head.valueBytes(field)).toString('latin1');
}
