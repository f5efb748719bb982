// Parses and runs the command line. Owns the exit codes: 0 fine, 1 failed, 2 the command line or the configuration is wrong.

import { CommanderError } from 'commander';
import { makeProgram } from './commands.js';
import { printAll } from './output.js';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

try {
  await makeProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version were asked for; everything else is a command line that is wrong, and was said.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else {
    printAll(2, `sevenfold: ${(error as Error).message}\n`);
    process.exitCode = EXIT_FAILED;
  }
}
