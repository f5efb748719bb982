// What the loader throws: every problem of a configuration at once.

import { formatProblem, type Problem } from '../base/problems.js';

/**
 * Thrown by `loadConfig` with every problem of the file, in the order of the file. `files` are those that the
 * configuration is made of, as far as they are known: none when it could not be read at all.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(
    readonly problems: readonly Problem[],
    readonly files: readonly string[] = [],
  ) {
    super(problems.map(formatProblem).join('\n'));
  }
}
