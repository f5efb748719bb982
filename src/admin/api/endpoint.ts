// What an endpoint of the admin API is: a method, a path, what it takes, and what it does.
// Owns the shape. Leaves finding one for a request to router.ts.

import type { z } from 'zod';
import type { LoadedRoutes } from '../../config/routes.js';
import type { Primary } from '../../primary/primary.js';
import { Refused } from '../problem.js';
import type { AdminTarget } from '../target.js';

/** One request to an endpoint. */
export interface Call {
  readonly target: AdminTarget;
  /** Parts of the path by their names, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** What the body holds: as `body` of the endpoint reads it, or its text. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Who asks, as far as that is known: for the audit line. */
  readonly by: string;
}

/** What a client gets. */
export interface Reply {
  /** Default 200. */
  readonly status?: number;
  /** JSON, unless it is a text. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/pools/{pool}`. */
  readonly path: string;
  readonly says: string;
  /** What may be asked behind `?`, and what it means. */
  readonly query?: Readonly<Record<string, string>>;
  /** What the body has to be; text where it is `text`, none where it is left out. */
  readonly body?: z.ZodType | 'text';
  /** Statuses beside those that every endpoint has, and when they come. */
  readonly answers?: Readonly<Record<number, string>>;
  run(call: Call): Promise<Reply> | Reply;
}

/** What runs. Throws a Refused before the service is ready. */
export function running({ target: { primary, loaded } }: Call): { primary: Primary; loaded: LoadedRoutes } {
  if (primary === null || loaded === null) {
    throw new Refused(503, 'The service is not ready yet.', {}, { 'Retry-After': '1' });
  }
  return { primary, loaded };
}

/** A whole number of the query. */
export function numberOf({ query }: Call, name: string, byDefault: number, max: number): number {
  const text = query.get(name);
  if (text === null) return byDefault;
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  throw new Refused(400, `'${text}' is not a number that ${name} can be.`, {
    place: `query.${name}`,
    found: text,
    expected: `a whole number from 0 to ${max}`,
  });
}
