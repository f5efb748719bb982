// What no schema can say of splits that clients stay on.

import type { DocumentPath } from '../base/document-path.js';
import { SPLIT_COOKIE } from '../routing/sticky.js';
import type { ParsedRule } from './schema.js';
import type { Scope } from './scope.js';
import { checkKeyName, checkSession } from './semantics-pools.js';

/** Reports a split that cannot be kept to, and warns of two that keep other pools under one cookie. */
export class StickyChecks {
  /** By cookie and path: the pools it names, and the place of the first rule that said so. */
  readonly #cookies = new Map<string, { pools: string; at: string }>();

  check(rule: ParsedRule, at: DocumentPath, name: string, scope: Scope): void {
    const { hashKey, sessionPersistence: session, backendRefs } = rule;
    if (hashKey === undefined && session === undefined) return;
    const option = hashKey === undefined ? 'sessionPersistence' : 'hashKey';
    if (hashKey !== undefined) checkKeyName(hashKey, [...at, 'hashKey'], scope);
    checkSession({ sessionPersistence: session }, at, scope);
    if (hashKey !== undefined && session !== undefined) {
      scope.report(
        [...at, 'sessionPersistence'],
        'A rule chooses its pool both by hashKey and by sessionPersistence.',
        'Expected one of them.',
      );
    }
    if (backendRefs === undefined || backendRefs.length < 2) {
      scope.report(
        [...at, option],
        'There is no choice of pools that a client could stay with.',
        `Expected backendRefs with two pools or more. For servers of a pool, ${option} is an option of the pool.`,
      );
      return;
    }
    if (session?.type !== 'Cookie') return;
    const cookie = session.cookieName ?? SPLIT_COOKIE;
    const pools = backendRefs
      .map(({ pool }) => pool)
      .sort()
      .join(', ');
    const known = this.#cookies.get(`${cookie} ${session.path}`);
    if (known === undefined) this.#cookies.set(`${cookie} ${session.path}`, { pools, at: name });
    else if (known.pools !== pools) {
      scope.warn(
        [...at, 'sessionPersistence'],
        `${known.at} keeps other pools under the cookie '${cookie}'.`,
        "Expected a 'cookieName' of its own: a client has one cookie of the name, and each rule would overwrite it.",
      );
    }
  }
}
