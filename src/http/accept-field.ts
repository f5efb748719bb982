// What a client would rather get, by its Accept field (RFC 9110, 12.5.1).

/**
 * How much the client wants a media type, 0 to 1, by the most specific of the ranges that cover it: the value of `accept`,
 * a list of them, most specific first. -1 when none covers it.
 */
function quality(accept: string, ranges: readonly string[]): number {
  let best = -1;
  let specific = -1;
  for (const element of accept.split(',')) {
    const [range, ...parameters] = element.split(';').map((part) => part.trim().toLowerCase());
    const rank = ranges.indexOf(range!);
    if (rank < 0) continue;
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const value = q === undefined ? 1 : Number(q.slice(2)) || 0;
    if (specific < 0 || rank < specific) {
      specific = rank;
      best = value;
    }
  }
  return best;
}

/** How much the client wants `type`, a media type without parameters, as `quality` does. */
export function wish(accept: string, type: string): number {
  return quality(accept, [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*']);
}

/** The client would rather have JSON than text. */
export function prefersJson(accept: string): boolean {
  const json = wish(accept, 'application/json');
  return json > 0 && json > wish(accept, 'text/plain');
}
