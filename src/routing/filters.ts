// Turns the filters of a rule into plans: defaults filled in, pools by index, header values cut at their variables.
// Owns the variables. Leaves refusing what is wrong to src/config, and applying filters to the worker.

import { AssertionError, assert } from '../base/assert.js';
import type {
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
import { type PlanScope, planBody, planPool } from './plan-scope.js';

/** The plan of one filter. Its options were checked by src/config. */
export function planFilter(filter: FilterConfig, scope: PlanScope): FilterPlan {
  const { type, requestHeaderModifier, responseHeaderModifier, urlRewrite, requestRedirect } = filter;
  const { requestMirror, directResponse, locationRewrite, cookieRewrite } = filter;
  if (type === 'RequestHeaderModifier' && requestHeaderModifier !== undefined) {
    return { type, modifier: planModifier(requestHeaderModifier) };
  }
  if (type === 'ResponseHeaderModifier' && responseHeaderModifier !== undefined) {
    return { type, modifier: planModifier(responseHeaderModifier) };
  }
  if (type === 'URLRewrite' && urlRewrite !== undefined) {
    return { type, hostname: urlRewrite.hostname, path: planPath(urlRewrite.path) };
  }
  if (type === 'RequestRedirect' && requestRedirect !== undefined) {
    const { scheme, hostname, port, path, statusCode = 302 } = requestRedirect;
    return { type, scheme, hostname, port, path: planPath(path), statusCode };
  }
  if (type === 'RequestMirror' && requestMirror !== undefined) {
    return { type, pool: planPool(requestMirror.pool, scope), percent: requestMirror.percent ?? 100 };
  }
  if (type === 'DirectResponse' && directResponse !== undefined) {
    const { status, headers = [], file } = directResponse;
    return { type, status, headers: planHeaders(headers), body: planBody(directResponse, scope), file };
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
  throw new AssertionError(`a filter of type ${type} comes with its options`);
}

/** True when a rule with this filter answers by itself, so that no server sees the request. */
export function answers(filter: FilterConfig): boolean {
  return filter.type === 'RequestRedirect' || filter.type === 'DirectResponse';
}

/** The new path, in the form that requests are brought into. An empty one is the root, as in Gateway API. */
function planPath(config: PathModifierConfig | undefined): PathModifierPlan | undefined {
  if (config === undefined) return undefined;
  if (config.type === 'ReplaceRegexMatch') {
    const { pattern = '', substitution = '' } = config.replaceRegexMatch ?? {};
    return { type: config.type, pattern, substitution };
  }
  const value = normalPathOf(
    config[config.type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch'] ?? '',
  );
  assert(value !== undefined, 'a new path is one that a request can have');
  return { type: config.type, value };
}

function planPlaceRewrite({ from = '', to = '', pattern, substitution = '' }: PlaceRewriteConfig): PlaceRewritePlan {
  return pattern === undefined ? { from, to } : { pattern, substitution };
}

function planModifier({ set = [], add = [], remove = [] }: HeaderModifierConfig): HeaderModifierPlan {
  return { set: planHeaders(set), add: planHeaders(add), remove: remove.map((name) => name.toLowerCase()) };
}

function planHeaders(headers: readonly HeaderValueConfig[]): readonly HeaderValuePlan[] {
  return headers.map(({ name, value }) => ({ name, parts: planValue(value) }));
}

/** Cuts a value at its variables. */
function planValue(value: string): HeaderValuePlan['parts'] {
  const parts: (string | { variable: Variable })[] = [];
  let text = '';
  for (let i = 0; i < value.length; ) {
    if (value.startsWith('$${', i)) {
      text += '${';
      i += 3;
    } else if (value.startsWith('${', i)) {
      const end = value.indexOf('}', i);
      const variable = VARIABLES.find((known) => known === value.slice(i + 2, end));
      assert(variable !== undefined, 'a header value names variables that exist');
      if (text !== '') parts.push(text);
      text = '';
      parts.push({ variable });
      i = end + 1;
    } else text += value[i++];
  }
  if (text !== '' || parts.length === 0) parts.push(text);
  return parts;
}
