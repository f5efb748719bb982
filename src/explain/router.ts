// A compiled configuration that answers where a request would go, without a socket.
// Owns the public face of routing, for programs and for the command line. Leaves deciding to dry-run.ts, and what
// listeners do themselves to listener-action.ts.

import type { Place } from '../base/document-path.js';
import { alternatives, type Problem } from '../base/problems.js';
import { type ListenerConfig, requestSettings } from '../config/config.js';
import type { ConfigValue } from '../config/define.js';
import { checkValue, type Loaded } from '../config/load.js';
import { compileRoutes, type LoadedRoutes } from '../config/routes.js';
import { filterTypes, localReplyOf } from '../filters/registry.js';
import { methodNumber } from '../http/methods.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import { actionLines, describeExplanation, errorPageLines, type OuterFilters } from '../routing/describe.js';
import { type Candidate, type Explanation, explain } from '../routing/explain.js';
import type { RepeatedSlashes, RulePlan } from '../routing/plan.js';
import { type ClientSeen, clientLine } from './client-seen.js';
import { type Asked, DryRun, isWithoutPeer, type Outcome } from './dry-run.js';
import {
  alsoRedirecting,
  describeListener,
  handshakeRefused,
  type ListenerAction,
  listenersMeant,
  passedOn,
  redirected,
} from './listener-action.js';
import { type RequestText, RequestTextError } from './request-text.js';

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
   * it. Undefined when a server answers, or when there is no answer.
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
  readonly #dryRun: DryRun;
  readonly #poolNames: readonly string[];
  readonly #hasBoundRoutes: boolean;

  constructor(loaded: LoadedRoutes) {
    this.#loaded = loaded;
    this.#dryRun = new DryRun(loaded.config, loaded.routes);
    this.#poolNames = Object.keys(loaded.config.pools);
    this.#hasBoundRoutes = loaded.config.routes.some(({ listeners }) => listeners !== undefined);
  }

  /** What is allowed but probably not meant, such as rules that no request reaches. */
  get warnings(): readonly Problem[] {
    return this.#loaded.warnings;
  }

  /** Decides where a request goes. */
  match(request: RouteRequest): Decision {
    const text = requestText(request);
    const asked = this.#dryRun.asks(text);
    if (typeof asked === 'string') return refusedFor(asked, request);
    const listeners = this.#listenersFor(request.listener);
    const unread = passedOn(asked, listeners);
    if (unread !== null) return this.#aheadOfRules(unread);
    const meant = listenersMeant(asked, listeners);
    try {
      return this.#atListeners(request, text, asked, meant);
    } catch (error) {
      if (!(error instanceof RequestTextError)) throw error;
      return refused(400, error.message, error.message);
    }
  }

  /** What the listeners that the request means make of it, all together. */
  #atListeners(request: RouteRequest, text: RequestText, asked: Asked, meant: readonly ListenerConfig[]): Decision {
    const outcomes = this.#outcomes(text, meant);
    const redirecting = meant.filter((listener) => outcomes.get(listener)!.redirectsToHttps);
    if (meant.length > 0 && redirecting.length === meant.length) {
      const location = /^Location: (.*)\r\n/.exec(outcomes.get(meant[0])!.fields)?.[1] ?? '';
      return this.#aheadOfRules(redirected(meant, location));
    }
    const handshake = handshakeRefused(asked, text, meant);
    if (handshake !== null) return this.#aheadOfRules(handshake);
    const asking = meant.length === 0 ? [undefined] : meant.filter((listener) => !redirecting.includes(listener));
    const [first, ...others] = this.#decisions(request, text, asking, outcomes);
    const elsewhere = others.filter(({ decision }) => !sameOutcome(decision, first!.decision));
    const decision = elsewhere.length === 0 ? first!.decision : severally(first!, elsewhere);
    const also = alsoRedirecting(redirecting);
    return also === null ? decision : { ...decision, text: () => `${decision.text()}\n${also}\n` };
  }

  /** What becomes of the request at each of the listeners; those that cannot differ share one outcome. */
  #outcomes(text: RequestText, listeners: readonly ListenerConfig[]): Map<ListenerConfig | undefined, Outcome> {
    const bySettings = new Map<string, Outcome>();
    const outcomes = new Map<ListenerConfig | undefined, Outcome>();
    for (const listener of listeners.length === 0 ? [undefined] : listeners) {
      const name = this.#hasBoundRoutes ? listener?.name : undefined;
      const { filters, protocol } = listener ?? {};
      const settings = { ...requestSettings(listener), name, filters, protocol, noPeer: isWithoutPeer(listener) };
      const key = JSON.stringify(settings);
      const outcome = bySettings.get(key) ?? this.#dryRun.run(text, listener);
      bySettings.set(key, outcome);
      outcomes.set(listener, outcome);
    }
    return outcomes;
  }

  /** A decision for each outcome, at the first of the listeners that have it. */
  #decisions(
    request: RouteRequest,
    text: RequestText,
    listeners: readonly (ListenerConfig | undefined)[],
    outcomes: ReadonlyMap<ListenerConfig | undefined, Outcome>,
  ): AtListener[] {
    const first = new Map<Outcome, ListenerConfig | undefined>();
    for (const listener of listeners) {
      const outcome = outcomes.get(listener)!;
      if (!first.has(outcome)) first.set(outcome, listener);
    }
    return [...first].map(([outcome, listener]) => ({
      listener,
      decision: this.#decision(request, text, listener, outcome),
    }));
  }

  /** The error pages of all requests for a status, in words. */
  #pagesFor(status: number): string[] {
    const pages = this.#loaded.routes.errorPages;
    return errorPageLines(
      pages.filter(({ statuses }) => statuses.some(({ from, to }) => from <= status && status <= to)),
    );
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

  #aheadOfRules({ listeners, status, says, text }: ListenerAction): Decision {
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
    request: RouteRequest,
    text: RequestText,
    listener: ListenerConfig | undefined,
    outcome: Outcome,
  ): Decision {
    const { reason, status, rule, client, keptPath } = outcome;
    if (rule === undefined && reason !== null && reason !== 'NO_ROUTE') return refusedFor(reason, request);
    const way = rule?.repeatedSlashes ?? listener?.repeatedSlashes ?? 'merge';
    if (rule !== undefined && reason !== null && reason !== 'POOL_UNKNOWN')
      return refusedByRule(rule, reason, keptPath === undefined ? 'merge' : way, request);
    if (rule !== undefined && status !== undefined && reason === null && localReplyOf(rule.filters) === undefined)
      return endedHere(rule, status, request);
    const names = this.#poolNames;
    const outer = this.#outerFilters(listener);
    const line = client === undefined ? undefined : clientLine(client);
    const slashes =
      way === 'merge' || typeof keptPath !== 'string' ? [] : [`runs of / in the path are kept: ${keptPath}`];
    const notes = [...(line === undefined ? [] : [line]), ...(rule === undefined ? [] : slashes)];
    const trail = () => this.#trail(text, listener);
    const base = {
      client,
      status,
      elsewhere: [],
      listeners: [],
      explain: trail,
      text: () => describeExplanation(trail(), names, filterTypes, notes, outer),
    };
    if (rule === undefined) {
      const actions = ['404: no rule matches', ...this.#pagesFor(404)];
      return { rule: undefined, place: undefined, pools: [], actions, ...base };
    }
    return {
      rule: rule.name,
      place: rule.place,
      pools: sharesOf(rule, names),
      actions: [...actionLines(rule, names, filterTypes, outer), ...slashes],
      ...base,
    };
  }

  /** Why it goes where it goes, taken from another run: exchanges are not kept. */
  #trail(text: RequestText, listener: ListenerConfig | undefined): Explanation {
    let trail: Explanation | undefined;
    this.#dryRun.run(text, listener, (x) => {
      trail = explain(this.#loaded.routes, x, this.#dryRun.matcher);
    });
    return trail!;
  }
}

function sameOutcome(a: Decision, b: Decision): boolean {
  const outcome = ({ rule, pools, status }: Decision): string => JSON.stringify([rule, pools, status]);
  return outcome(a) === outcome(b);
}

/** The decision at the first of several listeners, which says that others decide otherwise. */
function severally({ listener, decision }: AtListener, elsewhere: readonly AtListener[]): Decision {
  const name = (at: ListenerConfig | undefined): string => (at === undefined ? '' : describeListener(at));
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

/** Its rule was found, and does not let it go on. `way`: what becomes of the runs of `/` in its path, merge without any. */
function refusedByRule(rule: RulePlan, reason: ReasonCode, way: RepeatedSlashes, request: RouteRequest): Decision {
  const { status, says } = REASONS[reason];
  if (reason === 'METHOD_REFUSED') return endedHere(rule, status, request);
  const slashes =
    way === 'refuse'
      ? `runs of / in the path are refused at ${rule.name}`
      : `.. behind // leads to different paths, so ${rule.name}, which keeps //, refuses it`;
  const why = reason === 'TARGET_INVALID' && way !== 'merge' ? slashes : `${says}, at ${rule.name}`;
  return refused(status, `${why} (${reason})`, `The answer is ${status}: ${why} (${reason}).`);
}

/** It may be forwarded no more, and its rule does not answer by itself (RFC 9110, 7.6.2). */
function endedHere(rule: RulePlan, status: number, { method }: RouteRequest): Decision {
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
