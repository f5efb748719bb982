// A split that a client stays on: how its pool is known again, from the options of a rule.

import type { RuleConfig } from './input.js';
import type { StickyPlan } from './plan.js';

/** The cookie that names a client's pool unless the rule says otherwise. */
export const SPLIT_COOKIE = 'sevenfold-pool';

/** What the rule says of it; null when clients take turns. */
export function planSticky({ hashKey, sessionPersistence: session }: RuleConfig): StickyPlan | null {
  if (hashKey !== undefined) return { by: 'hashKey', type: hashKey.type, name: hashKey.name ?? '' };
  if (session === undefined) return null;
  const { type, cookieName, headerName, lifetime, path, secure, httpOnly, sameSite, secret = '' } = session;
  const name = type === 'Cookie' ? (cookieName ?? SPLIT_COOKIE) : (headerName ?? '');
  const maxAgeSeconds = Math.round(lifetime / 1000);
  return { by: 'session', type, name, maxAgeSeconds, path, secure, httpOnly, sameSite, secret };
}
