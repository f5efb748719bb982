// The list of commands, as the command line, its completion and the man page have it.
// Owns which there are. Leaves each to the file of its name.

import { Command } from 'commander';
import { register as bench } from './bench.js';
import { register as check } from './check.js';
import { register as completion } from './completion.js';
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

/** The command line, ready to parse. */
export function makeProgram(): Command {
  const program = new Command('sevenfold')
    .description('A Layer 7 load balancer, and the benchmark that shows what reading the request costs.')
    .version(version, '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => void printAll(1, text), writeErr: (text) => void printAll(2, text) })
    .showHelpAfterError('(sevenfold --help, or sevenfold COMMAND --help, lists what there is)');

  for (const register of [run, init, check, explain, routes, test, diff, ctl, top, demo, health, completion])
    register(program);
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
  // After the loop: the benchmark parses its own flags, --help included.
  bench(program);
  return program;
}
