// What a rule does once it has won: the plans that go to the workers beside the table.
// Owns their types: plain data, fit for structured cloning. Leaves making them to compile.ts, applying them to the worker.

import type { Place } from '../base/document-path.js';
import type { RuleLimitsConfig, RuleTimeoutsConfig, SplitKeyConfig, SplitSessionConfig } from './input.js';

/** Variables of a request that a header value may name as `${…}`; `$${` stands for `${` itself. */
export const VARIABLES = [
  'clientAddress',
  'requestId',
  'host',
  'method',
  'path',
  'query',
  'scheme',
  'rule',
  'serverName',
  'tlsVersion',
  'tlsCipher',
  'clientCertificateSubject',
  'clientCertificateSubjectAltName',
  'clientCertificateFingerprint',
] as const;
export type Variable = (typeof VARIABLES)[number];

/**
 * What becomes of runs of `/` in a path. Rules always see one: `merge` gives the server that too, `keep` what the client
 * sent, and `refuse` answers 400.
 */
export const REPEATED_SLASHES = ['merge', 'keep', 'refuse'] as const;
export type RepeatedSlashes = (typeof REPEATED_SLASHES)[number];

/** A header value: text as it is, and variables to fill in, in order. */
export interface HeaderValuePlan {
  readonly name: string;
  readonly parts: readonly (string | { readonly variable: Variable })[];
}

/** A share of a rule's requests. `pool` is the pool's index in the config's order; weight 0 gets none. */
export interface BackendRefPlan {
  readonly pool: number;
  readonly weight: number;
}

/** A filter as it is configured. The rest of it is known to its folder in src/filters alone. */
export interface FilterConfig {
  readonly type: string;
  readonly [options: string]: unknown;
}

/** What the workers get of one: plain data, fit for structured cloning. The rest of it is known to its folder alone. */
export interface FilterPlan {
  readonly type: string;
}

/** Milliseconds; 0 is no limit, undefined leaves the global setting. */
export type RuleTimeouts = RuleTimeoutsConfig;

/** Bytes; undefined leaves the global setting. */
export type RuleLimits = RuleLimitsConfig;

/** How a split knows a client's pool again: by a hash of a part of the request, or by what the client says. */
export type StickyPlan =
  | { readonly by: 'hashKey'; readonly type: SplitKeyConfig['type']; readonly name: string }
  | {
      readonly by: 'session';
      readonly type: SplitSessionConfig['type'];
      readonly name: string;
      readonly maxAgeSeconds: number;
      readonly path: string;
      readonly secure: boolean;
      readonly httpOnly: boolean;
      readonly sameSite: SplitSessionConfig['sameSite'];
      readonly secret: string;
    };

/** A page for local replies of these statuses. */
export interface ErrorPagePlan {
  readonly statuses: readonly { readonly from: number; readonly to: number }[];
  readonly contentType: string;
  /** As it is sent: the text in UTF-8, or what the file held when it was loaded. */
  readonly body: Uint8Array;
  /** Where it was read from, for people; undefined when it stood in the config. */
  readonly file: string | undefined;
}

/** One rule. match() returns the index of one of these. */
export interface RulePlan {
  readonly index: number;
  /** The rule's own name, or its place in the document: `routes[0].rules[1]`. */
  readonly name: string;
  /** The name of its route, or the place of that: `routes[0]`. */
  readonly route: string;
  readonly place: Place;
  /** The higher comes first, before any other step of precedence. */
  readonly priority: number;
  readonly backendRefs: readonly BackendRefPlan[];
  /** True when there is nothing to send requests to: no backendRefs, or all weights 0. Answered with 500. */
  readonly drained: boolean;
  /** Null when requests take turns by weight. */
  readonly sticky: StickyPlan | null;
  /** The index of the pool that takes over when those of the rule cannot answer; null for none. */
  readonly fallback: number | null;
  readonly filters: readonly FilterPlan[];
  /** Those of its route: one list for all rules of the route. */
  readonly routeFilters: readonly FilterPlan[];
  readonly errorPages: readonly ErrorPagePlan[];
  readonly timeouts: RuleTimeouts;
  readonly limits: RuleLimits;
  /** Undefined leaves it to the listener. */
  readonly repeatedSlashes?: RepeatedSlashes | undefined;
}
