// What an event of the process is in the log: a line of status, an error, or nothing.

import type { EventOf, ProcessEvent } from '../../observe/events.js';

/** One line, and where it goes. A report stands as it is: in the form that editors find places by. */
export interface Sentence {
  readonly to: 'status' | 'error' | 'report';
  readonly text: string;
}

/** The lines of one event. */
export type EventLines = Sentence | readonly Sentence[] | null;

/** The sentences of one area, for each of its events. Null leaves an event to the lines of others. */
export type Sentences<Area extends string> = {
  readonly [Type in Extract<ProcessEvent['type'], `${Area}.${string}`>]: (event: EventOf<Type>) => EventLines;
};

export const status = (text: string): Sentence => ({ to: 'status', text });
export const error = (text: string): Sentence => ({ to: 'error', text });
