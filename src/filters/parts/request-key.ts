// What requests are counted by: parts of the request, alone or together. How they are written, planned and described.

import { refuse } from '../../base/problems.js';
import { list, scalar } from '../../config/schema/build.js';

/** Parts without a name, and those with one behind a colon. */
const PLAIN = ['clientAddress', 'host', 'path', 'rule'] as const;
const NAMED = ['header', 'cookie', 'query', 'pathElement'] as const;

/** One part of a key. `name` is that of a header in lower case, a cookie or a parameter; `index` counts elements of the path from 1. */
export interface KeyPartPlan {
  readonly by: (typeof PLAIN)[number] | (typeof NAMED)[number];
  readonly name: string;
  readonly index: number;
}

const EXPECTED =
  'Expected clientAddress, host, path, rule, header:NAME, cookie:NAME, query:NAME or pathElement:NUMBER, such as header:X-Api-Key.';
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function readPart(value: unknown): KeyPartPlan | ReturnType<typeof refuse> {
  if (typeof value !== 'string') return refuse(value, 'a part of a key', EXPECTED);
  const plain = PLAIN.find((part) => part === value);
  if (plain !== undefined) return { by: plain, name: '', index: 0 };
  const colon = value.indexOf(':');
  const by = NAMED.find((part) => part === value.slice(0, colon));
  const name = value.slice(colon + 1);
  if (by === 'pathElement' && /^[1-9]\d?$/.test(name)) return { by, name: '', index: Number(name) };
  if (by === 'query' && name !== '') return { by, name, index: 0 };
  if (by === 'header' && TOKEN.test(name)) return { by, name: name.toLowerCase(), index: 0 };
  if (by === 'cookie' && TOKEN.test(name)) return { by, name, index: 0 };
  return refuse(value, 'a part of a key', EXPECTED);
}

/** A list of parts: requests that agree in all of them are counted together. */
export const requestKey = () =>
  list('a list of parts', scalar<string, KeyPartPlan>('part of a request', { type: 'string' }, readPart));

/** What is said of it in the reference. */
export const REQUEST_KEY_SAYS =
  'What requests are counted by, together: `clientAddress` (of IPv6 the first 64 bits), `host`, `path`, `rule`, `header:NAME`, ' +
  '`cookie:NAME`, `query:NAME`, `pathElement:NUMBER` (the first is 1). Requests without a part, or with two of its name, are counted as ' +
  'one. An empty list counts all.';

export const DEFAULT_KEY = ['clientAddress'];

export function describeKey(key: readonly KeyPartPlan[]): string {
  if (key.length === 0) return 'all together';
  const parts = key.map(({ by, name, index }) =>
    name === '' ? (index === 0 ? by : `${by}:${index}`) : `${by}:${name}`,
  );
  return `by ${parts.join(' and ')}`;
}
