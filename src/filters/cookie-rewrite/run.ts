// CookieRewrite: the path and the domain of cookies that servers set, as clients need them.

import type { Filter, FilterRun } from '../../exchange/filter.js';
import type { ValueRewrite } from '../../exchange/head-edit.js';
import { FIELD_ID } from '../../http/fields.js';
import { changeSetCookie } from '../../http/set-cookie.js';
import { CookiePathRewrite } from '../../routing/rewrite.js';
import type { Plan } from './plan.js';

/** Of all rewrites of an attribute the first that fits counts, those of the innermost layer first. */
export const cookieRewrite = {
  type: 'CookieRewrite',
  make(layers): Filter {
    const rewrite = new Cookies([...layers].reverse().flat());
    return { responseHead: (_x, edit) => edit.rewrite(rewrite) };
  },
} satisfies FilterRun<Plan>;

class Cookies implements ValueRewrite {
  readonly id = FIELD_ID.SET_COOKIE;
  readonly #paths: readonly CookiePathRewrite[];
  readonly #domains: Plan['domains'];

  constructor(plans: readonly Plan[]) {
    this.#paths = plans.flatMap(({ paths }) => paths.map(({ from, to }) => new CookiePathRewrite(from, to)));
    this.#domains = plans.flatMap(({ domains }) => domains);
  }

  value(_memory: Uint8Array, _nameAt: number, _nameBytes: number, value: string): string {
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
