// LocationRewrite: fields in which servers name places as they see them, said as clients see them.

import { withoutBlanksAround } from '../../base/blanks.js';
import type { Filter, FilterRun } from '../../exchange/filter.js';
import type { ValueRewrite } from '../../exchange/head-edit.js';
import { equalsCaseless, FIELD_ID } from '../../http/fields.js';
import { asPath, PrefixRewrite, RegexRewrite } from '../../routing/rewrite.js';
import type { PlaceRewritePlan, Plan } from './plan.js';

/** Of all rewrites the first that fits counts, those of the innermost layer first. */
export const locationRewrite = {
  type: 'LocationRewrite',
  make(layers): Filter {
    const rewrites = [...layers].reverse().flatMap((layer) => layer.flatMap((plan) => plan.rewrites));
    const rewrite = new Places(rewrites.map(placeChange));
    return { responseHead: (_x, edit) => edit.rewrite(rewrite) };
  },
} satisfies FilterRun<Plan>;

/** The new place, or null when the rewrite does not fit. */
type PlaceChange = (place: string) => string | null;

/** Longest value that an expression may make; a longer one leaves the value as it is. */
const VALUE_LENGTH_MAX = 8192;

function placeChange(plan: PlaceRewritePlan): PlaceChange {
  if ('from' in plan) {
    const prefix = new PrefixRewrite(plan.from, plan.to);
    return (place) => prefix.apply(place);
  }
  const regex = new RegexRewrite(plan.pattern, plan.substitution);
  return (place) => {
    if (!regex.matches(place)) return null;
    const changed = regex.apply(place, VALUE_LENGTH_MAX) ?? place;
    return plan.substitution.startsWith('//') ? changed : asPath(changed);
  };
}

const REFRESH = Buffer.from('refresh', 'latin1');

/** A Refresh value up to its place: seconds, and `url=`. The place behind may stand in quotes. */
const REFRESH_FRONT = /^[ \t]*\d+(?:\.\d*)?[ \t]*[;,][ \t]*url[ \t]*=[ \t]*/i;

class Places implements ValueRewrite {
  readonly id = FIELD_ID.LOCATION;
  readonly #changes: readonly PlaceChange[];

  constructor(changes: readonly PlaceChange[]) {
    this.#changes = changes;
  }

  value(memory: Uint8Array, nameAt: number, nameBytes: number, value: string): string {
    return equalsCaseless(memory, nameAt, nameBytes, REFRESH) ? this.#refresh(value) : this.#place(value);
  }

  #refresh(value: string): string {
    const front = REFRESH_FRONT.exec(value)?.[0];
    if (front === undefined) return value;
    const rest = withoutBlanksAround(value.slice(front.length));
    const first = rest[0];
    const isQuoted = rest.length >= 2 && (first === '"' || first === "'") && rest.endsWith(first);
    return front + (isQuoted ? `${first}${this.#place(rest.slice(1, -1))}${first}` : this.#place(rest));
  }

  #place(place: string): string {
    for (const change of this.#changes) {
      const changed = change(place);
      if (changed !== null) return changed;
    }
    return place;
  }
}
