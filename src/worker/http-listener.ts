// A listener that reads requests, as a worker applies it: its plan made ready, once for each plan.

import { ClientAddressField } from '../exchange/client-address.js';
import { HttpsRedirect } from '../exchange/https-redirect.js';
import type { ListenerPlan } from '../exchange/settings.js';
import { mergeFilters } from '../routing/merge-filters.js';
import type { FilterPlan, RepeatedSlashes } from '../routing/plan.js';
import { type HeaderEdit, headerEdit } from './filters/edit.js';

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
  /** Its own filters, which every rule applies to requests that come here; null for none. */
  filters: readonly FilterPlan[] | null;
  /** What its filters and those of all change in answers of our own to requests that no rule was found for; null for nothing. */
  readonly responseEdit: HeaderEdit | null;

  /** `filtersOfAll` are those of the top level. */
  constructor(plan: ListenerPlan, filtersOfAll: readonly FilterPlan[]) {
    const { name, clientAddressHeader, redirectToHttps, redirectToHttpsExcept, repeatedSlashes, filters } = plan;
    this.name = name;
    this.repeatedSlashes = repeatedSlashes;
    this.filters = filters.length === 0 ? null : filters;
    this.responseEdit = headerEdit(mergeFilters([filtersOfAll, filters]).response, false);
    this.clientField = clientAddressHeader === '' ? null : new ClientAddressField(clientAddressHeader);
    this.ownField = this.clientField?.isList === false ? this.clientField : null;
    this.redirect = redirectToHttps === 0 ? null : new HttpsRedirect(redirectToHttps, redirectToHttpsExcept);
  }

  /** The listener is gone, and so are the pools that its mirrors name. Requests on connections that stand keep the rest. */
  retire(): void {
    this.filters = this.filters?.filter(({ type }) => type !== 'RequestMirror') ?? null;
  }
}
