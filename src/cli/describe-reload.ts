// What a reload has changed, and what it could not, in words.
// Owns the words. Leaves comparing to compare.ts.

import { relative } from 'node:path';
import type { LoadedRoutes } from '../config/routes.js';
import type { Limits } from '../exchange/settings.js';
import type { ErrorPagePlan, FilterPlan } from '../routing/plan.js';
import { compare } from './compare.js';
import { counted } from './terminal.js';

/** Settings named at most; of more the number is given. */
const NAMED_MAX = 6;

/** Settings that size what a worker makes as it starts. */
const AT_START = {
  connectionsMax: 'a worker sizes its tables of connections',
  slabBytes: 'a worker takes its memory for messages',
} satisfies Partial<Record<keyof Limits, string>>;

export interface ReloadDescription {
  /** One line: `2 rules changed, 1 rule added; pools.api.servers`. */
  readonly changes: string;
  /** One sentence for each setting that stays as it was. */
  readonly notTaken: readonly string[];
}

/** Words what the reload from `before` to `after` did. */
export function describeReload(before: LoadedRoutes, after: LoadedRoutes): ReloadDescription {
  const { rules, settings } = compare(before, after);
  const counts = (['added', 'removed', 'changed'] as const).flatMap((kind) => {
    const count = rules.filter((rule) => rule.kind === kind).length;
    return count === 0 ? [] : [`${counted(count, 'rule')} ${kind}`];
  });
  const notTaken = (Object.keys(AT_START) as (keyof typeof AT_START)[]).filter(
    (name) => before.config.limits[name] !== after.config.limits[name],
  );
  const paths = [...new Set(settings.map(({ path }) => path))].filter(
    (path) => !notTaken.some((name) => path === `limits.${name}`),
  );
  const named = paths.length <= NAMED_MAX ? paths : [...paths.slice(0, NAMED_MAX), `${paths.length - NAMED_MAX} more`];
  const parts = [
    ...(counts.length === 0 ? [] : [counts.join(', ')]),
    ...(named.length === 0 ? [] : [named.join(', ')]),
    ...changedPages(before, after).map((file) => `the text of ${relative('', file)}`),
  ];
  return {
    changes: parts.length === 0 ? otherwise(before, after) : parts.join('; '),
    notTaken: notTaken.map(
      (name) =>
        `limits.${name} stays ${before.config.limits[name]}: ${AT_START[name]} as it starts. Restart to make it ${after.config.limits[name]}.`,
    ),
  };
}

/** The files with error pages, or bodies of direct responses, that hold another text than before. */
function changedPages(before: LoadedRoutes, after: LoadedRoutes): string[] {
  const old = pageTexts(before);
  return [...pageTexts(after)].flatMap(([file, text]) => {
    const was = old.get(file);
    return was === undefined || Buffer.compare(was, text) === 0 ? [] : [file];
  });
}

function pageTexts({ routes: { errorPages, rules } }: LoadedRoutes): Map<string, Uint8Array> {
  const parts: (Page | FilterPlan)[] = [
    ...errorPages,
    ...rules.flatMap((rule) => [...rule.errorPages, ...rule.filters]),
  ];
  const texts = new Map<string, Uint8Array>();
  for (const part of parts) if (isPage(part) && part.file !== undefined) texts.set(part.file, part.body);
  return texts;
}

/** What has a body that may come from a file. */
type Page = Pick<ErrorPagePlan, 'body' | 'file'>;

function isPage(part: Page | FilterPlan): part is Page {
  return 'body' in part && part.body instanceof Uint8Array && 'file' in part;
}

/** What to say when rules lead where they did and no setting differs: a body of an answer may still be another. */
function otherwise(before: LoadedRoutes, after: LoadedRoutes): string {
  return JSON.stringify(before.config) === JSON.stringify(after.config)
    ? 'nothing changed'
    : 'details of rules changed';
}
