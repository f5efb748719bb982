// The command line. Owns the list of commands and the exit codes: 0 fine, 1 failed, 2 the command line or the
// configuration is wrong. Leaves each command to the file of its name.

import { Command, CommanderError } from 'commander';
import { register as bench } from './bench.js';
import { register as check } from './check.js';
import { register as ctl } from './ctl.js';
import { register as demo } from './demo.js';
import { register as diff } from './diff.js';
import { register as explain } from './explain.js';
import { register as health } from './health.js';
import { register as init } from './init.js';
import { printAll } from './output.js';
import { register as routes } from './routes.js';
import { register as run } from './run.js';
import { register as test } from './test.js';
import { register as top } from './top.js';
import { version } from './version.js';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const program = new Command('sevenfold')
  .description('A Layer 7 load balancer, and the benchmark that shows what reading the request costs.')
  .version(version, '-V, --version')
  .exitOverride()
  .configureOutput({ writeOut: (text) => void printAll(1, text), writeErr: (text) => void printAll(2, text) })
  .showHelpAfterError('(sevenfold --help, or sevenfold COMMAND --help, lists what there is)');

for (const register of [run, init, check, explain, routes, test, diff, ctl, top, demo, health]) register(program);
for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
// After the loop: the benchmark parses its own flags, --help included.
bench(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version were asked for; everything else is a command line that is wrong, and was said.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else {
    printAll(2, `sevenfold: ${(error as Error).message}\n`);
    process.exitCode = EXIT_FAILED;
  }
}
