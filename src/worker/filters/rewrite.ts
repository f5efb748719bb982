// URLRewrite: the target and the host that the server gets in place of the client's.

import { CHUNK_BYTES } from '../../engine/layout.js';
import type { ReasonCode } from '../../http/reasons.js';
import type { FilterPlan, PathModifierPlan } from '../../routing/plan.js';
import { replacePrefix } from '../../routing/rewrite.js';
import { type ClientConnection, NOWHERE } from '../connections.js';
import type { Worker } from '../worker.js';

const QUESTION = 0x3f;
const ASTERISK = 0x2a;

/** A rewrite, ready to be applied. */
export class Rewrite {
  /** The Host field's new value, or null. */
  readonly hostname: string | null;
  readonly #path: PathModifierPlan | undefined;
  readonly #value: Uint8Array;

  constructor(plan: Extract<FilterPlan, { type: 'URLRewrite' }>) {
    this.hostname = plan.hostname ?? null;
    this.#path = plan.path;
    this.#value = Buffer.from(plan.path?.value ?? '', 'latin1');
  }

  /** Writes the new target for the request in `w.view`; the query stays. Returns why it cannot be sent, or null. */
  apply(w: Worker, client: ClientConnection): ReasonCode | null {
    if (this.#path === undefined || w.memory[client.targetAt] === ASTERISK) return null;
    const { memory, view, writer } = w;
    const hasQuery = client.targetBytes > view.pathBytes;
    const room = this.#value.length + view.pathBytes + 1 + view.queryBytes;
    if (room > CHUNK_BYTES) return 'URI_TOO_LONG';
    const out = w.scratch(room);
    if (out < 0) return 'OVERLOADED';
    writer.at = out + this.#writePath(w, this.#path, out);
    if (hasQuery) {
      memory[writer.at++] = QUESTION;
      writer.copy(view.queryAt, view.queryBytes);
    }
    client.targetAt = out;
    client.targetBytes = writer.at - out;
    w.scratchKeep();
    w.engine.retain(out);
    if (client.targetHeld !== NOWHERE) w.engine.release(client.targetHeld);
    client.targetHeld = out;
    return null;
  }

  /** Writes the new path at `out`, which has room for the value and the old path. Returns its length. */
  #writePath(w: Worker, path: PathModifierPlan, out: number): number {
    const { memory, view } = w;
    if (path.type === 'ReplacePrefixMatch') {
      return replacePrefix(memory, view.pathAt, view.pathBytes, w.matcher.prefixBytes, this.#value, memory, out);
    }
    memory.set(this.#value, out);
    return this.#value.length;
  }
}

/** The path a modifier makes of the one in `w.view`, as text. */
export function modifiedPath(w: Worker, path: PathModifierPlan): string {
  if (path.type === 'ReplaceFullPath') return path.value;
  const { view } = w;
  const value = Buffer.from(path.value, 'latin1');
  const out = Buffer.alloc(value.length + view.pathBytes);
  const bytes = replacePrefix(w.memory, view.pathAt, view.pathBytes, w.matcher.prefixBytes, value, out, 0);
  return out.toString('latin1', 0, bytes);
}
