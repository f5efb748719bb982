// A listener that reads requests, as a worker applies it: its plan made ready, once for each snapshot that makes listeners anew.

import { ClientAddressField } from '../exchange/client-address.js';
import type { FilterScope } from '../exchange/filter.js';
import { HttpsRedirect } from '../exchange/https-redirect.js';
import type { Phases } from '../exchange/phases.js';
import type { ListenerPlan } from '../exchange/settings.js';
import { phasesOf, withoutPools } from '../filters/runs.js';
import type { FilterPlan, RepeatedSlashes } from '../routing/plan.js';

/** What a listener's plan says of its requests. */
type HttpListenerPlan = Pick<
  ListenerPlan,
  | 'name'
  | 'clientAddressHeader'
  | 'redirectToHttps'
  | 'redirectToHttpsExcept'
  | 'repeatedSlashes'
  | 'strictTransportSecurity'
  | 'filters'
>;

export class HttpListener {
  /** The name that routes are bound to; empty for none. */
  readonly name: string;
  /** The field in which trusted peers state who the client is; null when the peer is the client. */
  readonly clientField: ClientAddressField | null;
  /** The same when it is a field of its own, and no list: what strangers say in it does not go on. */
  readonly ownField: ClientAddressField | null;
  /** Null when rules decide about every request. */
  readonly redirect: HttpsRedirect | null;

  /** It adds Strict-Transport-Security to responses by https. */
  readonly strictTransport: boolean;
  /** What becomes of runs of `/` where the rule does not say. */
  readonly repeatedSlashes: RepeatedSlashes;
  /** Its own filters, which every rule applies to requests that come here; null for none. */
  filters: readonly FilterPlan[] | null;
  /** Its filters and those of all: what they change in local replies to requests that no rule was found for. */
  readonly phases: Phases;

  /** `filtersOfAll` are those of the top level. */
  constructor(plan: HttpListenerPlan, filtersOfAll: readonly FilterPlan[], filterScope: FilterScope) {
    const { name, clientAddressHeader, redirectToHttps, redirectToHttpsExcept, repeatedSlashes, filters } = plan;
    this.name = name;
    this.repeatedSlashes = repeatedSlashes;
    this.strictTransport = plan.strictTransportSecurity !== '';
    this.filters = filters.length === 0 ? null : filters;
    this.phases = phasesOf([filtersOfAll, filters], filterScope);
    this.clientField = clientAddressHeader === '' ? null : new ClientAddressField(clientAddressHeader);
    this.ownField = this.clientField?.isList === false ? this.clientField : null;
    this.redirect = redirectToHttps === 0 ? null : new HttpsRedirect(redirectToHttps, redirectToHttpsExcept);
  }

  /** The listener is gone, and so are the pools that its filters name. Requests on connections that stand keep the rest. */
  retire(): void {
    if (this.filters !== null) this.filters = withoutPools(this.filters);
  }
}
