// What filters may ask of a request, and do with its target: the same for one from a socket and one in words.
// Owns reading and changing the request. Leaves answering it, and holding it up, to those who have a client.

import { CHUNK_BYTES } from '../base/chunk.js';
import type { Engine } from '../engine/engine.js';
import { forwardedScheme } from '../http/forwarded-scheme.js';
import type { Head } from '../http/head.js';
import type { ReasonCode } from '../http/reasons.js';
import { keptPrefix } from '../routing/path.js';
import type { HeaderValuePlan } from '../routing/plan.js';
import type { AnyExchange } from './client-info.js';
import type { Context } from './context.js';
import type { BeginWait, FilterTools, LocalReply, PathChange, RefusalDetails, VERDICT } from './filter.js';
import { fillLines } from './header-variables.js';

const ASTERISK = 0x2a;

/** What these tools need of a worker. */
interface RequestToolsContext extends Pick<Context, 'memory' | 'writer' | 'scratch' | 'scratchKeep' | 'ids'> {
  readonly engine: Pick<Engine, 'peers' | 'retain' | 'release'>;
}

/** One per worker. */
export abstract class RequestTools implements FilterTools {
  readonly memory: Uint8Array;
  readonly #w: RequestToolsContext;

  constructor(w: RequestToolsContext) {
    this.#w = w;
    this.memory = w.memory;
  }

  abstract count(what: string): void;
  abstract reply(x: AnyExchange, reply: LocalReply): void;
  abstract fail(x: AnyExchange, reason: ReasonCode, details?: RefusalDetails): void;
  abstract wait(x: AnyExchange, ms: number, begin: BeginWait): typeof VERDICT.WAIT;

  prefixBytes(x: AnyExchange): number {
    // A run of `/` may be longer in the target than the rules saw it.
    if (x.targetPathBytes === x.pathBytes) return x.prefixBytes;
    return keptPrefix(this.memory, x.targetAt, x.targetPathBytes, x.prefixBytes);
  }

  requestHead(x: AnyExchange): Head {
    return x.head!;
  }

  scheme(x: AnyExchange): 'http' | 'https' {
    const said = x.client.trusted ? forwardedScheme(this.memory, x.head!) : null;
    return said ?? (x.tls === null ? 'http' : 'https');
  }

  headerLines(x: AnyExchange, values: readonly HeaderValuePlan[]): string {
    return fillLines(this.#w, x, values);
  }

  changePath(x: AnyExchange, change: PathChange): ReasonCode | null {
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
}
