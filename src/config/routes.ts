// A configuration with its routes compiled: what every command and the primary start from.
// Owns joining the problems of both steps into one list. Leaves checking to load.ts, compiling to src/routing.

import { inOrder } from '../base/problems.js';
import { type CompiledRoutes, compile } from '../routing/compile.js';
import { RoutingError } from '../routing/input.js';
import { ConfigError } from './config-error.js';
import { type Loaded, loadConfig } from './load.js';

/** A checked configuration and the routing table made of it. */
export interface LoadedRoutes extends Loaded {
  readonly routes: CompiledRoutes;
}

/** Loads, checks and compiles. Throws `ConfigError` with every problem of the step that failed. */
export async function loadRoutes(file: string): Promise<LoadedRoutes> {
  return compileRoutes(await loadConfig(file));
}

/** Compiles the routes of a checked configuration. Throws `ConfigError`. The warnings of both steps come in order of place. */
export function compileRoutes(loaded: Loaded): LoadedRoutes {
  const { config, source, warnings } = loaded;
  try {
    const routes = compile(config, source.placeOf);
    return { ...loaded, routes, warnings: inOrder([...warnings, ...routes.warnings]) };
  } catch (error) {
    if (!(error instanceof RoutingError)) throw error;
    throw new ConfigError(error.problems, loaded.files);
  }
}
