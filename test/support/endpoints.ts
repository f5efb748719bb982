// Endpoints for tests that make servers without a configuration.

import type { SocketEndpoint } from '../../src/base/endpoint.js';
import { Refusal } from '../../src/base/problems.js';
import { readServerAddress } from '../../src/config/units.js';

/** What an address means, as the configuration reads it. */
export function endpointOf<Kind extends SocketEndpoint>(address: string): Kind {
  const read = readServerAddress(address);
  if (read instanceof Refusal) throw new Error(`${read.found} ${read.expected}`);
  return read.endpoint as Kind;
}
