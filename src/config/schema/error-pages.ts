// The schema of error pages: what clients get in place of the text of a local reply.

import { fileName, list, map, option, text } from './build.js';
import { statusRange } from './pool-options.js';

const errorPage = map('an error page', {
  statuses: option(
    list('a list of statuses', statusRange, 1),
    'The statuses it is for, from 400 to 599: single ones and ranges.',
  ),
  body: option(text('a body', 'Expected a text.', () => true).optional(), 'The page, at most 64KiB.', {
    byDefault: 'empty',
  }),
  file: option(
    fileName('file').optional(),
    'A file that holds the page, in place of `body`. Read when the configuration is loaded, and again with each reload; `--watch` follows it. Relative to the configuration file.',
  ),
  contentType: option(
    text('a media type', 'Expected a media type such as text/html; charset=utf-8.', (value) =>
      /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;[ -~]*)?$/.test(value),
    ).optional(),
    'Its `Content-Type`. Of several pages for a status, a client gets the type its `Accept` likes best, else the first.',
    { byDefault: '`text/html; charset=utf-8`' },
  ),
});

export const errorPages = list('a list of error pages', errorPage);
