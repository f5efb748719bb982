// The part of a validated config that routing reads, as plain interfaces, and the problems it may find in it.
// Owns the shape compile() accepts. Leaves parsing, defaults and the schema to src/config, whose inferred types fit here.

import type { FilterConfig } from './plan.js';

/** How a string is compared. `Exact` unless said otherwise; `Present` looks at no value. */
export type StringMatchType = 'Exact' | 'Prefix' | 'Suffix' | 'Contains' | 'Present' | 'RegularExpression';

/** One condition on a text. `invert` negates the whole condition. */
export interface ValueMatchConfig {
  readonly type?: StringMatchType | undefined;
  readonly value?: string | undefined;
  readonly invert?: boolean | undefined;
}

/** One condition on a named header, query parameter or cookie. */
export interface StringMatchConfig extends ValueMatchConfig {
  readonly name: string;
}

/** Conditions on the client's verified certificate. Without any, that there is one. */
export interface ClientCertificateMatchConfig {
  readonly subject?: ValueMatchConfig | undefined;
  /** One of the names must compare so, each with its kind: `DNS:client.example`. */
  readonly subjectAltName?: ValueMatchConfig | undefined;
  /** SHA-256 in hexadecimal. */
  readonly fingerprint?: string | undefined;
}

export interface PathMatchConfig {
  readonly type?: 'Exact' | 'PathPrefix' | 'RegularExpression' | undefined;
  readonly value?: string | undefined;
}

/** Conditions that must all hold. A field left out is no condition. */
export interface MatchConfig {
  readonly path?: PathMatchConfig | undefined;
  readonly method?: string | undefined;
  readonly headers?: readonly StringMatchConfig[] | undefined;
  readonly queryParams?: readonly StringMatchConfig[] | undefined;
  readonly cookies?: readonly StringMatchConfig[] | undefined;
  /** Addresses or CIDR ranges; one of them must contain the client. */
  readonly clientAddress?: string | readonly string[] | undefined;
  /** The TLS server name: `shop.example.com`, or `*.example.com`. */
  readonly serverName?: string | undefined;
  readonly scheme?: 'http' | 'https' | undefined;
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly tlsVersion?: string | undefined;
  /** The standard name of the cipher suite. */
  readonly tlsCipher?: string | undefined;
  readonly clientCertificate?: ClientCertificateMatchConfig | undefined;
}

interface BackendRefConfig {
  readonly pool: string;
  /** Share of the requests, against the sum of the rule's weights. Default 1; 0 is drained. */
  readonly weight?: number | undefined;
}

/** What a split hashes. */
export interface SplitKeyConfig {
  readonly type: 'ClientAddress' | 'Path' | 'Header' | 'Cookie' | 'QueryParam';
  readonly name?: string | undefined;
}

/** Where a client names its pool. `lifetime` in milliseconds. */
export interface SplitSessionConfig {
  readonly type: 'Cookie' | 'Header';
  readonly cookieName?: string | undefined;
  readonly headerName?: string | undefined;
  readonly lifetime: number;
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: 'Strict' | 'Lax' | 'None';
  readonly secret?: string | undefined;
}

/** A page for local replies of these statuses; `body` or `file`. */
export interface ErrorPageConfig {
  readonly statuses: readonly { readonly from: number; readonly to: number }[];
  readonly body?: string | undefined;
  readonly file?: string | undefined;
  readonly contentType?: string | undefined;
}

/** Milliseconds; 0 is no limit, undefined leaves the global setting. */
export interface RuleTimeoutsConfig {
  readonly request?: number | undefined;
  readonly backendRequest?: number | undefined;
  readonly responseHead?: number | undefined;
  readonly responseIdle?: number | undefined;
  readonly requestBody?: number | undefined;
  readonly tunnelIdle?: number | undefined;
}

/** Bytes; undefined leaves the global setting. */
export interface RuleLimitsConfig {
  readonly bodyBytesMax?: number | undefined;
  readonly retryBodyBytesMax?: number | undefined;
}

export interface RuleConfig {
  readonly name?: string | undefined;
  /** The higher comes first. Default 0. */
  readonly priority?: number | undefined;
  readonly matches?: readonly MatchConfig[] | undefined;
  readonly filters?: readonly FilterConfig[] | undefined;
  readonly backendRefs?: readonly BackendRefConfig[] | undefined;
  /** Short form of one backendRef with weight 1. */
  readonly pool?: string | undefined;
  /** What leads a client to the same one of backendRefs again. */
  readonly hashKey?: SplitKeyConfig | undefined;
  readonly sessionPersistence?: SplitSessionConfig | undefined;
  /** The pool that takes over when those of the rule cannot answer. */
  readonly fallback?: string | undefined;
  readonly errorPages?: readonly ErrorPageConfig[] | undefined;
  readonly timeouts?: RuleTimeoutsConfig | undefined;
  readonly limits?: RuleLimitsConfig | undefined;
  readonly repeatedSlashes?: 'merge' | 'keep' | 'refuse' | undefined;
}

export interface RouteConfig {
  readonly name?: string | undefined;
  /** Names of the listeners whose requests it is for; undefined for those of all. */
  readonly listeners?: readonly string[] | undefined;
  readonly hostnames?: readonly string[] | undefined;
  /** For all its rules. */
  readonly filters?: readonly FilterConfig[] | undefined;
  readonly rules: readonly RuleConfig[];
}

/** What compile() reads of a whole config. The order of the pools' keys is the order of pool indexes. */
export interface RoutingConfig {
  readonly routes?: readonly RouteConfig[] | undefined;
  /** For all requests. */
  readonly filters?: readonly FilterConfig[] | undefined;
  readonly listeners?:
    | readonly { readonly name?: string | undefined; readonly filters?: readonly FilterConfig[] | undefined }[]
    | undefined;
  readonly pools?: Readonly<Record<string, unknown>> | undefined;
  readonly errorPages?: readonly ErrorPageConfig[] | undefined;
}
