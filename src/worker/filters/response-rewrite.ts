// LocationRewrite and CookieRewrite: fields in which servers name places as they see them, said as clients see them.
// Owns what becomes of a value. Leaves listing the head to send-head.ts.

import { withoutBlanksAround } from '../../base/blanks.js';
import { equalsCaseless } from '../../http/fields.js';
import { changeSetCookie } from '../../http/set-cookie.js';
import type { FilterPlan, PlaceRewritePlan } from '../../routing/plan.js';
import { asPath, CookiePathRewrite, PrefixRewrite, RegexRewrite } from '../../routing/rewrite.js';

const REFRESH = Buffer.from('refresh', 'latin1');
const SET_COOKIE = Buffer.from('set-cookie', 'latin1');

/** A Refresh value up to its place: seconds, and `url=`. The place behind may stand in quotes. */
const REFRESH_FRONT = /^[ \t]*\d+(?:\.\d*)?[ \t]*[;,][ \t]*url[ \t]*=[ \t]*/i;

/** A place with the first rule applied that fits it, or as it is. */
type PlaceChange = (place: string) => string | null;

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

/** Longest value that an expression may make; a longer one leaves the value as it is. */
const VALUE_LENGTH_MAX = 8192;

/** What the rewriting filters of one rule do to values of responses; made with the plan, only read afterwards. */
export class ResponseRewrite {
  readonly #places: readonly PlaceChange[];
  readonly #paths: readonly CookiePathRewrite[];
  readonly #domains: readonly { readonly from: string; readonly to: string }[];

  constructor(filters: readonly FilterPlan[]) {
    this.#places = filters.flatMap((filter) =>
      filter.type === 'LocationRewrite' ? filter.rewrites.map(placeChange) : [],
    );
    const cookies = filters.flatMap((filter) => (filter.type === 'CookieRewrite' ? [filter] : []));
    this.#paths = cookies.flatMap(({ paths }) => paths.map(({ from, to }) => new CookiePathRewrite(from, to)));
    this.#domains = cookies.flatMap(({ domains }) => domains);
  }

  /** The new value of a field with the id REWRITTEN, whose name stands at `nameAt`. */
  value(memory: Uint8Array, nameAt: number, nameBytes: number, value: string): string {
    if (equalsCaseless(memory, nameAt, nameBytes, SET_COOKIE)) return this.#cookie(value);
    if (this.#places.length === 0) return value;
    if (!equalsCaseless(memory, nameAt, nameBytes, REFRESH)) return this.#place(value);
    return this.#refresh(value);
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
    for (const change of this.#places) {
      const changed = change(place);
      if (changed !== null) return changed;
    }
    return place;
  }

  #cookie(value: string): string {
    if (this.#paths.length === 0 && this.#domains.length === 0) return value;
    return changeSetCookie(value, this.#path, this.#domain);
  }

  readonly #path = (path: string): string => {
    for (const rewrite of this.#paths) {
      const changed = rewrite.apply(path);
      if (changed !== null) return changed;
    }
    return path;
  };

  /** Domains compare in any case, and without the dot that may stand in front (RFC 6265, 5.2.3). */
  readonly #domain = (domain: string): string | null => {
    const name = domain.toLowerCase().replace(/^\./, '');
    const rewrite = this.#domains.find(({ from }) => from === '*' || from === name);
    if (rewrite === undefined) return domain;
    return rewrite.to === '' ? null : rewrite.to;
  };
}

/** What a rule's filters rewrite in responses, or null when it has no such filters. */
export function responseRewrite(filters: readonly FilterPlan[]): ResponseRewrite | null {
  const rewrites = filters.some(({ type }) => type === 'LocationRewrite' || type === 'CookieRewrite');
  return rewrites ? new ResponseRewrite(filters) : null;
}
