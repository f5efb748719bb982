// The text of metrics: Prometheus text format 0.0.4, and OpenMetrics 1.0.
// Owns both formats. Leaves what there is to say to its callers.

/** Which of the two a scraper gets. */
export type Format = 'prometheus' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Part of the metrics, as `?scope=` asks for it. */
export const SCOPES = ['process', 'worker', 'route', 'pool', 'server', 'tls'] as const;
export type Scope = (typeof SCOPES)[number];

/** What a scraper asks for; an empty set is everything. */
export interface Wanted {
  readonly scopes: ReadonlySet<Scope>;
  /** Names of metrics, as they stand in the text: without `_bucket`, `_sum` and `_count`. */
  readonly names: ReadonlySet<string>;
}

type Kind = 'counter' | 'gauge' | 'histogram' | 'info';

/** One metric: what it is called and how its values are to be read. `name` of a counter ends with `_total`, of an info with `_info`. */
export interface Family {
  readonly name: string;
  readonly kind: Kind;
  readonly help: string;
  readonly scope: Scope;
}

const familyOf =
  (kind: Kind) =>
  (scope: Scope, name: string, help: string): Family => ({ name, kind, help, scope });

export const counter = familyOf('counter');
export const gauge = familyOf('gauge');
export const histogram = familyOf('histogram');

/** Writes one scrape. Samples of a family are written right after its `begin`, and not at all if that returns false. */
export class Exposition {
  readonly #format: Format;
  readonly #wanted: Wanted;
  readonly #parts: string[] = [];
  #name = '';

  constructor(format: Format, wanted: Wanted) {
    this.#format = format;
    this.#wanted = wanted;
  }

  /** Begins a family; false when nothing of it is wanted. */
  begin({ name, kind, help, scope }: Family): boolean {
    const { scopes, names } = this.#wanted;
    if ((scopes.size > 0 && !scopes.has(scope)) || (names.size > 0 && !names.has(name))) return false;
    this.#name = name;
    const isOpen = this.#format === 'openmetrics';
    const family = isOpen ? name.replace(/_(?:total|info)$/, '') : name;
    const type = kind === 'info' && !isOpen ? 'gauge' : kind;
    this.#parts.push(`# HELP ${family} ${help}\n# TYPE ${family} ${type}\n`);
    return true;
  }

  /** One sample. `labels` is what `labels()` made, or empty. */
  sample(labels: string, value: number): void {
    this.#parts.push(labels === '' ? `${this.#name} ${value}\n` : `${this.#name}{${labels}} ${value}\n`);
  }

  /** One histogram: `counts[at]` and those behind it say how many fell into each of `bounds`, and above all of them. */
  histogram(labels: string, bounds: readonly string[], counts: Float64Array, at: number, sum: number): void {
    const name = this.#name;
    const front = `${name}_bucket{${labels}${labels === '' ? '' : ','}le="`;
    let text = '';
    let total = 0;
    for (let i = 0; i < bounds.length; i++) {
      total += counts[at + i]!;
      text += `${front}${bounds[i]}"} ${total}\n`;
    }
    total += counts[at + bounds.length]!;
    const braces = labels === '' ? '' : `{${labels}}`;
    this.#parts.push(`${text}${front}+Inf"} ${total}\n${name}_sum${braces} ${sum}\n${name}_count${braces} ${total}\n`);
  }

  /** All of it. */
  end(): string {
    if (this.#format === 'openmetrics') this.#parts.push('# EOF\n');
    return this.#parts.join('');
  }
}

/** Labels of a sample, without the braces: `pool="api",server="10.0.0.1:80"`. */
export function labels(pairs: Readonly<Record<string, string | number>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}="${escaped(String(value))}"`)
    .join(',');
}

const escaped = (value: string): string =>
  /[\\"\n]/.test(value) ? value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n') : value;

/** A bound as both formats write it: OpenMetrics wants a decimal point. */
export const boundText = (bound: number): string => (Number.isInteger(bound) ? `${bound}.0` : String(bound));

/** The format that an Accept field asks for: OpenMetrics only where it is named, and at least as welcome as plain text. */
export function formatFor(accept: string): Format {
  let [open, plain] = [0, 0];
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const q = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1');
    if (type === 'application/openmetrics-text') open = Math.max(open, q);
    else if (type === 'text/plain' || type === 'text/*') plain = Math.max(plain, q);
  }
  return open > 0 && open >= plain ? 'openmetrics' : 'prometheus';
}
