// A listener, as the steps of a connection and of an exchange see it. Owns the shape; worker/listener.ts implements it.

import type { Pinned } from '../engine/text.js';
import type { ClientAddressField } from './client-address.js';
import type { RequestListener } from './client-info.js';
import type { ConnectionGate, ConnectionHold } from './filter.js';
import type { Pool } from './pools.js';
import type { ListenerProtocol } from './settings.js';
import type { Trust } from './trust.js';

/** How requests are read and routed that come in at a listener. */
interface HttpListener extends RequestListener {
  /** `clientField` when it is a field of its own, and no list: what strangers say in it does not go on. */
  readonly ownField: ClientAddressField | null;
}

/** Which access logs have the requests of a listener: made and read by observe/log. */
export interface ListenerLogs {
  /** The number of this set of logs. */
  readonly set: number;
}

/** Connections hold the listener itself: they see new settings with their next request. */
export interface Listener {
  readonly plan: {
    /** Its number in the engine's registry, which is never given out twice. */
    readonly listener: number;
    /** As it was configured, for people. */
    readonly address: string;
    readonly protocol: ListenerProtocol;
    readonly tls: number;
    readonly port: number;
    readonly http2: boolean;
    readonly identities: readonly (readonly string[])[];
  };
  readonly http: HttpListener;
  /** Its name, or its address. */
  readonly label: string;
  /** Null for none. */
  readonly logs: ListenerLogs | null;
  /** Still part of the configuration. Where it is not, its TLS context and its pools are not either. */
  readonly current: boolean;
  /** Whose connections begin with a PROXY header; null for those of no client. */
  readonly proxySources: Trust | null;
  /** Which clients may connect, where connections are passed on unread; null for all. */
  readonly gate: ConnectionGate | null;
  /** What counts its connections in; null for nothing. */
  readonly hold: ConnectionHold | null;
  /** The Strict-Transport-Security line; empty for none. */
  readonly strictTransport: string;
  /** Forwarding lines that are the same for every stranger, by http and by https; null when the slab has no room for them. */
  readonly forwarding: Pinned | null;
  readonly forwardingSecure: Pinned | null;
  /** The pool for connections that are passed on without a name, or null. */
  readonly pool: Pool | null;
  /** The pool for a connection that asks for `serverName`, or null when none is for it. */
  poolFor(serverName: string): Pool | null;
}
