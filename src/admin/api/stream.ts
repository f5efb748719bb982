// GET /events as a stream (server-sent events): each event of the process as it happens.
// Owns the form and its bounds. Leaves remembering events to event-log.ts.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventLog, LoggedEvent } from '../event-log.js';
import { Refused } from '../problem.js';

/** Streams at once. */
const STREAMS_MAX = 64;
/** A comment now and then, so that both sides notice when the other is gone. */
const SILENCE_MS = 15_000;
/** A reader with so much before it is cut: it begins again with Last-Event-ID. */
const WAITING_BYTES_MAX = 1024 * 1024;

export const wantsStream = ({ headers }: IncomingMessage): boolean =>
  /\btext\/event-stream\b/i.test(headers.accept ?? '');

/** Sends what happened since the reader left, and all that happens from now on. */
export function streamEvents(events: EventLog, request: IncomingMessage, response: ServerResponse): void {
  if (events.followers >= STREAMS_MAX) {
    throw new Refused(503, 'As many follow the events as may.', {
      place: 'connections',
      found: String(events.followers),
      expected: `less than ${STREAMS_MAX}`,
    });
  }
  const last = Number(request.headers['last-event-id']);
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(': sevenfold\n\n');
  const send = ({ id, time, event }: LoggedEvent): void => {
    if (response.writableLength > WAITING_BYTES_MAX) response.destroy();
    else response.write(`id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify({ id, time, ...event })}\n\n`);
  };
  if (Number.isInteger(last) && last >= 0) for (const event of events.since(last)) send(event);
  const unfollow = events.follow(send);
  const timer = setInterval(() => response.write(':\n\n'), SILENCE_MS);
  timer.unref();
  response.on('error', () => {});
  response.on('close', () => {
    clearInterval(timer);
    unfollow();
  });
}
