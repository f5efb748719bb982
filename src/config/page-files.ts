// The files whose text a configuration answers with: error pages, and the bodies of direct responses.
// Owns finding them. Leaves reading them to src/routing, and following them to src/cli.

import { resolve } from 'node:path';
import type { ParsedConfig } from './schema.js';

/** Their absolute names, each once. Names are relative to `directory`. They need not exist. */
export function pageFiles({ errorPages = [], routes = [] }: ParsedConfig, directory: string): string[] {
  const rules = routes.flatMap((route) => route.rules);
  const named = [
    ...errorPages.map(({ file }) => file),
    ...rules.flatMap((rule) => (rule.errorPages ?? []).map(({ file }) => file)),
    ...rules.flatMap((rule) =>
      (rule.filters ?? []).map((filter) => (filter.type === 'DirectResponse' ? filter.directResponse.file : undefined)),
    ),
  ];
  return [...new Set(named.flatMap((file) => (file === undefined ? [] : [resolve(directory, file)])))];
}
