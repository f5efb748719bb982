// What routing may ask of the connection that a request came on, and of its listener.
// Owns the shapes. Client connections have them; a request in words has nothing else.

import type { FilterPlan, RepeatedSlashes } from '../routing/plan.js';
import type { TlsView } from '../routing/request.js';
import type { ClientAddressField } from './client-address.js';
import type { Exchange } from './exchange.js';
import type { HttpsRedirect } from './https-redirect.js';
import type { Phases } from './phases.js';

/** How a listener wants its requests read and routed. */
export interface RequestListener {
  /** The name that routes are bound to; empty for none. */
  readonly name: string;
  /** The field in which trusted peers state who the client is; null when the peer is the client. */
  readonly clientField: ClientAddressField | null;
  /** Null when rules decide about every request. */
  readonly redirect: HttpsRedirect | null;
  /** What becomes of runs of `/` where the rule does not say. */
  readonly repeatedSlashes: RepeatedSlashes;
  /** It adds Strict-Transport-Security to responses by https. */
  readonly strictTransport: boolean;
  /** Its own filters, which every rule applies to requests that come here; null for none. */
  readonly filters: readonly FilterPlan[] | null;
  /** Its filters and those of all: what they change in local replies to requests that no rule was found for. */
  readonly phases: Phases;
}

/** What is known of a client before it has asked for anything. */
export interface ClientInfo {
  /** Its place in the table of peers, whose records have PEER_BYTES each. */
  readonly slot: number;
  /** Its peer is among the trusted proxies. */
  readonly trusted: boolean;
  /** What its TLS handshake agreed on; null without TLS. */
  readonly tls: TlsView | null;
  readonly listener: { readonly http: RequestListener };
}

/** A request, whatever it came on. */
export type AnyExchange = Exchange<ClientInfo>;
