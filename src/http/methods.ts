// llhttp's numbers of methods, and what the proxy needs to know of each.

import { createRequire } from 'node:module';
import { equalsBytes } from '../base/bytes.js';

const { METHODS: METHOD_NUMBERS, METHODS_HTTP } = createRequire(import.meta.url)('undici/lib/llhttp/constants.js') as {
  METHODS: Record<string, number>;
  METHODS_HTTP: readonly number[];
};

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

/** The method expects a body, so that a request without one should say so (RFC 9110, 8.6). By number. */
export const expectsBody = (method: number): boolean => EXPECT_BODY.includes(method);

const EXPECT_BODY = ['POST', 'PUT', 'PATCH'].map(numberOf);

const numbers = new Map(Object.entries(METHOD_NUMBERS));

/** llhttp's number of a method's name, or -1. Names are case-sensitive (RFC 9110, 9.1). */
export function methodNumber(name: string): number {
  return numbers.get(name) ?? -1;
}

/** The names that llhttp takes in a request of HTTP/1.1, PRI aside: by length, each with its number. */
const namesByLength: (readonly [name: Uint8Array, method: number])[][] = [];
for (const method of METHODS_HTTP) {
  const name = METHOD_NAMES[method]!;
  if (name === 'PRI') continue; // a request by name alone: how a connection of HTTP/2 begins
  namesByLength[name.length] ??= [];
  namesByLength[name.length]!.push([Buffer.from(name, 'latin1'), method]);
}

/** llhttp's number of the method whose name stands at `at`, or -1 for none that a request of HTTP/1.1 may have. Hot. */
export function methodAt(bytes: Uint8Array, at: number, length: number): number {
  const names = namesByLength[length];
  if (names === undefined) return -1;
  for (let i = 0; i < names.length; i++) {
    const [name, method] = names[i]!;
    if (equalsBytes(bytes, at, length, name)) return method;
  }
  return -1;
}
