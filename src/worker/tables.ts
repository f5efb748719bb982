// The connections of one worker by slot, its exchanges and attempts by id, as plain objects from free lists: none is made
// per request.
// Owns the tables and the free lists. Leaves what a connection holds to those who close it.

import { Attempted } from '../balance/view.js';
import { BACKEND, BackendConnection, CLIENT, ClientConnection } from '../codec/connections.js';
import { Http2Stream } from '../codec/h2/stream.js';
import { slotOf } from '../engine/engine.js';
import { Attempt } from '../exchange/attempt.js';
import { Exchange } from '../exchange/exchange.js';
import type { Listener } from '../exchange/listener.js';
import type { Server } from '../exchange/pools.js';
import type { ClientSide } from '../exchange/streams.js';

export class Connections {
  readonly #memory: Uint8Array;
  readonly #clients: (ClientConnection | null)[];
  readonly #backends: (BackendConnection | null)[];
  readonly #freeClients: ClientConnection[] = [];
  /** All that were made, by id. */
  readonly #exchanges: Exchange[] = [];
  readonly #attempts: Attempt[] = [];
  readonly #freeCopies: Attempt[] = [];
  readonly #freeBackends: BackendConnection[] = [];
  /** Client connections opened so far. */
  #accepted = 0;
  readonly #freeStreams: Http2Stream[] = [];
  readonly #streamsMax: number;
  /** Streams that were made: as many as were ever open at once. */
  #streams = 0;

  /** `memory` is that of the worker; it may have `slotCount` connections and `streamsMax` streams at once. */
  constructor(memory: Uint8Array, slotCount: number, streamsMax: number) {
    this.#streamsMax = streamsMax;
    this.#memory = memory;
    this.#clients = new Array<ClientConnection | null>(slotCount).fill(null);
    this.#backends = new Array<BackendConnection | null>(slotCount).fill(null);
  }

  /** The client connection in a slot, or null. Hot. */
  clientAt(slot: number): ClientConnection | null {
    return this.#clients[slot]!;
  }

  /** The backend connection in a slot, or null. Hot. */
  backendAt(slot: number): BackendConnection | null {
    return this.#backends[slot]!;
  }

  /** A client connection for a handle that the engine reported. */
  openClient(conn: number, listener: Listener): ClientConnection {
    const client = this.#freeClients.pop() ?? new ClientConnection(this.#exchangeFor);
    this.#accepted++;
    client.open(conn, slotOf(conn), listener, this.#accepted);
    this.#clients[client.slot] = client;
    return client;
  }

  /** The exchange of a client's side, which is made with it and used again with it. */
  readonly #exchangeFor = (client: ClientSide): Exchange => {
    const x = new Exchange(this.#memory, client, new Attempted());
    x.id = this.#exchanges.length;
    this.#exchanges.push(x);
    this.#number(x.attempt);
    return x;
  };

  #number(attempt: Attempt): void {
    attempt.id = this.#attempts.length;
    this.#attempts.push(attempt);
  }

  /** The exchange with this id. */
  exchangeAt(id: number): Exchange {
    return this.#exchanges[id]!;
  }

  /** The attempt with this id. */
  attemptAt(id: number): Attempt {
    return this.#attempts[id]!;
  }

  /** An attempt that copies the request of an exchange. */
  openCopy(x: Exchange): Attempt {
    let copy = this.#freeCopies.pop();
    if (copy === undefined) {
      copy = new Attempt(x);
      this.#number(copy);
    }
    copy.exchange = x;
    copy.reset();
    return copy;
  }

  /** Takes back a copy that has ended. */
  freeCopy(copy: Attempt): void {
    this.#freeCopies.push(copy);
  }

  /** Takes back a client connection whose handle has been given up. */
  freeClient(client: ClientConnection): void {
    this.#clients[client.slot] = null;
    client.to(CLIENT.CLOSED);
    this.#freeClients.push(client);
  }

  /** A stream for a connection of HTTP/2; null when there are as many as there may be. */
  openStream(): Http2Stream | null {
    const free = this.#freeStreams.pop();
    if (free !== undefined) return free;
    if (this.#streams === this.#streamsMax) return null;
    this.#streams++;
    return new Http2Stream(this.#exchangeFor);
  }

  /** Takes back a stream that is over. */
  freeStream(stream: Http2Stream): void {
    this.#freeStreams.push(stream);
  }

  /** Streams that are not over. */
  get streamsOpen(): number {
    return this.#streams - this.#freeStreams.length;
  }

  /** A connection that is being opened to `server`, for an attempt. */
  openBackend(conn: number, server: Server, attempt: Attempt): BackendConnection {
    const backend = this.#freeBackends.pop() ?? new BackendConnection();
    backend.open(conn, slotOf(conn), server, attempt);
    this.#backends[backend.slot] = backend;
    return backend;
  }

  freeBackend(backend: BackendConnection): void {
    this.#backends[backend.slot] = null;
    backend.to(BACKEND.CLOSED);
    this.#freeBackends.push(backend);
  }

  /** Every exchange that was made, also those that are FREE. */
  eachExchange(visit: (x: Exchange) => void): void {
    for (const x of this.#exchanges) visit(x);
  }

  /** Every client connection and the slot it stands in. */
  eachClient(visit: (client: ClientConnection, slot: number) => void): void {
    for (let slot = 0; slot < this.#clients.length; slot++) {
      const client = this.#clients[slot]!;
      if (client !== null) visit(client, slot);
    }
  }

  /** Every backend connection and the slot it stands in. */
  eachBackend(visit: (backend: BackendConnection, slot: number) => void): void {
    for (let slot = 0; slot < this.#backends.length; slot++) {
      const backend = this.#backends[slot]!;
      if (backend !== null) visit(backend, slot);
    }
  }
}
