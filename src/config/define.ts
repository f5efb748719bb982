// Types a configuration written in TypeScript, down to the names of its pools.
// Owns the types only: at run time defineConfig gives back what it got, and loadConfig checks it like any other.

import type { ConfigInput } from './schema.js';

/**
 * A part of a configuration in which each `pool` is one of `Name`. Lists may be readonly.
 * Every key called `pool` in the schema holds the name of a pool.
 */
type Naming<Part, Name extends string> = Part extends readonly (infer Item)[]
  ? readonly Naming<Item, Name>[]
  : Part extends object
    ? {
        readonly [Key in keyof Part]: Key extends 'pool'
          ? Name | Extract<Part[Key], undefined>
          : Naming<Part[Key], Name>;
      }
    : Part;

/** A configuration as a TypeScript program writes it. */
export type ConfigValue = Naming<ConfigInput, string>;

/** One pool of a configuration. */
type PoolValue = NonNullable<ConfigValue['pools']>[string];

/**
 * Types a whole configuration; a `pool` that is not in `pools` is a type error.
 *
 * ```ts
 * export default defineConfig({
 *   listeners: [{ address: ':8080' }],
 *   routes: [{ rules: [{ pool: 'api' }] }],
 *   pools: { api: { servers: [{ address: '10.0.0.11:3000' }] } },
 * });
 * ```
 */
export function defineConfig<const Name extends string = never>(
  config: Naming<Omit<ConfigInput, 'pools'>, NoInfer<Name>> & { readonly pools?: Readonly<Record<Name, PoolValue>> },
): ConfigValue {
  return config;
}
