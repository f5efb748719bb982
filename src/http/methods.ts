// llhttp's numbers of methods, and what the proxy needs to know of each.

import { createRequire } from 'node:module';

const METHOD_NUMBERS = (
  createRequire(import.meta.url)('undici/lib/llhttp/constants.js') as { METHODS: Record<string, number> }
).METHODS;

/** Method names by llhttp's number. */
export const METHOD_NAMES: readonly string[] = (() => {
  const names: string[] = [];
  for (const [name, number] of Object.entries(METHOD_NUMBERS)) names[number] = name;
  return names;
})();

const numberOf = (name: string): number => METHOD_NUMBERS[name]!;

export const METHOD = {
  HEAD: numberOf('HEAD'),
  OPTIONS: numberOf('OPTIONS'),
  CONNECT: numberOf('CONNECT'),
  TRACE: numberOf('TRACE'),
} as const;

/** Every method llhttp knows but CONNECT is sent on; these are the usual ones, as Allow lists them. */
export const FORWARDED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** 1 for methods that may be sent twice without harm (RFC 9110, 9.2.2), by number. */
const idempotent = new Uint8Array(256);
for (const name of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PROPFIND', 'SEARCH'])
  idempotent[numberOf(name)] = 1;

export const isIdempotent = (method: number): boolean => idempotent[method] === 1;

const numbers = new Map(Object.entries(METHOD_NUMBERS));

/** llhttp's number of a method's name, or -1. Names are case-sensitive (RFC 9110, 9.1). */
export function methodNumber(name: string): number {
  return numbers.get(name) ?? -1;
}
