// Turns the filters of a rule into plans: defaults filled in, pools by index, header values cut at their variables.
// Owns the variables. Leaves refusing senseless combinations to src/config, and applying filters to the worker.

import { readFileSync } from 'node:fs';
import type { DocumentPath } from '../base/document-path.js';
import { didYouMean, type Problems } from '../base/problems.js';
import type {
  DirectResponseConfig,
  FilterConfig,
  HeaderModifierConfig,
  HeaderValueConfig,
  PathModifierConfig,
  PlaceRewriteConfig,
} from './input.js';
import { normalPathOf } from './path.js';
import {
  type FilterPlan,
  type HeaderModifierPlan,
  type HeaderValuePlan,
  type PathModifierPlan,
  type PlaceRewritePlan,
  VARIABLES,
  type Variable,
} from './plan.js';

/** Pool names and their indexes. */
export type PoolIndexes = ReadonlyMap<string, number>;

/** The plan of one filter of a rule; undefined when a problem was reported. */
export function planFilter(
  filter: FilterConfig,
  at: DocumentPath,
  pools: PoolIndexes,
  problems: Problems,
): FilterPlan | undefined {
  const { type, requestHeaderModifier, responseHeaderModifier, urlRewrite, requestRedirect } = filter;
  const { requestMirror, directResponse, locationRewrite, cookieRewrite } = filter;
  if (type === 'RequestHeaderModifier' && requestHeaderModifier !== undefined) {
    return { type, modifier: planModifier(requestHeaderModifier, [...at, 'requestHeaderModifier'], problems) };
  }
  if (type === 'ResponseHeaderModifier' && responseHeaderModifier !== undefined) {
    return { type, modifier: planModifier(responseHeaderModifier, [...at, 'responseHeaderModifier'], problems) };
  }
  if (type === 'URLRewrite' && urlRewrite !== undefined) {
    return {
      type,
      hostname: urlRewrite.hostname,
      path: planPath(urlRewrite.path, [...at, 'urlRewrite', 'path'], problems),
    };
  }
  if (type === 'RequestRedirect' && requestRedirect !== undefined) {
    const { scheme, hostname, port, path, statusCode = 302 } = requestRedirect;
    return {
      type,
      scheme,
      hostname,
      port,
      path: planPath(path, [...at, 'requestRedirect', 'path'], problems),
      statusCode,
    };
  }
  if (type === 'RequestMirror' && requestMirror !== undefined) {
    const pool = planPool(requestMirror.pool, [...at, 'requestMirror', 'pool'], pools, problems);
    return { type, pool, percent: requestMirror.percent ?? 100 };
  }
  if (type === 'DirectResponse' && directResponse !== undefined) {
    const { status, headers = [], file } = directResponse;
    const optionsAt = [...at, 'directResponse'];
    const body = planBody(directResponse, optionsAt, problems);
    return { type, status, headers: planHeaders(headers, [...optionsAt, 'headers'], problems), body, file };
  }
  if (type === 'LocationRewrite' && locationRewrite !== undefined) {
    return { type, rewrites: locationRewrite.rewrites.map(planPlaceRewrite) };
  }
  if (type === 'CookieRewrite' && cookieRewrite !== undefined) {
    const { paths = [], domains = [] } = cookieRewrite;
    return {
      type,
      paths: paths.map(({ from, to }) => ({ from, to })),
      domains: domains.map(({ from, to }) => ({ from: from.toLowerCase().replace(/^\./, ''), to })),
    };
  }
  const key = type[0]!.toLowerCase() + type.slice(1);
  problems.error(
    at,
    `A filter of type ${type} without its options.`,
    `Expected them under ${key.replace('uRL', 'url')}.`,
  );
  return undefined;
}

/** True when a rule with this filter answers by itself, so that no server sees the request. */
export function answers(filter: FilterConfig): boolean {
  return filter.type === 'RequestRedirect' || filter.type === 'DirectResponse';
}

/** The index of a pool by its name; -1 and a problem when there is none. */
export function planPool(name: string, at: DocumentPath, pools: PoolIndexes, problems: Problems): number {
  const index = pools.get(name) ?? -1;
  if (index === -1) problems.error(at, `There is no pool '${name}'.`, 'Expected the name of one under pools.');
  return index;
}

/** The body of a direct response; a file is read here, once for each load of the config. */
function planBody({ body = '', file }: DirectResponseConfig, at: DocumentPath, problems: Problems): Uint8Array {
  if (file === undefined) return new TextEncoder().encode(body);
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.error([...at, 'file'], `The file '${file}' cannot be read: ${reason}.`, 'Expected a file of this host.');
    return new Uint8Array(0);
  }
}

/** The new path, in the form that requests are brought into. An empty one is the root, as in Gateway API. */
function planPath(
  config: PathModifierConfig | undefined,
  at: DocumentPath,
  problems: Problems,
): PathModifierPlan | undefined {
  if (config === undefined) return undefined;
  if (config.type === 'ReplaceRegexMatch') {
    const { pattern = '', substitution = '' } = config.replaceRegexMatch ?? {};
    return { type: config.type, pattern, substitution };
  }
  const key = config.type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch';
  const written = config[key] ?? '';
  const value = normalPathOf(written);
  if (value === undefined) {
    problems.error([...at, key], `'${written}' is not a path that a request can have.`, 'Expected one such as /v2.');
    return undefined;
  }
  return { type: config.type, value };
}

function planPlaceRewrite({ from = '', to = '', pattern, substitution = '' }: PlaceRewriteConfig): PlaceRewritePlan {
  return pattern === undefined ? { from, to } : { pattern, substitution };
}

function planModifier(config: HeaderModifierConfig, at: DocumentPath, problems: Problems): HeaderModifierPlan {
  return {
    set: planHeaders(config.set ?? [], [...at, 'set'], problems),
    add: planHeaders(config.add ?? [], [...at, 'add'], problems),
    remove: (config.remove ?? []).map((name) => name.toLowerCase()),
  };
}

function planHeaders(
  headers: readonly HeaderValueConfig[],
  at: DocumentPath,
  problems: Problems,
): readonly HeaderValuePlan[] {
  return headers.map(({ name, value }, i) => ({ name, parts: planValue(value, [...at, i, 'value'], problems) }));
}

/** Cuts a value at its variables. */
function planValue(value: string, at: DocumentPath, problems: Problems): HeaderValuePlan['parts'] {
  const parts: (string | { variable: Variable })[] = [];
  let text = '';
  for (let i = 0; i < value.length; ) {
    if (value.startsWith('$${', i)) {
      text += '${';
      i += 3;
    } else if (value.startsWith('${', i)) {
      const end = value.indexOf('}', i);
      const name = end === -1 ? value.slice(i + 2) : value.slice(i + 2, end);
      const variable = VARIABLES.find((known) => known === name);
      if (variable === undefined || end === -1) {
        const names = VARIABLES.join(', ');
        const expected = `Expected ${names}; $\${ stands for a plain \${.${didYouMean(name, VARIABLES)}`;
        problems.error(at, `There is no variable '${name}'.`, expected);
        return parts;
      }
      if (text !== '') parts.push(text);
      text = '';
      parts.push({ variable });
      i = end + 1;
    } else text += value[i++];
  }
  if (text !== '' || parts.length === 0) parts.push(text);
  return parts;
}
