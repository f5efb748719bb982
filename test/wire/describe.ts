// Messages as text to compare: what may differ between two right proxies is left out, all else is there.
// Owns what counts as equal. Order of different fields does not count; order of equal ones does.

import type { Message } from '../support/messages.js';
import { standIn } from '../support/proxy.js';

// Added by the proxy to every request; test/e2e/headers.test.ts asserts them.
const ADDED = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-request-id',
  'via',
]);
// They belong to one connection, and framing is shown on a line of its own.
const HOP = new Set(['transfer-encoding', 'keep-alive', 'date', 'trailer']);

function describe(startLine: string, message: Message, hidden: (name: string, value: string) => boolean): string {
  const fields = message.fields
    .filter(([name, value]) => !HOP.has(name) && !hidden(name, value))
    .map(([name, value]) => `${name}: ${value}`);
  // A stable sort by name alone: fields of one name keep their order.
  fields.sort((a, b) => {
    const [nameA, nameB] = [a.slice(0, a.indexOf(':')), b.slice(0, b.indexOf(':'))];
    return nameA < nameB ? -1 : nameA > nameB ? 1 : 0;
  });
  const trailers = message.trailers.map(([name, value]) => `trailer ${name}: ${value}`);
  return [startLine, ...fields, `(${message.framing})`, JSON.stringify(message.body), ...trailers].join('\n');
}

/** A request as the origin saw it. */
export function describeRequest(message: Message): string {
  return describe(message.startLine, message, (name, value) => {
    return ADDED.has(name) || (name === 'connection' && /^(keep-alive|close)$/i.test(value));
  });
}

/** A response as the client saw it. */
export function describeResponse(message: Message): string {
  const counted = message.framing === 'length' || message.framing === 'none';
  const line = message.startLine.trimEnd();
  return describe(line, message, (name) => {
    if (standIn && name === 'server') return true;
    return name === 'x-request-id' || name === 'connection' || (name === 'content-length' && !counted);
  });
}
