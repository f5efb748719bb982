// What an operator has changed about servers while the process runs: a layer over the configuration and what names lead to.
// Owns the layer, and its file. Leaves applying it to primary.ts.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { hostPortText, type SocketEndpoint } from '../base/endpoint.js';
import type { ResolvedServer } from '../health/discovery.js';

/** How an operator wants a server: `drain` leaves it to the clients of its sessions, `maintenance` to no request. */
export const SERVER_STATES = ['ready', 'drain', 'maintenance'] as const;
export type WantedState = (typeof SERVER_STATES)[number];

/** How long a change holds: until the next reload that is applied, or over reloads and restarts. */
export const KEEPS = ['reload', 'saved'] as const;
export type Keep = (typeof KEEPS)[number];

/** A server as the layers below the operator have it. */
export type LayeredServer = ResolvedServer & { readonly maintenance?: boolean };

/** A server that the operator added. */
export interface AddedServer {
  readonly address: string;
  readonly endpoint: SocketEndpoint;
  readonly weight: number;
  readonly backup: boolean;
}

/** All that the operator said of one server; what is not said is as below. */
export interface OperatorChange {
  readonly weight?: number;
  readonly state?: 'drain' | 'maintenance';
  readonly removed?: true;
  readonly added?: AddedServer;
  readonly keep: Keep;
}

const endpoint = z.union([
  z.object({ kind: z.literal('tcp'), host: z.string(), port: z.number() }),
  z.object({ kind: z.literal('unix'), path: z.string() }),
]);

const saved = z.record(
  z.string(),
  z.record(
    z.string(),
    z.object({
      weight: z.number().int().min(0).max(1000).optional(),
      state: z.enum(['drain', 'maintenance']).optional(),
      removed: z.literal(true).optional(),
      added: z.object({ address: z.string(), endpoint, weight: z.number().int(), backup: z.boolean() }).optional(),
    }),
  ),
);

export class OperatorLayer {
  readonly #pools: ReadonlyMap<string, ReadonlyMap<string, OperatorChange>>;

  constructor(pools: OperatorLayer['pools'] = new Map()) {
    this.#pools = pools;
  }

  /** By pool, then by the name of the server. */
  get pools(): ReadonlyMap<string, ReadonlyMap<string, OperatorChange>> {
    return this.#pools;
  }

  /** What the file at `path` holds; nothing when there is none. Throws an Error that names it when it cannot be used. */
  static read(path: string): OperatorLayer {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new OperatorLayer();
      throw new Error(`${path}: ${(error as Error).message}`);
    }
    try {
      const pools = saved.parse(JSON.parse(text));
      return new OperatorLayer(
        new Map(
          Object.entries(pools).map(([pool, servers]) => [
            pool,
            new Map(
              Object.entries(servers).map(([name, change]) => [name, { ...change, keep: 'saved' } as OperatorChange]),
            ),
          ]),
        ),
      );
    } catch {
      throw new Error(`${path} does not hold what an operator saved. Expected a file that Sevenfold wrote, or none.`);
    }
  }

  /** Writes what is to be kept over restarts; all of it or nothing. Throws an Error. */
  write(path: string): void {
    const next = `${path}.new`;
    writeFileSync(next, this.savedText, { mode: 0o600 });
    renameSync(next, path);
  }

  /** What is to be kept over restarts, as its file has it. */
  get savedText(): string {
    const pools = Object.fromEntries(
      [...this.saved().#pools].map(([pool, servers]) => [
        pool,
        Object.fromEntries([...servers].map(([name, { keep: _, ...change }]) => [name, change])),
      ]),
    );
    return `${JSON.stringify(pools, null, 2)}\n`;
  }

  /** The layer as a reload leaves it. */
  saved(): OperatorLayer {
    const pools = [...this.#pools].map(
      ([pool, servers]) => [pool, new Map([...servers].filter(([, { keep }]) => keep === 'saved'))] as const,
    );
    return new OperatorLayer(new Map(pools.filter(([, servers]) => servers.size > 0)));
  }

  get(pool: string, server: string): OperatorChange | undefined {
    return this.#pools.get(pool)?.get(server);
  }

  /** The layer with another change of one server in it; undefined takes back all that was said. */
  with(pool: string, server: string, change: OperatorChange | undefined): OperatorLayer {
    const servers = new Map(this.#pools.get(pool));
    if (change === undefined) servers.delete(server);
    else servers.set(server, change);
    const pools = new Map(this.#pools);
    if (servers.size === 0) pools.delete(pool);
    else pools.set(pool, servers);
    return new OperatorLayer(pools);
  }

  /** The servers of a pool with what the operator says of them. */
  over(pool: string, servers: readonly ResolvedServer[]): readonly LayeredServer[] {
    const changes = this.#pools.get(pool);
    if (changes === undefined) return servers;
    const below = servers.flatMap((server) => {
      const change = changes.get(server.name);
      if (change?.removed) return [];
      return change?.added === undefined ? [changed(server, change)] : [];
    });
    const listed = new Set(below.map(({ address }) => address));
    const added = [...changes].flatMap(([name, change]) =>
      change.added === undefined || listed.has(change.added.address)
        ? []
        : [changed({ name, ...change.added }, change)],
    );
    return [...below, ...added];
  }
}

function changed(server: ResolvedServer, change: OperatorChange | undefined): LayeredServer {
  if (change === undefined) return server;
  const weight = change.state === undefined ? (change.weight ?? server.weight) : 0;
  return { ...server, weight, ...(change.state === 'maintenance' ? { maintenance: true } : {}) };
}

/** The address of an endpoint as the lists of servers have it. */
export const addressOf = (at: SocketEndpoint): string =>
  at.kind === 'unix' ? `unix:${at.path}` : hostPortText(at.host, at.port);
