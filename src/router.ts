// A compiled configuration that answers where a request would go: no sockets, the workers' own matcher.
// Owns the public face of routing, for programs and for the command line. Leaves matching to src/routing, what is
// refused before any rule to src/worker, and what listeners do themselves to entrance.ts.

import type { Place } from './base/document-path.js';
import { alternatives, type Problem } from './base/problems.js';
import { type ClientSeen, clientLine, seeClient } from './client-seen.js';
import type { ListenerConfig } from './config/config.js';
import type { ConfigValue } from './config/define.js';
import { checkValue, type Loaded } from './config/load.js';
import { compileRoutes, type LoadedRoutes } from './config/routes.js';
import { alsoRedirecting, type Entrance, entrance, listenersMeant, listenerText, peerAt } from './entrance.js';
import { Trust } from './exchange/trust.js';
import { filterTypes, localReplyOf } from './filters/registry.js';
import { methodNumber } from './http/methods.js';
import { REASONS, type ReasonCode } from './http/reasons.js';
import { type Candidate, type Explanation, explain } from './routing/explain.js';
import { actionLines, errorPageLines, explanationText, type OuterFilters } from './routing/explain-text.js';
import { Matcher } from './routing/matcher.js';
import { keptPathOf } from './routing/path.js';
import type { RepeatedSlashes, RulePlan } from './routing/plan.js';
import { pathOf, type RequestText, RequestTextError, requestView } from './routing/request-text.js';
import { judge } from './worker/judge.js';

/** A request in words. */
export interface RouteRequest {
  /** Default GET. */
  readonly method?: string;
  /** `http://shop.example.com/images?x=1`, or `/images?x=1` when a Host header tells the host. */
  readonly url: string;
  /** By name; several values of one name as a list. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** By name; sent as one Cookie header. */
  readonly cookies?: Readonly<Record<string, string>>;
  /** The address at the other end of the connection: the client's, or that of a proxy in front. Default 127.0.0.1. */
  readonly clientAddress?: string;
  /** The name of the listener it comes to. Default: each that the URL can mean. Throws RangeError when there is none of that name. */
  readonly listener?: string;
  /** The name asked for in TLS. Default: the host of an https URL. With this or what follows, a request comes over TLS. */
  readonly serverName?: string;
  /** Default `TLSv1.3`. */
  readonly tlsVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** The cipher suite by its standard name. Default `TLS_AES_128_GCM_SHA256`. */
  readonly tlsCipher?: string;
  /** A verified certificate of the client's. */
  readonly clientCertificate?: RouteCertificate;
}

/** A client certificate in words; what is left out is empty. */
export interface RouteCertificate {
  /** As RFC 4514 writes it: `CN=shop,O=Example`. */
  readonly subject?: string | undefined;
  /** Each with its kind: `DNS:shop.example`, `URI:…`, `email:…`, `IP:…`. */
  readonly subjectAltNames?: readonly string[] | undefined;
  /** SHA-256 in hexadecimal. */
  readonly fingerprint?: string | undefined;
}

/** A pool that gets a request, and how large a share of such requests: 0 to 1. */
export interface PoolShare {
  readonly pool: string;
  readonly share: number;
}

/** What is decided at one of several listeners. */
export interface AtListener {
  readonly listener: ListenerConfig | undefined;
  readonly decision: Decision;
}

/** Where one request goes. */
export interface Decision {
  /** The rule that wins: its name, or its place in the document such as `routes[0].rules[1]`. Undefined when none matches. */
  readonly rule: string | undefined;
  /** Where the rule, or the first of `listeners`, stands in its file. */
  readonly place: Place | undefined;
  /**
   * Addresses of the listeners that see to it before any rule is asked: they redirect to https, or without a status,
   * refuse the handshake or pass the connection on unread. Empty when rules decide.
   */
  readonly listeners: readonly string[];
  /**
   * What other listeners decide that the request can mean as well, where that differs: rules can be bound to listeners. Empty when
   * all decide alike, or when the request names its listener.
   */
  readonly elsewhere: readonly AtListener[];
  /** The client as the rules see it; undefined when no rule is asked. */
  readonly client: ClientSeen | undefined;
  /** The pools that share such requests. Empty when no server sees them. */
  readonly pools: readonly PoolShare[];
  /**
   * The status of an answer of our own: 404 without a rule, that of a redirect or a direct response, or why no rule may see
   * it. Undefined when a server answers, or nobody does.
   */
  readonly status: number | undefined;
  /** What happens to the request and its response, in words: pools, filters, timeouts. */
  readonly actions: readonly string[];
  /** Why, computed when asked: the winner's conditions, and what the nearest losers lacked. Undefined when no rule may see it. */
  explain(): Explanation | undefined;
  /** The reasons in words, for people. */
  text(): string;
}

/**
 * Compiles a configuration for asking where requests go.
 *
 * Takes what `defineConfig` or `loadConfig` gave. Throws `ConfigError` with every problem it has.
 */
export function compile(config: ConfigValue | Loaded): Router {
  return new Router(compileRoutes('source' in config ? config : checkValue(config)));
}

/** Where requests go under one configuration. Not shared between threads. */
export class Router {
  readonly #loaded: LoadedRoutes;
  readonly #matcher: Matcher;
  readonly #poolNames: readonly string[];
  readonly #trust: Trust;
  readonly #hasBoundRoutes: boolean;

  constructor(loaded: LoadedRoutes) {
    this.#loaded = loaded;
    this.#matcher = new Matcher(loaded.routes.table);
    this.#poolNames = Object.keys(loaded.config.pools);
    this.#trust = new Trust(loaded.config.trustedProxies);
    this.#hasBoundRoutes = loaded.config.routes.some(({ listeners }) => listeners !== undefined);
  }

  /** What is allowed but probably not meant, such as rules that no request reaches. */
  get warnings(): readonly Problem[] {
    return this.#loaded.warnings;
  }

  /** Decides where a request goes. */
  match(request: RouteRequest): Decision {
    const text = requestText(request);
    const refusal = judge(text, this.#loaded.config.limits);
    if (refusal !== null) return refusedFor(refusal, request);
    const listeners = this.#listenersFor(request.listener);
    const ahead = entrance(text, listeners, this.#trust);
    if (ahead !== null) return this.#aheadOfRules(ahead);
    try {
      const [first, ...others] = this.#decisions(request, text, listenersMeant(text, listeners, this.#trust));
      const elsewhere = others.filter(({ decision }) => !sameOutcome(decision, first!.decision));
      const decision = elsewhere.length === 0 ? first!.decision : severally(first!, elsewhere);
      const redirecting = alsoRedirecting(text, listeners, this.#trust);
      return redirecting === null ? decision : { ...decision, text: () => `${decision.text()}\n${redirecting}\n` };
    } catch (error) {
      if (!(error instanceof RequestTextError)) throw error;
      return refused(400, error.message, error.message);
    }
  }

  /** The error pages of all requests for a status, in words. */
  #pagesFor(status: number): string[] {
    const pages = this.#loaded.routes.errorPages;
    return errorPageLines(
      pages.filter(({ statuses }) => statuses.some(({ from, to }) => from <= status && status <= to)),
    );
  }

  /** The head says that the body is longer than the rule allows, or without one, all requests. */
  #isTooLarge(rule: RulePlan | undefined, { headers }: RequestText): boolean {
    if (rule === undefined) return false;
    const most = rule.limits.bodyBytesMax ?? this.#loaded.config.limits.bodyBytesMax;
    const length = headers?.find(([name]) => name.toLowerCase() === 'content-length')?.[1];
    return most !== 0 && length !== undefined && Number(length) > most;
  }

  /** All listeners, or the one that the request names. */
  #listenersFor(name: string | undefined): readonly ListenerConfig[] {
    const { listeners } = this.#loaded.config;
    if (name === undefined) return listeners;
    const named = listeners.filter((listener) => listener.name === name);
    if (named.length > 0) return named;
    const known = listeners.flatMap((listener) => listener.name ?? []);
    throw new RangeError(
      `There is no listener '${name}'. Expected ${known.length === 0 ? 'no name' : alternatives(known)}.`,
    );
  }

  /** What the rules decide at each of the listeners; once where they cannot differ. */
  #decisions(request: RouteRequest, text: RequestText, listeners: readonly ListenerConfig[]): AtListener[] {
    const byView = new Map<string, ListenerConfig | undefined>();
    for (const listener of listeners.length === 0 ? [undefined] : listeners) {
      const name = this.#hasBoundRoutes ? listener?.name : undefined;
      const { clientAddressHeader, repeatedSlashes, filters } = listener ?? {};
      const key = JSON.stringify([name, peerAt(listener, text), clientAddressHeader, repeatedSlashes, filters]);
      if (!byView.has(key)) byView.set(key, listener);
    }
    return [...byView.values()].map((listener) => ({ listener, decision: this.#decide(request, text, listener) }));
  }

  #decide(request: RouteRequest, text: RequestText, listener: ListenerConfig | undefined): Decision {
    const view = requestView(text);
    view.listener = listener?.name ?? '';
    if (peerAt(listener, text) === null) view.clientAddressBytes = 0;
    const client = seeClient(view, listener, this.#trust);
    const rule = this.#loaded.routes.rules[this.#matcher.match(view)];
    const way = rule?.repeatedSlashes ?? listener?.repeatedSlashes ?? 'merge';
    const kept = rule === undefined || way === 'merge' ? undefined : keptPathOf(pathOf(text));
    if (rule !== undefined && kept !== undefined && (way === 'refuse' || kept === null))
      return slashesRefused(rule, way);
    if (this.#isTooLarge(rule, text)) return refusedFor('BODY_TOO_LARGE', request);
    if (rule !== undefined && endsHere(rule, text)) return endedHere(rule, text);
    const trail = () => explain(this.#loaded.routes, view, this.#matcher);
    return this.#decision(rule, trail, client, kept ?? undefined, this.#outerFilters(listener));
  }

  #aheadOfRules({ listeners, status, says, text }: Entrance): Decision {
    const { config, source } = this.#loaded;
    return {
      ...unruled(status === undefined ? says : `${status}: ${says}`, text),
      place: source.placeOf(['listeners', config.listeners.indexOf(listeners[0]!)]),
      listeners: listeners.map(({ address }) => address),
      status,
    };
  }

  #outerFilters(listener: ListenerConfig | undefined): OuterFilters[] {
    const { config, routes } = this.#loaded;
    const all = { of: 'all', filters: routes.filters };
    if (listener === undefined) return [all];
    const filters = routes.listenerFilters[config.listeners.indexOf(listener)] ?? [];
    return [all, { of: `listener ${listener.name ?? listener.address}`, filters }];
  }

  #decision(
    rule: RulePlan | undefined,
    trail: () => Explanation,
    client: ClientSeen,
    keptPath: string | undefined,
    outer: readonly OuterFilters[],
  ): Decision {
    const names = this.#poolNames;
    const line = clientLine(client);
    const slashes = keptPath === undefined ? [] : [`runs of / in the path are kept: ${keptPath}`];
    const notes = [...(line === undefined ? [] : [line]), ...slashes];
    const base = {
      client,
      elsewhere: [],
      listeners: [],
      explain: trail,
      text: () => explanationText(trail(), names, filterTypes, notes, outer),
    };
    if (rule === undefined) {
      return {
        rule: undefined,
        place: undefined,
        pools: [],
        status: 404,
        actions: ['404: no rule matches', ...this.#pagesFor(404)],
        ...base,
      };
    }
    return {
      rule: rule.name,
      place: rule.place,
      pools: sharesOf(rule, names),
      status: ownStatus(rule),
      actions: [...actionLines(rule, names, filterTypes, outer), ...slashes],
      ...base,
    };
  }
}

function sameOutcome(a: Decision, b: Decision): boolean {
  const outcome = ({ rule, pools, status }: Decision): string => JSON.stringify([rule, pools, status]);
  return outcome(a) === outcome(b);
}

/** The decision at the first of several listeners, which says that others decide otherwise. */
function severally({ listener, decision }: AtListener, elsewhere: readonly AtListener[]): Decision {
  const name = (at: ListenerConfig | undefined): string => (at === undefined ? '' : listenerText(at));
  const others = elsewhere.map((other) => {
    const goesTo = other.decision.rule === undefined ? 'no rule matches' : `it goes to ${other.decision.rule}`;
    const advice = other.listener?.name === undefined ? '' : ` (--listener ${other.listener.name} says why)`;
    return `At listener ${name(other.listener)} ${goesTo}${advice}.\n`;
  });
  return {
    ...decision,
    elsewhere,
    text: () => `At listener ${name(listener)}:\n${decision.text()}\n${others.join('')}`,
  };
}

/** The rule, or its listener, does not take the runs of `/` in the path. */
function slashesRefused(rule: RulePlan, way: RepeatedSlashes): Decision {
  const why =
    way === 'refuse'
      ? `runs of / in the path are refused at ${rule.name} (TARGET_INVALID)`
      : `.. behind // leads to different paths, so ${rule.name}, which keeps //, refuses it (TARGET_INVALID)`;
  return refused(400, why, `The answer is 400: ${why}.`);
}

/** It may be forwarded no more, and its rule does not answer by itself (RFC 9110, 7.6.2). */
function endsHere(rule: RulePlan, { method, headers }: RequestText): boolean {
  if (method !== 'OPTIONS' && method !== 'TRACE') return false;
  const left = headers?.find(([name]) => name.toLowerCase() === 'max-forwards')?.[1].trim() ?? '';
  return /^0+$/.test(left) && localReplyOf(rule.filters) === undefined;
}

function endedHere(rule: RulePlan, { method }: RequestText): Decision {
  const status = method === 'OPTIONS' ? 200 : REASONS.METHOD_REFUSED.status;
  const why = `Max-Forwards is 0, so nothing is forwarded, and ${method} is answered here in place of ${rule.name}`;
  return refused(status, why, `The answer is ${status}: ${why}.`);
}

function refusedFor(code: ReasonCode, request: RouteRequest): Decision {
  const { status, says } = REASONS[code];
  const why = `${says} (${code})`;
  return refused(
    status,
    why,
    `The answer is ${status} before any rule is looked at: ${why}.${adviceFor(code, request)}`,
  );
}

/** What to write instead, where the one who asks may have meant something else. */
function adviceFor(code: ReasonCode, { method = '' }: RouteRequest): string {
  if (code === 'HOST_MISSING') return ' Name a host: http://HOST/PATH, or a Host header.';
  const capitals = method.toUpperCase();
  const meant = method !== capitals && methodNumber(capitals) !== -1;
  return meant ? ` Methods are in capitals: ${capitals}.` : '';
}

function refused(status: number, why: string, text: string): Decision {
  return { ...unruled(`${status}: ${why}`, text), status };
}

/** A decision that no rule was asked for. */
function unruled(action: string, text: string): Decision {
  return {
    rule: undefined,
    place: undefined,
    client: undefined,
    elsewhere: [],
    listeners: [],
    pools: [],
    status: undefined,
    actions: [action],
    explain: () => undefined,
    text: () => `${text}\n`,
  };
}

function sharesOf({ backendRefs, drained, fallback }: RulePlan, names: readonly string[]): PoolShare[] {
  if (drained && fallback !== null) return [{ pool: names[fallback] ?? String(fallback), share: 1 }];
  const total = backendRefs.reduce((sum, { weight }) => sum + weight, 0);
  return backendRefs
    .filter(({ weight }) => weight > 0)
    .map(({ pool, weight }) => ({ pool: names[pool] ?? String(pool), share: weight / total }));
}

/** The status of the answer that a rule gives itself, if it does. */
function ownStatus({ filters, drained, fallback }: RulePlan): number | undefined {
  return localReplyOf(filters)?.status ?? (drained && fallback === null ? 500 : undefined);
}

function requestText(request: RouteRequest): RequestText {
  const { method, url, headers, cookies, clientAddress, serverName, tlsVersion, tlsCipher, clientCertificate } =
    request;
  const fields: [string, string][] = [];
  for (const [name, value] of Object.entries(headers ?? {})) {
    for (const one of typeof value === 'string' ? [value] : value) fields.push([name, one]);
  }
  const pairs = Object.entries(cookies ?? {}).map(([name, value]) => `${name}=${value}`);
  if (pairs.length > 0) fields.push(['Cookie', pairs.join('; ')]);
  return {
    method,
    url,
    headers: fields,
    clientAddress: clientAddress ?? '127.0.0.1',
    serverName,
    tlsVersion,
    tlsCipher,
    clientCertificate: clientCertificate && {
      subject: clientCertificate.subject ?? '',
      names: clientCertificate.subjectAltNames ?? [],
      fingerprint: clientCertificate.fingerprint ?? '',
    },
  };
}

export type { Candidate, ClientSeen, Explanation, Place };
