// What responses say to pages of an origin.
// Owns the lines. Leaves reading requests to run.ts.

import { FieldDrop } from '../../exchange/head-edit.js';
import { OriginList } from './origins.js';
import type { Plan } from './plan.js';

/** All that a server may have said of its own. */
const OWN_FIELDS = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'access-control-max-age',
];

const TOKENS = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(\s*,\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/;

/** The lines of responses, made of one plan. */
export class CorsPolicy {
  readonly #plan: Plan;
  readonly #origins: OriginList;
  readonly #drop = new FieldDrop(OWN_FIELDS, false);

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#origins = new OriginList(plan.allowOrigins);
  }

  get drop(): FieldDrop {
    return this.#drop;
  }

  /** Every origin gets the same fields: no cache has to tell them apart. */
  get #isPublic(): boolean {
    return this.#origins.any && !this.#plan.allowCredentials;
  }

  /** The lines for a page of this origin; `asked` is what a preflight asks for, undefined for any other request. */
  lines(origin: string | undefined, asked: { method: string; headers: string | undefined } | undefined): string {
    const { allowCredentials, allowMethods, allowHeaders, exposeHeaders, maxAgeSeconds } = this.#plan;
    const vary = this.#isPublic ? '' : 'Vary: Origin\r\n';
    if (origin === undefined || !this.#allows(origin)) return vary;
    let lines = `${vary}Access-Control-Allow-Origin: ${this.#isPublic ? '*' : origin}\r\n`;
    if (allowCredentials) lines += 'Access-Control-Allow-Credentials: true\r\n';
    if (asked === undefined) return lines + listed('Access-Control-Expose-Headers', exposeHeaders);
    lines += this.#answered('Access-Control-Allow-Methods', allowMethods, asked.method);
    if (asked.headers !== undefined)
      lines += this.#answered('Access-Control-Allow-Headers', allowHeaders, asked.headers);
    return `${lines}Access-Control-Max-Age: ${maxAgeSeconds}\r\n`;
  }

  /** No page is known by `null`: with credentials it is never let in. */
  #allows(origin: string): boolean {
    if (this.#origins.any) return !(this.#plan.allowCredentials && origin === 'null');
    return this.#origins.has(origin);
  }

  /** What is allowed; for all with credentials what was asked for, since `*` would be a name like any other then. */
  #answered(name: string, allowed: readonly string[], asked: string): string {
    const isAll = allowed.includes('*') && this.#plan.allowCredentials;
    if (!isAll) return listed(name, allowed);
    return TOKENS.test(asked) ? `${name}: ${asked}\r\n` : '';
  }
}

const listed = (name: string, values: readonly string[]): string =>
  values.length === 0 ? '' : `${name}: ${values.join(', ')}\r\n`;
