// What a configuration says of listeners, limits and timeouts: plain data, fit for structured clone.
// Owns the shapes. Leaves the rest of a snapshot to worker/snapshot.ts, and applying them to the worker.

import type { Http2Limits } from '../http/h2-limits.js';
import type { BackendRefPlan, FilterPlan, RepeatedSlashes } from '../routing/plan.js';
import type { ListenerLogsPlan } from './log-plan.js';

/** What clients speak, and whether we read it: `http` and `https` are read, the others passed on. */
export type ListenerProtocol = 'http' | 'https' | 'tcp' | 'tls' | 'tls-passthrough';

/** A listening socket, by its number in the engine's registry. */
export interface ListenerPlan {
  listener: number;
  /** As it was configured, for messages. */
  address: string;
  protocol: ListenerProtocol;
  /** Whose connections [::] takes; empty where the address says so. */
  families: '' | 'IPv6 only' | 'IPv6 and IPv4';
  /** HTTP/2 is spoken beside HTTP/1: by ALPN, or without TLS by prior knowledge. */
  http2: boolean;
  /** The engine's TLS context for `https` and `tls`, else -1. */
  tls: number;
  /** With `http2`, the names of each identity of that context, the one first that stands for all other names. */
  identities: readonly (readonly string[])[];
  /** What routes are bound to; empty for none. */
  name: string;
  /** The port that requests are redirected to by https; 0 for none. */
  redirectToHttps: number;
  /** Prefixes of paths that are not redirected: in normal form, without a closing slash. */
  redirectToHttpsExcept: string[];
  /** Value of Strict-Transport-Security in every response; empty for none. */
  strictTransportSecurity: string;
  /** The bound port; 0 for a unix socket. */
  port: number;
  /** The index of the pool for connections that `tlsRoutes` leaves; -1 for none. */
  pool: number;
  /** For `tls` and `tls-passthrough`, else empty. */
  tlsRoutes: TlsRoutePlan[];
  /** CIDR ranges whose connections begin with a PROXY header. */
  proxySources: string[];
  /** The field in which trusted peers state the client's address; empty for none. */
  clientAddressHeader: string;
  repeatedSlashes: RepeatedSlashes;
  /** Its access logs. */
  accessLogs: ListenerLogsPlan;
  /** What is done to the requests that come here, and to their responses, whatever the rule. */
  filters: readonly FilterPlan[];
}

/** Connections that ask for one of these server names, and the pools that share them. */
interface TlsRoutePlan {
  /** Exact, or `*.` and a domain. */
  hostnames: string[];
  backendRefs: BackendRefPlan[];
}

/** Every limit, with its default in config/. Bytes and counts; 0 means what the comment says. */
export interface Limits {
  /** Longest head of a request or a response. One over a chunk is collected on the heap (codec/h1/long-head.ts). */
  headBytesMax: number;
  uriBytesMax: number;
  fieldsMax: number;
  /** Longest request body; 0 is unlimited. */
  bodyBytesMax: number;
  /** Longest request body that is kept for another try; 0 keeps none. */
  retryBodyBytesMax: number;
  /** Bytes a client has to take or send in a second, on average over `timeouts.clientRate`; 0 is no minimum. */
  clientBytesPerSecondMin: number;
  /** Client connections of one worker. */
  connectionsMax: number;
  /** TLS handshakes under way in one worker. */
  handshakesMax: number;
  /** Attempts after the first one. */
  retriesMax: number;
  /** Idle backend connections kept per server and worker. */
  idleConnectionsMax: number;
  /** Copies of requests under way in one worker, over all mirrors; further ones are dropped. */
  mirrorsMax: number;
  slabBytes: number;
  /** Keys that rate limits count at once, over all workers. */
  rateKeysMax: number;
  /** What one connection of HTTP/2 may ask for. */
  http2: Http2Limits;
}

/** Every deadline in milliseconds; 0 means there is none. */
export interface Timeouts {
  requestHeadMs: number;
  tlsHandshakeMs: number;
  idleMs: number;
  requestBodyMs: number;
  connectMs: number;
  responseHeadMs: number;
  responseIdleMs: number;
  backendIdleMs: number;
  requestMs: number;
  drainMs: number;
  tunnelIdleMs: number;
  halfClosedMs: number;
  clientRateMs: number;
  mirrorMs: number;
}
