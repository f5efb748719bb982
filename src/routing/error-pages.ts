// Error pages: what clients get in place of the text of a local reply.
// Owns their plans and their bound. Leaves reading and checking them to src/config, and choosing one to the worker.

import type { ErrorPageConfig } from './input.js';
import type { ErrorPagePlan } from './plan.js';
import { type PlanScope, planBody } from './plan-scope.js';

/** Longest page, in bytes: all of them are in memory, and each answer is written through the slab. */
export const ERROR_PAGE_BYTES_MAX = 65_536;

/** The type of a page that names none. */
const ERROR_PAGE_TYPE = 'text/html; charset=utf-8';

/** The pages as workers take them. Those that stand in the same file share its bytes. */
export function planErrorPages(pages: readonly ErrorPageConfig[] | undefined, scope: PlanScope): ErrorPagePlan[] {
  return (pages ?? []).map((page) => ({
    statuses: page.statuses.map(({ from, to }) => ({ from, to })),
    contentType: page.contentType ?? ERROR_PAGE_TYPE,
    body: planBody(page, scope),
    file: page.file,
  }));
}
