// URLRewrite: the target and the host that the server gets in place of the client's.

import { CHUNK_BYTES } from '../../engine/layout.js';
import type { Context } from '../../exchange/context.js';
import { type Exchange, NO_ADDRESS } from '../../exchange/exchange.js';
import type { ReasonCode } from '../../http/reasons.js';
import { keptPrefix, normalisePath, PATH_AS_IS, PATH_GROWTH } from '../../routing/path.js';
import type { FilterPlan, PathModifierPlan } from '../../routing/plan.js';
import { RegexRewrite, replacePrefix } from '../../routing/rewrite.js';

const ASTERISK = 0x2a;

/** What a modifier makes of a path: something that fits a chunk, in normal form but for its runs of `/`. */
export class PathModifier {
  readonly #type: PathModifierPlan['type'];
  readonly #value: Uint8Array;
  readonly #regex: RegexRewrite | null;

  constructor(plan: PathModifierPlan) {
    this.#type = plan.type;
    this.#value = Buffer.from(plan.type === 'ReplaceRegexMatch' ? '' : plan.value, 'latin1');
    this.#regex = plan.type === 'ReplaceRegexMatch' ? new RegexRewrite(plan.pattern, plan.substitution) : null;
  }

  /** Bytes of room that the new path of the request in `w.view` needs at most; `most` when it cannot be told. */
  room(w: Context, x: Exchange, most: number): number {
    if (this.#regex !== null) return most;
    const rest = this.#type === 'ReplacePrefixMatch' ? x.client.pathBytes - prefixBytes(w, x) : 0;
    return this.#value.length + rest;
  }

  /**
   * Writes the new path for the request in `w.view` at `out`, which has `room` bytes. Returns its length, or why it cannot be:
   * too long, or no path.
   */
  write(w: Context, x: Exchange, out: Uint8Array, at: number, room: number): number | ReasonCode {
    const { memory } = w;
    if (this.#regex !== null) return this.#writeMatch(w, x, this.#regex, out, at, room);
    if (this.#type === 'ReplacePrefixMatch') {
      return replacePrefix(memory, x.targetAt, x.client.pathBytes, prefixBytes(w, x), this.#value, out, at);
    }
    out.set(this.#value, at);
    return this.#value.length;
  }

  #writeMatch(
    w: Context,
    x: Exchange,
    regex: RegexRewrite,
    out: Uint8Array,
    at: number,
    room: number,
  ): number | ReasonCode {
    const path = Buffer.from(w.memory.buffer, x.targetAt, x.client.pathBytes).toString('latin1');
    const text = regex.apply(path, room);
    if (text === null) return 'URI_TOO_LONG';
    const bytes = Buffer.from(text.startsWith('/') ? text : `/${text}`, 'latin1');
    // What was put together from pieces is brought into the form that all paths have; runs of slashes stay as they were made.
    const normal = Buffer.alloc(bytes.length * PATH_GROWTH + 1);
    const length = normalisePath(bytes, 0, bytes.length, normal, 0, true);
    if (length < PATH_AS_IS) return 'TARGET_INVALID';
    const result = length === PATH_AS_IS ? bytes : normal.subarray(0, length);
    if (result.length > room) return 'URI_TOO_LONG';
    out.set(result, at);
    return result.length;
  }
}

/** Bytes of the path that the rule's prefix has in the target, where a run of `/` may be longer than the rules saw it. */
function prefixBytes(w: Context, x: Exchange): number {
  const { prefixBytes: matched } = w.matcher;
  if (x.client.pathBytes === w.view.pathBytes) return matched;
  return keptPrefix(w.memory, x.targetAt, x.client.pathBytes, matched);
}

/** A rewrite, ready to be applied. */
export class Rewrite {
  /** The Host field's new value, or null. */
  readonly hostname: string | null;
  readonly #path: PathModifier | null;

  constructor(plan: Extract<FilterPlan, { type: 'URLRewrite' }>) {
    this.hostname = plan.hostname ?? null;
    this.#path = plan.path === undefined ? null : new PathModifier(plan.path);
  }

  /** Writes the new target for the request in `w.view`; the query stays. Returns why it cannot be sent, or null. */
  apply(w: Context, x: Exchange): ReasonCode | null {
    if (this.#path === null || w.memory[x.targetAt] === ASTERISK) return null;
    const { memory, writer } = w;
    const queryBytes = x.targetBytes - x.client.pathBytes;
    const most = CHUNK_BYTES - queryBytes;
    const room = this.#path.room(w, x, most);
    if (room > most) return 'URI_TOO_LONG';
    const out = w.scratch(room + queryBytes);
    if (out < 0) return 'OVERLOADED';
    const pathBytes = this.#path.write(w, x, memory, out, room);
    if (typeof pathBytes !== 'number') return pathBytes;
    writer.at = out + pathBytes;
    writer.copy(x.targetAt + x.client.pathBytes, queryBytes);
    x.targetAt = out;
    x.targetBytes = pathBytes + queryBytes;
    x.client.pathBytes = pathBytes;
    w.scratchKeep();
    w.engine.retain(out);
    if (x.targetHeld !== NO_ADDRESS) w.engine.release(x.targetHeld);
    x.targetHeld = out;
    return null;
  }
}
