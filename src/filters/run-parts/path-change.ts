// What URLRewrite and RequestRedirect make of a path: something that fits a chunk, in normal form but for its runs of `/`.

import type { AnyExchange } from '../../exchange/client-info.js';
import type { FilterTools, PathChange } from '../../exchange/filter.js';
import type { ReasonCode } from '../../http/reasons.js';
import { normalisePath, PATH_AS_IS, PATH_GROWTH } from '../../routing/path.js';
import { RegexRewrite, replacePrefix } from '../../routing/rewrite.js';
import type { PathModifierPlan } from '../parts/path-modifier.js';

/** A path modifier, ready to be applied. */
export class PathModifier implements PathChange {
  readonly #type: PathModifierPlan['type'];
  readonly #value: Uint8Array;
  readonly #regex: RegexRewrite | null;
  readonly #tools: FilterTools;

  constructor(plan: PathModifierPlan, tools: FilterTools) {
    this.#type = plan.type;
    this.#value = Buffer.from(plan.type === 'ReplaceRegexMatch' ? '' : plan.value, 'latin1');
    this.#regex = plan.type === 'ReplaceRegexMatch' ? new RegexRewrite(plan.pattern, plan.substitution) : null;
    this.#tools = tools;
  }

  room(x: AnyExchange, most: number): number {
    if (this.#regex !== null) return most;
    const rest = this.#type === 'ReplacePrefixMatch' ? x.targetPathBytes - this.#tools.prefixBytes(x) : 0;
    return this.#value.length + rest;
  }

  write(x: AnyExchange, out: Uint8Array, at: number, room: number): number | ReasonCode {
    const tools = this.#tools;
    if (this.#regex !== null) return this.#writeMatch(x, this.#regex, out, at, room);
    if (this.#type === 'ReplacePrefixMatch') {
      return replacePrefix(tools.memory, x.targetAt, x.targetPathBytes, tools.prefixBytes(x), this.#value, out, at);
    }
    out.set(this.#value, at);
    return this.#value.length;
  }

  #writeMatch(x: AnyExchange, regex: RegexRewrite, out: Uint8Array, at: number, room: number): number | ReasonCode {
    const path = Buffer.from(this.#tools.memory.buffer, x.targetAt, x.targetPathBytes).toString('latin1');
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
