// The filter types there are, as the configuration, the commands and the pages know them.
// Owns the list. How workers run them, and in which order, is in runs.ts; a test keeps the two equal.

import { AssertionError } from '../base/assert.js';
import type { FilterTypes } from '../routing/filter-types.js';
import type { FilterConfig, FilterPlan } from '../routing/plan.js';
import { allowDeny } from './allow-deny/config.js';
import { basicAuth } from './basic-auth/config.js';
import { concurrencyLimit } from './concurrency-limit/config.js';
import { connectionLimit } from './connection-limit/config.js';
import { cookieRewrite } from './cookie-rewrite/config.js';
import { cors } from './cors/config.js';
import { directResponse } from './direct-response/config.js';
import { faultInjection } from './fault-injection/config.js';
import { forwardAuth } from './forward-auth/config.js';
import { jwt } from './jwt/config.js';
import type { FilterKind, ReplySummary } from './kind.js';
import { locationRewrite } from './location-rewrite/config.js';
import { maintenance } from './maintenance/config.js';
import { rateLimit } from './rate-limit/config.js';
import { requestHeaderModifier } from './request-header-modifier/config.js';
import { requestMirror } from './request-mirror/config.js';
import { requestRedirect } from './request-redirect/config.js';
import { responseHeaderModifier } from './response-header-modifier/config.js';
import { securityHeaders } from './security-headers/config.js';
import { urlRewrite } from './url-rewrite/config.js';

/** In the order of the reference page. */
const BUILT_IN = [
  requestHeaderModifier,
  responseHeaderModifier,
  urlRewrite,
  requestRedirect,
  requestMirror,
  directResponse,
  locationRewrite,
  cookieRewrite,
  allowDeny,
  rateLimit,
  concurrencyLimit,
  connectionLimit,
  cors,
  securityHeaders,
  maintenance,
  faultInjection,
  basicAuth,
  jwt,
  forwardAuth,
] as const;

/** The schemas of the filter types: what a list of filters may hold. */
type FilterSchemas = SchemasOf<typeof BUILT_IN>;
type SchemasOf<Kinds extends readonly { readonly schema: unknown }[]> = {
  [Index in keyof Kinds]: Kinds[Index]['schema'];
};

const kinds = new Map<string, FilterKind>();

/** Adds a filter type. Called as modules are loaded, before the schema of the configuration is made. */
export function registerKind(kind: FilterKind): void {
  kinds.set(kind.type, kind);
}

for (const kind of BUILT_IN) registerKind(kind);

/** The filter type of this name. */
export function kindOf(type: string): FilterKind {
  const kind = kinds.get(type);
  if (kind === undefined) throw new AssertionError(`${type} is a registered filter type`);
  return kind;
}

/** The schemas of all registered types. */
export const filterSchemas = (): FilterSchemas =>
  [...kinds.values()].map(({ schema }) => schema) as unknown as FilterSchemas;

/** The names of all registered types. */
export const filterNames = (): string[] => [...kinds.keys()];

/** True for a type that always gives a local reply. */
export const repliesLocally = ({ type }: FilterConfig | FilterPlan): boolean => kindOf(type).localReply !== undefined;

/** The names of the types that always give a local reply. */
export const localReplyNames = (): string[] =>
  [...kinds.values()].flatMap(({ type, localReply }) => (localReply === undefined ? [] : [type]));

/** The names of the types that may stand at listeners that pass connections on unread. */
export const connectionFilterNames = (): string[] =>
  [...kinds.values()].flatMap(({ type, onConnections }) => (onConnections === undefined ? [] : [type]));

/** The local reply of a rule with these filters; undefined when it has none and a server responds. */
export function localReplyOf(plans: readonly FilterPlan[]): ReplySummary | undefined {
  const plan = plans.find(repliesLocally);
  return plan && kindOf(plan.type).localReply?.(plan);
}

/** What routing has to know of filters. */
export const filterTypes: FilterTypes = {
  plan: (filter, scope) => kindOf(filter.type).plan(filter, scope),
  describe: (plan, pools) => kindOf(plan.type).describe(plan, pools),
  repliesLocally,
  isBesideLocalReply: ({ type }) => kindOf(type).besideLocalReply === true,
};
