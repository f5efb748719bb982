// Turns the filters of a rule into plans, and refuses those that make no sense alone or together.
// Owns the combinations that are allowed. Leaves applying filters to the worker.

import type {
  DocumentPath,
  FilterConfig,
  HeaderModifierConfig,
  HeaderValueConfig,
  PathModifierConfig,
} from './input.js';
import { normalPathOf } from './path.js';
import {
  type FilterPlan,
  type HeaderModifierPlan,
  type HeaderValuePlan,
  type PathModifierPlan,
  VARIABLES,
  type Variable,
} from './plan.js';
import { didYouMean, type Problems } from './problems.js';

/** Filter types and the key that holds the options of each. */
const OPTION_KEYS = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  URLRewrite: 'urlRewrite',
  RequestRedirect: 'requestRedirect',
  RequestMirror: 'requestMirror',
  DirectResponse: 'directResponse',
} as const;
type FilterType = keyof typeof OPTION_KEYS;
const FILTER_TYPES = Object.keys(OPTION_KEYS) as FilterType[];

const REDIRECT_CODES = [301, 302, 303, 307, 308];
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Fields whose meaning is the connection's or the framing's: a rule must not touch them (RFC 9110, 7.6.1). */
const FRAMING = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'keep-alive',
]);

/** What the filters of a rule need to know about the rule around them. */
export interface FilterContext {
  readonly pools: ReadonlyMap<string, number>;
  /** Every match of the rule is a PathPrefix, so that there is a prefix to replace. */
  readonly everyPathIsPrefix: boolean;
  /** The rule sends requests to a pool. */
  readonly hasBackend: boolean;
}

/** Plans for a rule's filters in their order. Problems are reported, and wrong filters left out. */
export function planFilters(
  filters: readonly FilterConfig[],
  at: DocumentPath,
  context: FilterContext,
  problems: Problems,
): FilterPlan[] {
  const plans: FilterPlan[] = [];
  const seen = new Map<string, number>();
  filters.forEach((filter, i) => {
    const filterAt = [...at, i];
    const type = FILTER_TYPES.find((name) => name === filter.type);
    if (type === undefined) {
      const hint = didYouMean(filter.type, FILTER_TYPES);
      problems.error(
        [...filterAt, 'type'],
        `'${filter.type}' is not a filter. Expected ${FILTER_TYPES.join(', ')}.${hint}`,
      );
      return;
    }
    const first = seen.get(type);
    if (first !== undefined && type !== 'RequestMirror') {
      problems.error(
        filterAt,
        `A second ${type} in one rule; filters[${first}] is the first. Put both into one filter.`,
      );
      return;
    }
    seen.set(type, first ?? i);
    if (!optionsFit(filter, type, filterAt, problems)) return;
    const plan = planFilter(filter, type, filterAt, context, problems);
    if (plan !== undefined) plans.push(plan);
  });
  checkTogether(seen, at, context, problems);
  return plans;
}

/** Rules about filters beside each other, and beside backends. */
function checkTogether(seen: Map<string, number>, at: DocumentPath, context: FilterContext, problems: Problems): void {
  const redirect = seen.get('RequestRedirect');
  const direct = seen.get('DirectResponse');
  const rewrite = seen.get('URLRewrite');
  if (redirect !== undefined && direct !== undefined) {
    problems.error(
      [...at, direct],
      `DirectResponse beside RequestRedirect (filters[${redirect}]): both answer. Keep one.`,
    );
  }
  for (const [answer, name] of [
    [redirect, 'RequestRedirect'],
    [direct, 'DirectResponse'],
  ] as const) {
    if (answer === undefined) continue;
    if (rewrite !== undefined) {
      problems.error(
        [...at, rewrite],
        `URLRewrite beside ${name} (filters[${answer}]): no request is sent. Remove one.`,
      );
    }
    const request = seen.get('RequestHeaderModifier');
    if (request !== undefined) {
      problems.error(
        [...at, request],
        `RequestHeaderModifier beside ${name} (filters[${answer}]): no request is sent. Remove it.`,
      );
    }
    if (context.hasBackend) {
      problems.error(
        [...at, answer],
        `${name} beside a pool: the pool would never be used. Remove the pool or the filter.`,
      );
    }
  }
}

/** True when the options stand under the key of the filter's type, and no other filter's options are there. */
function optionsFit(filter: FilterConfig, type: FilterType, at: DocumentPath, problems: Problems): boolean {
  const key = OPTION_KEYS[type];
  if (filter[key] === undefined) {
    problems.error(at, `A ${type} filter needs its options under ${key}.`);
    return false;
  }
  for (const other of Object.values(OPTION_KEYS)) {
    if (other !== key && filter[other] !== undefined) {
      problems.error([...at, other], `${other} in a filter of type ${type}. Remove it, or change the type.`);
      return false;
    }
  }
  return true;
}

function planFilter(
  filter: FilterConfig,
  type: FilterType,
  at: DocumentPath,
  context: FilterContext,
  problems: Problems,
): FilterPlan | undefined {
  switch (type) {
    case 'RequestHeaderModifier':
      return {
        type,
        modifier: planModifier(filter.requestHeaderModifier!, [...at, OPTION_KEYS[type]], true, problems),
      };
    case 'ResponseHeaderModifier':
      return {
        type,
        modifier: planModifier(filter.responseHeaderModifier!, [...at, OPTION_KEYS[type]], false, problems),
      };
    case 'URLRewrite': {
      const { hostname, path } = filter.urlRewrite!;
      const optionsAt = [...at, OPTION_KEYS[type]];
      if (hostname === undefined && path === undefined) {
        problems.error(optionsAt, 'URLRewrite changes nothing. Give it a hostname or a path.');
      }
      return { type, hostname, path: planPath(path, [...optionsAt, 'path'], context, problems) };
    }
    case 'RequestRedirect':
      return planRedirect(filter, [...at, OPTION_KEYS[type]], context, problems);
    case 'RequestMirror': {
      const { pool, percent = 100 } = filter.requestMirror!;
      const optionsAt = [...at, OPTION_KEYS[type]];
      const index = planPool(pool, [...optionsAt, 'pool'], context.pools, problems);
      if (!(percent >= 0 && percent <= 100)) {
        problems.error([...optionsAt, 'percent'], `${percent} is not a share. Expected 0 to 100.`);
      }
      return { type, pool: index, percent };
    }
    case 'DirectResponse':
      return planDirect(filter, [...at, OPTION_KEYS[type]], problems);
  }
}

/** The index of a pool by its name; -1 and a problem when there is none. */
export function planPool(
  name: string,
  at: DocumentPath,
  pools: ReadonlyMap<string, number>,
  problems: Problems,
): number {
  const index = pools.get(name);
  if (index !== undefined) return index;
  problems.error(at, `There is no pool ${JSON.stringify(name)}.${didYouMean(name, pools.keys())}`);
  return -1;
}

function planRedirect(filter: FilterConfig, at: DocumentPath, context: FilterContext, problems: Problems): FilterPlan {
  const { scheme, hostname, port, path, statusCode = 302 } = filter.requestRedirect!;
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    problems.error([...at, 'scheme'], `'${scheme}' is not a scheme to redirect to. Expected http or https.`);
  }
  if (!REDIRECT_CODES.includes(statusCode)) {
    problems.error([...at, 'statusCode'], `${statusCode} does not redirect. Expected ${REDIRECT_CODES.join(', ')}.`);
  }
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65535)) {
    problems.error([...at, 'port'], `${port} is not a port. Expected 1 to 65535.`);
  }
  if (scheme === undefined && hostname === undefined && port === undefined && path === undefined) {
    problems.error(
      at,
      'RequestRedirect leads back to the same place, without end. Give it a scheme, hostname, port or path.',
    );
  }
  return {
    type: 'RequestRedirect',
    scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined,
    hostname,
    port,
    path: planPath(path, [...at, 'path'], context, problems),
    statusCode,
  };
}

function planDirect(filter: FilterConfig, at: DocumentPath, problems: Problems): FilterPlan {
  const { status, headers = [], body, file } = filter.directResponse!;
  if (!(Number.isInteger(status) && status >= 200 && status <= 599)) {
    problems.error([...at, 'status'], `${status} is not a final status. Expected 200 to 599.`);
  }
  if (body !== undefined && file !== undefined) {
    problems.error([...at, 'file'], 'DirectResponse has a body and a file. Keep one.');
  }
  if ((status === 204 || status === 304) && (file !== undefined || (body ?? '') !== '')) {
    problems.error(
      [...at, file === undefined ? 'body' : 'file'],
      `A ${status} has no body (RFC 9110, 6.4.1). Remove it.`,
    );
  }
  return {
    type: 'DirectResponse',
    status,
    headers: headers.map((header, i) => planHeader(header, [...at, 'headers', i], false, problems)),
    body: body ?? '',
    file,
  };
}

function planPath(
  config: PathModifierConfig | undefined,
  at: DocumentPath,
  context: FilterContext,
  problems: Problems,
): PathModifierPlan | undefined {
  if (config === undefined) return undefined;
  const key = config.type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch';
  const value = config[key];
  if (value === undefined) {
    problems.error(at, `A path of type ${config.type} needs ${key}.`);
    return undefined;
  }
  // An empty prefix, or the empty path of Gateway API, is the root.
  if (value !== '' && (!value.startsWith('/') || normalPathOf(value.replace(/\?.*$/, '')) === undefined)) {
    problems.error([...at, key], `${JSON.stringify(value)} is not a path. Expected one such as /v2, from / on.`);
  }
  if (config.type === 'ReplacePrefixMatch' && !context.everyPathIsPrefix) {
    problems.error(
      [...at, 'type'],
      'ReplacePrefixMatch in a rule with a path match that is not a PathPrefix: there is no prefix to replace. ' +
        'Use ReplaceFullPath, or split the rule.',
    );
  }
  return { type: config.type, value: value === '' ? '/' : value };
}

function planModifier(
  config: HeaderModifierConfig,
  at: DocumentPath,
  isRequest: boolean,
  problems: Problems,
): HeaderModifierPlan {
  const seen = new Map<string, string>();
  const once = (name: string, list: string, nameAt: DocumentPath): void => {
    const before = seen.get(name.toLowerCase());
    if (before !== undefined) {
      problems.error(
        nameAt,
        `${JSON.stringify(name)} already stands in ${before}. A header can be changed once per filter.`,
      );
    }
    seen.set(name.toLowerCase(), list);
  };
  const values = (list: 'set' | 'add'): HeaderValuePlan[] =>
    (config[list] ?? []).map((header, i) => {
      once(header.name, list, [...at, list, i, 'name']);
      return planHeader(header, [...at, list, i], isRequest, problems);
    });
  const set = values('set');
  const add = values('add');
  const remove = (config.remove ?? []).map((name, i) => {
    once(name, 'remove', [...at, 'remove', i]);
    checkName(name, [...at, 'remove', i], isRequest, problems);
    return name.toLowerCase();
  });
  if (seen.size === 0) problems.error(at, 'The filter changes nothing. Give it set, add or remove.');
  return { set, add, remove };
}

function checkName(name: string, at: DocumentPath, isRequest: boolean, problems: Problems): void {
  const lower = name.toLowerCase();
  if (!TOKEN.test(name)) problems.error(at, `${JSON.stringify(name)} cannot be the name of a header.`);
  else if (FRAMING.has(lower)) {
    problems.error(at, `${name} belongs to the connection and the framing of messages. A filter cannot change it.`);
  } else if (isRequest && lower === 'host') {
    problems.error(at, 'Host is changed by URLRewrite: use its hostname.');
  }
}

function planHeader(
  header: HeaderValueConfig,
  at: DocumentPath,
  isRequest: boolean,
  problems: Problems,
): HeaderValuePlan {
  checkName(header.name, [...at, 'name'], isRequest, problems);
  if ([...header.value].some((char) => char !== '\t' && (char < ' ' || char === '\x7f'))) {
    problems.error([...at, 'value'], 'A header value cannot hold control characters or line breaks.');
  }
  return { name: header.name, parts: planValue(header.value, [...at, 'value'], problems) };
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
        const hint = didYouMean(name, VARIABLES);
        problems.error(
          at,
          `\${${name}} is not a variable. Expected ${VARIABLES.join(', ')}; $\${ is a plain \${.${hint}`,
        );
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
