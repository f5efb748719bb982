// The contract of a filter type outside of the workers: how it is written, checked, planned and described.
// Owns no filter. Leaves running them to exchange/filter.ts, whose contract is the other half.

import type { z } from 'zod';
import type { DocumentPath } from '../base/document-path.js';
import type { Scope } from '../config/scope.js';
import type { FilterConfig, FilterPlan } from '../routing/plan.js';
import type { PlanScope } from '../routing/plan-scope.js';

/** What a check of a filter sees of a rule. */
export interface RuleAround {
  readonly matches?: readonly { readonly path?: { readonly type: string } | undefined }[] | undefined;
  readonly filters?: readonly FilterConfig[] | undefined;
  /** One of its filters gives a local reply, always. */
  readonly repliesLocally: boolean;
}

/** What a list of filters is for: one rule, all rules of a route, or more than that. */
export type Around =
  | { readonly kind: 'rule' | 'route'; readonly rules: readonly RuleAround[] }
  | { readonly kind: 'listener' | 'all' };

/** The local reply of a filter that always gives one. */
export interface ReplySummary {
  readonly status: number;
  /** In a word or two, for lists of rules: `redirect 302`. */
  readonly says: string;
}

/** One filter type. Registered in registry.ts. */
export interface FilterKind<Config extends FilterConfig = FilterConfig, Plan extends FilterPlan = FilterPlan> {
  readonly type: Config['type'];
  /**
   * The map that stands in a list of filters: `type`, a literal, and by custom one key with the options, named as the type is in lower
   * camel case. Descriptions and notes make the reference page and the JSON Schema.
   */
  readonly schema: z.ZodObject;
  /** It changes local replies too, or decides before one is given: it makes sense in and around rules that reply locally. */
  readonly besideLocalReply?: true;
  /** It may stand at listeners that pass connections on unread, too: it decides about them by the address of the client. */
  readonly onConnections?: true;
  /** For a type that always gives a local reply: a rule with it has no pool. */
  localReply?(plan: Plan): ReplySummary;
  /**
   * What a second filter of one list could only undo: a key for each such thing, and words for it: `rewrites the path`. Without it,
   * filters of the type add up.
   */
  once?(filter: Config): readonly (readonly [key: string, says: string])[];
  /** Reports what no schema can say. `at` is the place of the filter. */
  check?(filter: Config, at: DocumentPath, around: Around, scope: Scope): void;
  /** The same filter with the files it names in absolute form. Needed by those that name files. */
  withFiles?(filter: Config, absolute: (name: string) => string): Config;
  /** What the workers get: plain data, fit for structured cloning. */
  plan(filter: Config, scope: PlanScope): Plan;
  /** What it does, in a line for explain and routes. `pools` are the names of pools by their indexes. */
  describe(plan: Plan, pools: readonly string[]): string;
}
