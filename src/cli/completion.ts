// `sevenfold completion`: what a shell needs to complete the command line, made from the commands themselves.
// Owns the scripts of the three shells.

import { Argument, type Command, type Option } from 'commander';
import { outcome, printReport } from './terminal.js';

const SHELLS = { bash, zsh, fish };
type Shell = keyof typeof SHELLS;

export function register(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes the command line in bash, zsh or fish')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS)))
    .action((shell: Shell) => printReport(async () => outcome(0, completionScript(shell, program))));
}

/** The script for one shell, from the commands of `program`. */
export function completionScript(shell: Shell, program: Command): string {
  return SHELLS[shell](program.commands);
}

/** A command by its whole name, `ctl reload`. */
interface Named {
  readonly path: string;
  readonly command: Command;
}

const named = (commands: readonly Command[], above = ''): Named[] =>
  commands.flatMap((command) => {
    const path = `${above}${command.name()}`;
    return [{ path, command }, ...named(command.commands, `${path} `)];
  });

/** Its flags, those of the commands above it and `--help` among them. */
function optionsOf(command: Command): Option[] {
  const above: Option[] = [];
  for (let each = command.parent; each?.parent != null; each = each.parent) above.push(...each.options);
  return [...command.options, ...above].filter(({ hidden }) => !hidden);
}
const flagsOf = (option: Option): string[] => [option.short, option.long].flatMap((flag) => flag ?? []);
const takesValue = (option: Option): boolean => option.required || option.optional;
const takesFile = (option: Option): boolean => /<file>/.test(option.flags);

const summary = (command: Command): string => command.summary() || command.description();

function bash(commands: readonly Command[]): string {
  const all = named(commands);
  const withCommands = all.filter(({ command }) => command.commands.length > 0);
  const values = all.flatMap(({ path, command }) =>
    optionsOf(command).flatMap((option) => {
      if (!takesValue(option)) return [];
      const reply =
        option.argChoices !== undefined ? `-W "${option.argChoices.join(' ')}"` : takesFile(option) ? '-f' : '-W ""';
      return [
        `    ${flagsOf(option)
          .map((flag) => `"${path} ${flag}"`)
          .join('|')}) reply ${reply}; return ;;`,
      ];
    }),
  );
  const flags = all.map(
    ({ path, command }) =>
      `      "${path}") reply -W "${[...optionsOf(command).flatMap(flagsOf), '--help'].join(' ')}" ;;`,
  );
  const words = all.flatMap(({ path, command }) =>
    command.registeredArguments[0]?.argChoices === undefined
      ? []
      : [`      "${path}") reply -W "${command.registeredArguments[0].argChoices.join(' ')}" ;;`],
  );
  return `# Completion of sevenfold for bash: source <(sevenfold completion bash)
_sevenfold() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path="\${COMP_WORDS[1]}" depth=1
  reply() { COMPREPLY=($(compgen "$@" -- "$current")); }
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then reply -W "${commands.map((command) => command.name()).join(' ')}"; return; fi
${withCommands
  .map(({ path, command }) => {
    const names = command.commands.map((each) => each.name());
    return `  if [ "$path" = "${path}" ]; then
    if [ "$COMP_CWORD" -eq 2 ] && [[ "$current" != -* ]]; then reply -W "${names.join(' ')}"; return; fi
    case "\${COMP_WORDS[2]}" in ${names.join('|')}) path="$path \${COMP_WORDS[2]}" ;; esac
  fi
`;
  })
  .join('')}  case "$path $before" in
${values.join('\n')}
  esac
  case "$current" in
    -*) case "$path" in
${flags.join('\n')}
    esac ;;
    *) case "$path" in
${words.join('\n')}
      *) reply -f ;;
    esac ;;
  esac
}
complete -o filenames -F _sevenfold sevenfold
`;
}

function zsh(commands: readonly Command[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const safe = (text: string): string => text.replace(/[[\]:\\]/g, (sign) => `\\${sign}`);
  const describe = (list: readonly Command[]): string =>
    `_values command ${list.map((each) => quoted(`${each.name()}[${safe(summary(each))}]`)).join(' ')}`;
  const specification = (option: Option): string[] => {
    const value = !takesValue(option)
      ? ''
      : `:${safe(option.name())}:${option.argChoices !== undefined ? `(${option.argChoices.join(' ')})` : takesFile(option) ? '_files' : ' '}`;
    return flagsOf(option).map((flag) => quoted(`*${flag}[${safe(option.description)}]${value}`));
  };
  const body = (command: Command): string => {
    const words = command.registeredArguments[0]?.argChoices;
    const rest = words === undefined ? '*:file:_files' : `1:word:(${words.join(' ')})`;
    return `_arguments ${[...optionsOf(command).flatMap(specification), quoted('--help[help]'), quoted(rest)].join(' ')}`;
  };
  const cases = (list: readonly Command[], indent: string): string =>
    list
      .map((command) => {
        if (command.commands.length === 0) return `${indent}${command.name()}) ${body(command)} ;;\n`;
        return `${indent}${command.name()})
${indent}  if (( CURRENT == 2 )); then ${describe(command.commands)}; return; fi
${indent}  shift words; (( CURRENT-- ))
${indent}  case $words[1] in
${cases(command.commands, `${indent}    `)}${indent}  esac ;;
`;
      })
      .join('');
  return `#compdef sevenfold
# Completion of sevenfold for zsh: sevenfold completion zsh > "\${fpath[1]}/_sevenfold"
_sevenfold() {
  if (( CURRENT == 2 )); then ${describe(commands)}; return; fi
  shift words; (( CURRENT-- ))
  case $words[1] in
${cases(commands, '    ')}  esac
}
compdef _sevenfold sevenfold
`;
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string): string => `'${text.replace(/['\\]/g, (sign) => `\\${sign}`)}'`;
  const lines = named(commands).flatMap(({ path, command }) => {
    const names = path.split(' ');
    const above = names.slice(0, -1);
    const inside = (list: readonly string[]): string =>
      list.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    const others = (command.parent?.commands ?? []).map((each) => each.name()).join(' ');
    const start =
      above.length === 0 ? '__fish_use_subcommand' : `${inside(above)}; and not __fish_seen_subcommand_from ${others}`;
    return [
      `complete -c sevenfold -n ${quoted(start)} -f -a ${names.at(-1)} -d ${quoted(summary(command))}`,
      ...command.options.map((option) => {
        const letters = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
        const long = option.long === undefined ? '' : ` -l ${option.long.slice(2)}`;
        const value = !takesValue(option)
          ? ''
          : option.argChoices !== undefined
            ? ` -x -a ${quoted(option.argChoices.join(' '))}`
            : takesFile(option)
              ? ' -r'
              : ' -x';
        return `complete -c sevenfold -n ${quoted(inside(names))}${letters}${long}${value} -d ${quoted(option.description)}`;
      }),
      ...(command.registeredArguments[0]?.argChoices ?? []).map(
        (word) => `complete -c sevenfold -n ${quoted(inside(names))} -f -a ${word}`,
      ),
    ];
  });
  return `# Completion of sevenfold for fish: sevenfold completion fish > ~/.config/fish/completions/sevenfold.fish
${lines.join('\n')}
`;
}
