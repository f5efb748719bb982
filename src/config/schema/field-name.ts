// Names of header fields and cookies.

import { text } from './build.js';

/** A token of RFC 9110, 5.6.2: what names of header fields and cookies are made of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export const fieldName = (noun = 'a header name') =>
  text(noun, 'Expected letters, digits and hyphens, such as X-Tier.', (value) => TOKEN.test(value));
