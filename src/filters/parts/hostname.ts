// Host names that filters put in the place of the request's.

import { isHostName } from '../../base/host-names.js';
import { text } from '../../config/schema/build.js';

export const hostname = () =>
  text('a host name', 'Expected a host name without scheme and port, such as shop.example.com.', isHostName);
