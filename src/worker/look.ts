// What a worker has under way, for people: exchanges and client connections, the oldest first.
// Owns the rows. Looks only at what is in hand: a head that was given back is another request's memory by now.

import { addressText } from '../base/addresses.js';
import { readClock } from '../base/clock.js';
import { CLIENT } from '../codec/connections.js';
import { PEER_BYTES } from '../engine/layout.js';
import { type Exchange, KIND, STAGE, TIME } from '../exchange/exchange.js';
import type { ClientSide } from '../exchange/streams.js';
import { peerBytes } from '../exchange/trust.js';
import { METHOD_NAMES } from '../http/methods.js';
import type { Worker } from './worker.js';

/** A request under way, or a connection that is passed on unread. */
export interface ExchangeRow {
  readonly worker: number;
  /** Number of its client connection in that worker. */
  readonly connection: number;
  readonly listener: string;
  readonly client: string;
  readonly ageMs: number;
  readonly stage: string;
  /** Empty for a connection that is passed on unread. */
  readonly method: string;
  /** As long as the head is held for another attempt; null later. */
  readonly path: string | null;
  readonly rule: string | null;
  readonly pool: string | null;
  /** The server of the attempt under way, or of the last one. */
  readonly server: string | null;
  readonly attempts: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** A client connection. */
export interface ConnectionRow {
  readonly worker: number;
  readonly connection: number;
  readonly listener: string;
  readonly client: string;
  readonly ageMs: number;
  readonly state: string;
  /** Empty without TLS. */
  readonly tls: string;
  readonly waitingToSend: boolean;
}

const nameIn = (names: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(names).find(([, number]) => number === value)?.[0] ?? String(value);

/** The oldest `most` exchanges that have been under way for `olderMs`. */
export function lookAtExchanges(w: Worker, most: number, olderMs: number): ExchangeRow[] {
  const now = readClock();
  const found: Exchange[] = [];
  w.connections.eachExchange((x) => {
    if (x.stage !== STAGE.FREE && now - x.times[TIME.begun]! >= olderMs * 1000) found.push(x);
  });
  found.sort((a, b) => a.times[TIME.begun]! - b.times[TIME.begun]!);
  return found.slice(0, most).map((x) => {
    const isRaw = x.kind === KIND.RAW;
    return {
      worker: w.index,
      connection: x.client.number,
      listener: listenerOf(x.client),
      client: clientOf(w, x.client),
      ageMs: Math.round((now - x.times[TIME.begun]!) / 1000),
      stage: nameIn(STAGE, x.stage),
      method: isRaw ? '' : (METHOD_NAMES[x.method] ?? ''),
      path:
        isRaw || x.head === null
          ? null
          : Buffer.from(w.memory.subarray(x.targetAt, x.targetAt + x.targetPathBytes)).toString('latin1'),
      rule: x.rule?.plan.name ?? null,
      pool: x.pool?.plan.name ?? null,
      server: x.attempt.server?.address ?? null,
      attempts: x.attempts,
      bytesIn: x.bytesIn,
      bytesOut: x.bytesOut,
    };
  });
}

/** The oldest `most` client connections. */
export function lookAtConnections(w: Worker, most: number): ConnectionRow[] {
  const now = readClock();
  const rows: ConnectionRow[] = [];
  w.connections.eachClient((client) => {
    rows.push({
      worker: w.index,
      connection: client.number,
      listener: listenerOf(client),
      client: clientOf(w, client),
      ageMs: Math.round((now - client.acceptedUs) / 1000),
      state: client.handshaking ? 'HANDSHAKING' : nameIn(CLIENT, client.state),
      tls: client.tls?.version ?? '',
      waitingToSend: client.blocked,
    });
  });
  return rows.sort((a, b) => b.ageMs - a.ageMs).slice(0, most);
}

/** The name of the listener, or its address. */
const listenerOf = ({ listener }: ClientSide): string => listener.http.name || listener.plan.address;

/** The address of the peer; empty over a unix socket. */
function clientOf(w: Worker, { slot }: ClientSide): string {
  const at = slot * PEER_BYTES;
  return addressText(w.engine.peers, at + 4, peerBytes(w.engine.peers, slot));
}
