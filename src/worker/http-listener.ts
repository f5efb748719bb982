// A listener that reads requests, as a worker applies it: its plan made ready, once for each plan.

import type { RepeatedSlashes } from '../routing/plan.js';
import { ClientAddressField } from './client-address.js';
import type { ListenerPlan } from './plan.js';
import { HttpsRedirect } from './redirect.js';

export class HttpListener {
  /** The name that routes are bound to; empty for none. */
  readonly name: string;
  /** The field in which trusted peers state who the client is; null when the peer is the client. */
  readonly clientField: ClientAddressField | null;
  /** The same when it is a field of its own, and no list: what strangers say in it does not go on. */
  readonly ownField: ClientAddressField | null;
  /** Null when rules decide about every request. */
  readonly redirect: HttpsRedirect | null;

  /** What becomes of runs of `/` where the rule does not say. */
  readonly repeatedSlashes: RepeatedSlashes;

  constructor({ name, clientAddressHeader, redirectToHttps, redirectToHttpsExcept, repeatedSlashes }: ListenerPlan) {
    this.name = name;
    this.repeatedSlashes = repeatedSlashes;
    this.clientField = clientAddressHeader === '' ? null : new ClientAddressField(clientAddressHeader);
    this.ownField = this.clientField?.isList === false ? this.clientField : null;
    this.redirect = redirectToHttps === 0 ? null : new HttpsRedirect(redirectToHttps, redirectToHttpsExcept);
  }
}
