// A configuration with its routes compiled: what every command and the primary start from.
// Owns joining the warnings of both steps into one list. Leaves checking to load.ts, compiling to src/routing.

import { inOrder } from '../base/problems.js';
import { filterTypes } from '../filters/registry.js';
import { type CompiledRoutes, compile } from '../routing/compile.js';
import { type Loaded, loadConfig } from './load.js';

/** A checked configuration and the routing table made of it. */
export interface LoadedRoutes extends Loaded {
  readonly routes: CompiledRoutes;
}

/** Loads, checks and compiles. Throws `ConfigError` with every problem. */
export async function loadRoutes(file: string): Promise<LoadedRoutes> {
  return compileRoutes(await loadConfig(file));
}

/** Compiles the routes of a checked configuration. The warnings of both steps come in order of place. */
export function compileRoutes(loaded: Loaded): LoadedRoutes {
  const { config, source, contents, warnings } = loaded;
  const routes = compile(config, { placeOf: source.placeOf, contents, filterTypes });
  return { ...loaded, routes, warnings: inOrder([...warnings, ...routes.warnings]) };
}
