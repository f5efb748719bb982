// Sends equal keys to the same server, and moves only a lost server's keys (balance: consistent-hash and ip-hash).
// Owns the lookup and the way round closed servers. Leaves the table to maglev.ts and making keys to keys.ts.

import type { Balancer } from './balancer.js';
import { mix } from './keys.js';
import { buildMaglev } from './maglev.js';
import type { ServerPlan } from './options.js';
import type { Attempted, PoolView } from './view.js';

/** Further homes a key has before the open servers are walked in order. With half the pool down, 1 key in 2^16 gets there. */
const HOMES_MAX = 16;

/** What a table is built from is the same: it may serve on. */
function sameMembers(a: readonly ServerPlan[], b: readonly ServerPlan[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ address, weight, backup }, i) => {
      const other = b[i]!;
      return other.address === address && other.weight === weight && other.backup === backup;
    })
  );
}

/**
 * The table is over all members and changes only with them. While a server is closed, each of its keys maps to a fallback
 * server, found by hashing the key again: the keys spread over all others, no other key moves, and all return with the
 * server. A retry goes to the fallback too.
 */
export class ConsistentHash implements Balancer {
  readonly #view: PoolView;
  readonly #table: Uint16Array;
  readonly #backupTable: Uint16Array;
  /** By member: its position among the open servers, or -1. */
  readonly #positions: Int32Array;
  #onBackups = false;

  constructor(view: PoolView, before: ConsistentHash | null = null) {
    const { servers } = view.plan;
    this.#view = view;
    this.#positions = new Int32Array(servers.length).fill(-1);
    if (before !== null && sameMembers(before.#view.plan.servers, servers)) {
      this.#table = before.#table;
      this.#backupTable = before.#backupTable;
      return;
    }
    this.#table = buildMaglev(servers.map((s) => ({ name: s.address, weight: s.backup ? 0 : s.weight })));
    this.#backupTable = servers.some((s) => s.backup)
      ? buildMaglev(servers.map((s) => ({ name: s.address, weight: s.backup ? s.weight : 0 })))
      : this.#table;
  }

  pick(key: number, attempted: Attempted): number {
    const view = this.#view;
    if (view.refresh()) this.#locate();
    const { count, servers } = view;
    if (count === 0) return view.otherwise(attempted);
    const table = this.#onBackups ? this.#backupTable : this.#table;
    const places = table.length;
    let home = key;
    for (let homes = 0; homes < HOMES_MAX; homes++) {
      const position = this.#positions[table[(home >>> 0) % places]!]!;
      if (position >= 0 && view.hasRoom(position) && (attempted.count === 0 || !attempted.has(servers[position]!)))
        return servers[position]!;
      home = mix(home + 0x9e3779b9);
    }
    let position = (home >>> 0) % count;
    for (let looked = 0; looked < count; looked++) {
      if (view.hasRoom(position) && (attempted.count === 0 || !attempted.has(servers[position]!)))
        return servers[position]!;
      if (++position === count) position = 0;
    }
    return view.otherwise(attempted);
  }

  #locate(): void {
    const { count, members, plan } = this.#view;
    this.#positions.fill(-1);
    for (let position = 0; position < count; position++) this.#positions[members[position]!] = position;
    this.#onBackups = count > 0 && plan.servers[members[0]!]!.backup;
  }
}
