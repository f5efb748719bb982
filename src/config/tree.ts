// The parts of a document with their offsets, as the readers of YAML and JSON build them.
// Owns finding a part by its path. Leaves offsets to lines and columns to source.ts.

import type { DocumentPath } from '../base/document-path.js';
import type { Offsets } from './source.js';

/** One part of a document: a map, a list, or a scalar, which has neither members nor items. */
export interface Part {
  readonly at: number;
  readonly members: Map<string, Member> | null;
  readonly items: Part[] | null;
  /** Maps merged into this one by `<<`, nearest first; their members count where it has none of that name. */
  readonly merged?: Part[];
}

/** One entry of a map. */
export interface Member {
  readonly keyAt: number;
  readonly part: Part;
}

/** Finds offsets in a tree. A lookup costs one step per part of the path. */
export class TreeOffsets implements Offsets {
  readonly #root: Part;

  constructor(root: Part) {
    this.#root = root;
  }

  valueAt(path: DocumentPath): number {
    return this.#find(path)?.part.at ?? -1;
  }

  keyAt(path: DocumentPath): number {
    return this.#find(path)?.keyAt ?? -1;
  }

  #find(path: DocumentPath): Member | undefined {
    let member: Member = { keyAt: this.#root.at, part: this.#root };
    for (const step of path) {
      const item = member.part.items?.[Number(step)];
      const next = item === undefined ? memberOf(member.part, String(step)) : { keyAt: item.at, part: item };
      if (next === undefined) return undefined;
      member = next;
    }
    return member;
  }
}

function memberOf(part: Part, key: string): Member | undefined {
  const own = part.members?.get(key);
  if (own !== undefined) return own;
  for (const merged of part.merged ?? []) {
    const member = memberOf(merged, key);
    if (member !== undefined) return member;
  }
  return undefined;
}
