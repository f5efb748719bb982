// What a worker offers the filters of its rules, and what they are made with.
// Owns the way from a filter to the steps of the worker. Leaves the contract to exchange/filter.ts.

import { STATUS_CODES } from 'node:http';
import { resumeFilters } from '../codec/h1/server.js';
import { CHUNK_BYTES } from '../engine/layout.js';
import type { Context } from '../exchange/context.js';
import type { Exchange } from '../exchange/exchange.js';
import type { FilterScope, FilterTools, LocalReply, PathChange, Wait } from '../exchange/filter.js';
import { FilterWait } from '../exchange/filter-wait.js';
import { fillLines } from '../exchange/header-variables.js';
import { fail, reply } from '../exchange/local-reply.js';
import type { Pool } from '../exchange/pools.js';
import { forwardedScheme } from '../http/forwarded-scheme.js';
import type { Head } from '../http/head.js';
import type { ReasonCode } from '../http/reasons.js';
import { keptPrefix } from '../routing/path.js';
import type { HeaderValuePlan } from '../routing/plan.js';

const ASTERISK = 0x2a;
const NOTHING = new Uint8Array(0);

/** One per worker. */
export class WorkerFilterTools implements FilterTools {
  readonly memory: Uint8Array;
  readonly #w: Context;
  readonly #resume: (x: Exchange, wait: FilterWait) => void;

  constructor(w: Context) {
    this.#w = w;
    this.#resume = (x, wait) => resumeFilters(w, x, wait);
    this.memory = w.memory;
  }

  prefixBytes(x: Exchange): number {
    // A run of `/` may be longer in the target than the rules saw it.
    if (x.targetPathBytes === x.pathBytes) return x.prefixBytes;
    return keptPrefix(this.memory, x.targetAt, x.targetPathBytes, x.prefixBytes);
  }

  requestHead(x: Exchange): Head {
    return x.head!;
  }

  scheme(x: Exchange): 'http' | 'https' {
    const said = x.client.trusted ? forwardedScheme(this.memory, x.head!) : null;
    return said ?? (x.client.tls === null ? 'http' : 'https');
  }

  headerLines(x: Exchange, values: readonly HeaderValuePlan[]): string {
    return fillLines(this.#w, x, values);
  }

  changePath(x: Exchange, change: PathChange): ReasonCode | null {
    const w = this.#w;
    if (this.memory[x.targetAt] === ASTERISK) return null;
    const { writer } = w;
    const queryBytes = x.targetBytes - x.targetPathBytes;
    const most = CHUNK_BYTES - queryBytes;
    const room = change.room(x, most);
    if (room > most) return 'URI_TOO_LONG';
    const out = w.scratch(room + queryBytes);
    if (out < 0) return 'OVERLOADED';
    const pathBytes = change.write(x, this.memory, out, room);
    if (typeof pathBytes !== 'number') return pathBytes;
    writer.at = out + pathBytes;
    writer.copy(x.targetAt + x.targetPathBytes, queryBytes);
    x.targetAt = out;
    x.targetBytes = pathBytes + queryBytes;
    x.targetPathBytes = pathBytes;
    w.scratchKeep();
    w.engine.retain(out);
    x.holdTarget(w.engine, out);
    return null;
  }

  reply(x: Exchange, { status, fields, body }: LocalReply): void {
    const bodiless = status === 204 || status === 304;
    reply(this.#w, x, status, STATUS_CODES[status] ?? '', fields, bodiless ? NOTHING : body, bodiless);
  }

  fail(x: Exchange, reason: ReasonCode): void {
    fail(this.#w, x, reason);
  }

  wait(x: Exchange, ms: number, left?: () => void): Wait {
    const wait = new FilterWait(x, ms, this.#resume, left);
    x.wait = wait;
    return wait;
  }
}

/** What the filters of one plan are made with. */
export function filterScope(w: Context, pools: readonly Pool[]): FilterScope {
  return {
    tools: w.filterTools,
    copyTo: (index) => {
      const pool = pools[index]!;
      return () => w.copiesDue.push(pool);
    },
  };
}
