// Lists of origins: exact ones, and those of any labels in front of a domain.

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };
const PARTS = /^(https?:)\/\/(\[[0-9a-f:.]+\]|[a-z0-9*._-]+)(?::(\d+))?$/i;

interface Origin {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
}

/** Null for what is no origin of a page on the web, such as `null`. */
function parse(text: string): Origin | null {
  const parts = PARTS.exec(text);
  if (parts === null) return null;
  const scheme = parts[1]!.toLowerCase();
  return { scheme, host: parts[2]!.toLowerCase(), port: parts[3] ?? DEFAULT_PORTS[scheme]! };
}

const key = ({ scheme, host, port }: Origin): string => `${scheme}//${host}:${port}`;

/** Made with the rule. */
export class OriginList {
  /** Every origin is in it. */
  readonly any: boolean;
  readonly #exact: ReadonlySet<string>;
  readonly #below: readonly Origin[];

  constructor(origins: readonly string[]) {
    this.any = origins.includes('*');
    const parsed = origins.flatMap((origin) => parse(origin) ?? []);
    this.#exact = new Set(parsed.filter(({ host }) => !host.startsWith('*')).map(key));
    // `*` alone is every host, `*.` and a domain every name below it.
    this.#below = parsed
      .filter(({ host }) => host.startsWith('*'))
      .map((origin) => ({ ...origin, host: origin.host.slice(1) }));
  }

  has(text: string): boolean {
    const origin = parse(text);
    if (origin === null) return false;
    if (this.#exact.has(key(origin))) return true;
    return this.#below.some(
      ({ scheme, host, port }) =>
        scheme === origin.scheme &&
        port === origin.port &&
        origin.host.length > host.length &&
        origin.host.endsWith(host),
    );
  }
}
