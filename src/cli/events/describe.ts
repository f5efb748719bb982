// Words the events of the process: the one place where they become lines of the log.
// Owns finding the sentence of an event. Leaves the sentences to the files of their areas, and writing to ../log.ts.

import type { ProcessEvent } from '../../observe/events.js';
import type { EventLines, Sentence } from './sentence.js';
import { DISCOVERY, SERVERS } from './servers.js';
import { CONFIG, DRAINS, LISTENERS, LOGS, OPERATORS, RELOADS, SERVICE, WORKERS } from './service.js';
import { TLS } from './tls.js';

const SENTENCES = {
  ...SERVICE,
  ...CONFIG,
  ...LISTENERS,
  ...WORKERS,
  ...SERVERS,
  ...DISCOVERY,
  ...TLS,
  ...RELOADS,
  ...OPERATORS,
  ...DRAINS,
  ...LOGS,
} satisfies { readonly [Type in ProcessEvent['type']]: unknown };

/** The lines of an event, most often one. */
export function describeEvent(event: ProcessEvent): readonly Sentence[] {
  const lines = (SENTENCES[event.type] as (event: ProcessEvent) => EventLines)(event);
  if (lines === null) return [];
  return 'text' in lines ? [lines] : lines;
}
