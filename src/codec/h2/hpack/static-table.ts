// The static table of HPACK (RFC 7541, appendix A), in the layout of the dynamic one.

import { ENTRY, infoOfName, LINE_EXTRA } from './entries.js';

/** Index 1 is the first. */
export const STATIC_FIELDS: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...[
    'accept-language',
    'accept-ranges',
    'accept',
    'access-control-allow-origin',
    'age',
    'allow',
    'authorization',
    'cache-control',
    'content-disposition',
    'content-encoding',
    'content-language',
    'content-length',
    'content-location',
    'content-range',
    'content-type',
    'cookie',
    'date',
    'etag',
    'expect',
    'expires',
    'from',
    'host',
    'if-match',
    'if-modified-since',
    'if-none-match',
    'if-range',
    'if-unmodified-since',
    'last-modified',
    'link',
    'location',
    'max-forwards',
    'proxy-authenticate',
    'proxy-authorization',
    'range',
    'referer',
    'refresh',
    'retry-after',
    'server',
    'set-cookie',
    'strict-transport-security',
    'transfer-encoding',
    'user-agent',
    'vary',
    'via',
    'www-authenticate',
  ].map((name) => [name, ''] as const),
];

/** Entries of the static table; the dynamic one begins behind. */
export const STATIC_COUNT = STATIC_FIELDS.length;

/** Their lines, and by index the words of each (ENTRY). */
export const staticBytes: Uint8Array = Buffer.from(
  STATIC_FIELDS.map(([name, value]) => `${name}: ${value}\r\n`).join(''),
  'latin1',
);
export const staticEntries = new Int32Array((STATIC_COUNT + 1) * ENTRY.WORDS);

let at = 0;
for (const [i, [name, value]] of STATIC_FIELDS.entries()) {
  const entry = (i + 1) * ENTRY.WORDS;
  staticEntries[entry + ENTRY.at] = at;
  staticEntries[entry + ENTRY.nameBytes] = name.length;
  staticEntries[entry + ENTRY.valueBytes] = value.length;
  staticEntries[entry + ENTRY.info] = infoOfName(staticBytes, at, name.length);
  at += name.length + value.length + LINE_EXTRA;
}
