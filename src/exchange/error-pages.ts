// The page for a local reply: that of the rule, else that of all, in the type that the client likes best.

import { wish } from '../http/accept-field.js';
import type { ErrorPagePlan } from '../routing/plan.js';

/** A page, ready to be sent. */
export interface ErrorPage {
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Its type without parameters, in lower case. */
  readonly mediaType: string;
}

const STATUS_FROM = 400;
const STATUSES = 200;

/** The pages of a rule, or of all. */
export class ErrorPages {
  /** By status, from 400 on: its pages in the order of the file. */
  readonly #pages: (ErrorPage[] | undefined)[] = new Array<ErrorPage[] | undefined>(STATUSES);

  constructor(plans: readonly ErrorPagePlan[]) {
    for (const { statuses, contentType, body } of plans) {
      const page = { contentType, body, mediaType: contentType.split(';')[0]!.trim().toLowerCase() };
      for (const { from, to } of statuses) {
        for (let status = from; status <= to; status++) {
          this.#pages[status - STATUS_FROM] ??= [];
          this.#pages[status - STATUS_FROM]!.push(page);
        }
      }
    }
  }

  /** The page for `status`, of several the one that `accept` likes best, the first among equals; null when there is none. */
  find(status: number, accept: string): ErrorPage | null {
    const pages = this.#pages[status - STATUS_FROM];
    if (pages === undefined) return null;
    let best = pages[0]!;
    if (pages.length === 1) return best;
    for (const page of pages) if (wish(accept, page.mediaType) > wish(accept, best.mediaType)) best = page;
    return best;
  }
}
