// The package for programs: write a configuration, load one, and ask where a request would go, without any socket.
// Owns what is public. Everything else in dist/ may change from one version to the next.

export { formatProblem, type Problem } from './base/problems.js';
export type { Config } from './config/config.js';
export { ConfigError } from './config/config-error.js';
export { type ConfigValue, defineConfig } from './config/define.js';
export { type Loaded, loadConfig } from './config/load.js';
export {
  type AtListener,
  type Candidate,
  compile,
  type Decision,
  type Explanation,
  type PoolShare,
  type RouteCertificate,
  type RouteRequest,
  Router,
} from './explain/router.js';
