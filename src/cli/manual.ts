// The man page, sevenfold(1), made from the commands themselves.
// Owns its text, in the macros of man(7).

import type { Command } from 'commander';
import { version } from './version.js';

/** The page of all commands of `program`. */
export function manualPage(program: Command): string {
  return `.\\" Generated from src/cli by \`make generate\`. Do not edit.
.TH SEVENFOLD 1 "" "sevenfold ${version}" "User Commands"
.SH NAME
sevenfold \\- Layer 7 load balancer
.SH SYNOPSIS
.B sevenfold
.I command
.RI [ options ]
.SH DESCRIPTION
${text(program.description())}
.SH COMMANDS
${program.commands.map((command) => section(command)).join('')}.SH SIGNALS
.TP
.BR SIGTERM ", " SIGINT
Drain, then exit; a second one ends the process at once.
.TP
.B SIGHUP
Read the configuration again; one with a mistake is refused and changes nothing.
.TP
.B SIGUSR2
Print one line of JSON about every worker, pool and server.
.SH EXIT STATUS
.TP
.B 0
Success; a drain has ended.
.TP
.B 1
Failure.
.TP
.B 2
The command line or the configuration is wrong, an address is in use, or the engine cannot be used.
.SH ENVIRONMENT
${environment(program)}.SH FILES
.TP
.I /run/sevenfold.sock
The admin API, where the configuration has one and names no other address.
.SH SEE ALSO
docs/configuration.md and docs/operations.md of the package.
`;
}

/** One command, and those below it. */
function section(command: Command, above = ''): string {
  const name = `${above}${command.name()}`;
  const usage = command.commands.length > 0 ? '' : command.usage().replace('[options] ', '').replace('[options]', '');
  return `.SS "${text(`${name} ${usage}`.trim())}"
${text(command.description() || command.summary())}
${command.options
  .filter(({ hidden }) => !hidden)
  .map((option) => `.TP\n.B ${text(option.flags)}\n${text(option.description)}\n`)
  .join('')}${command.commands.map((each) => section(each, `${name} `)).join('')}`;
}

function environment(program: Command): string {
  const all = (command: Command): [string, string][] => [
    ...command.options.flatMap((option): [string, string][] =>
      option.envVar === undefined ? [] : [[option.envVar, option.long ?? option.flags]],
    ),
    ...command.commands.flatMap(all),
  ];
  return [...new Map(all(program))].map(([name, flag]) => `.TP\n.B ${name}\nStands in for ${text(flag)}.\n`).join('');
}

/** Text as roff takes it: no escape, no request at the start of a line, hyphens that are copied as such. */
function text(plain: string): string {
  return plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replace(/^([.'])/gm, '\\&$1');
}
