// The connections of one worker, by slot, as plain objects from free lists: none is made per request.
// Owns the tables and the free lists. Leaves what a connection holds to those who close it.

import { Tried } from '../balance/view.js';
import { BACKEND, BackendConnection, CLIENT, ClientConnection } from '../codec/connections.js';
import { slotOf } from '../engine/engine.js';
import type { Attempt } from '../exchange/attempt.js';
import type { Listener } from '../exchange/listener.js';
import type { Server } from '../exchange/pools.js';

export class Connections {
  readonly #memory: Uint8Array;
  readonly #clients: (ClientConnection | null)[];
  readonly #backends: (BackendConnection | null)[];
  readonly #freeClients: ClientConnection[] = [];
  readonly #freeBackends: BackendConnection[] = [];

  /** `memory` is that of the worker, `slotCount` the connections it may have at once. */
  constructor(memory: Uint8Array, slotCount: number) {
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
    const client = this.#freeClients.pop() ?? new ClientConnection(this.#memory, new Tried());
    client.open(conn, slotOf(conn), listener);
    this.#clients[client.slot] = client;
    return client;
  }

  /** Takes back a client connection whose handle has been given up. */
  freeClient(client: ClientConnection): void {
    this.#clients[client.slot] = null;
    client.to(CLIENT.CLOSED);
    this.#freeClients.push(client);
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
