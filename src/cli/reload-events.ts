// What a reload has changed, and what it could not, as events.
// Owns what counts as a change. Leaves comparing to compare.ts, and the words to events/service.ts.

import type { LoadedRoutes } from '../config/routes.js';
import type { Limits } from '../exchange/settings.js';
import type { ReloadEvent } from '../observe/events.js';
import type { ErrorPagePlan, FilterPlan } from '../routing/plan.js';
import { compare, type RuleChange } from './compare.js';

/** Settings that size what a worker makes as it starts. */
const AT_START = {
  connectionsMax: 'a worker sizes its tables of connections',
  slabBytes: 'a worker takes its memory for messages',
  rateKeysMax: 'all workers share one table of rates',
} satisfies Partial<Record<keyof Limits, string>>;

/** What the reload from `before` to `after` changed, and each setting that it could not. `source` is what was read. */
export function reloadEvents(source: string, before: LoadedRoutes, after: LoadedRoutes): ReloadEvent[] {
  const { rules, settings } = compare(before, after);
  const count = (wanted: RuleChange['kind']): number => rules.filter(({ kind }) => kind === wanted).length;
  const notTaken = (Object.keys(AT_START) as (keyof typeof AT_START)[]).filter(
    (name) => before.config.limits[name] !== after.config.limits[name],
  );
  const paths = [...new Set(settings.map(({ path }) => path))].filter(
    (path) => !notTaken.some((name) => path === `limits.${name}`),
  );
  return [
    {
      type: 'reload.applied',
      source,
      rules: { added: count('added'), removed: count('removed'), changed: count('changed') },
      settings: paths,
      pages: changedPages(before, after),
      // A body of an answer may be another where rules lead where they did and no setting differs.
      details: JSON.stringify(before.config) !== JSON.stringify(after.config),
    },
    ...notTaken.map(
      (name): ReloadEvent => ({
        type: 'reload.not-taken',
        setting: `limits.${name}`,
        value: before.config.limits[name],
        wanted: after.config.limits[name],
        why: AT_START[name],
      }),
    ),
  ];
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
