// A request whose head is complete, up to the choice of its pool: checked, and then admitted.
// For requests in words; those from sockets take the same two steps in server.ts and exchange/requests.ts.

import { type AdmitContext, admitChecked } from '../../exchange/admit.js';
import type { AnyExchange } from '../../exchange/client-info.js';
import { VERDICT, type Verdict } from '../../exchange/filter.js';
import { type CheckContext, check } from './check.js';

/** Checks a request, and takes it as far as it goes without a server; returns as `admitChecked`. */
export function admit(w: CheckContext & AdmitContext, x: AnyExchange): Verdict {
  const refused = check(w, x);
  if (refused === null) return admitChecked(w, x);
  w.filterTools.fail(x, refused);
  return VERDICT.ANSWERED;
}
