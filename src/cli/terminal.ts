// What every command says, and how it reaches the terminal.
// Owns colours, tables and exit codes of the commands that only read. Leaves the words to each command.

import { formatProblem, type Problem } from '../base/problems.js';
import { ConfigError } from '../config/config-error.js';
import { printAll } from './output.js';

/** What a command has to say, and how it went: 0 fine, 1 failed, 2 the command line or the configuration is wrong. */
export interface Outcome {
  readonly code: 0 | 1 | 2;
  /** For standard output, complete lines. */
  readonly out: string;
  /** For standard error, complete lines. */
  readonly err: string;
}

export function outcome(code: Outcome['code'], out: string, err = ''): Outcome {
  return { code, out, err };
}

/** Runs a command, prints its outcome and sets the exit code. A `ConfigError` becomes its problems and exit code 2. */
export async function printReport(command: () => Promise<Outcome>): Promise<void> {
  const { code, out, err } = await settled(command);
  printAll(2, err);
  const failure = printAll(1, out);
  process.exitCode = code;
  // A reader that has seen enough, such as head, closes the pipe: that is no failure.
  if (failure === null || failure === 'EPIPE') return;
  printAll(2, `sevenfold: the output cannot be written (${failure})\n`);
  process.exitCode = Math.max(code, 1);
}

/** The outcome of a command, also when the configuration is wrong. */
async function settled(command: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await command();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return outcome(2, '', describeProblems(error.problems));
  }
}

/** Every problem, and how many there are in which file. */
export function describeProblems(problems: readonly Problem[]): string {
  const file = problems[0]?.file ?? '';
  return `${problems.map(formatProblem).join('\n')}\n${counted(problems.length, 'problem')} in ${file}.\n`;
}

const STYLES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

/** Paints text on a terminal; https://no-color.org and a redirected output leave it plain. */
export function paint(style: keyof typeof STYLES, text: string): string {
  const isPlain = !process.stdout.isTTY || (process.env.NO_COLOR ?? '') !== '';
  const [on, off] = STYLES[style];
  return isPlain ? text : `\u001b[${on}m${text}\u001b[${off}m`;
}

/** Rows in aligned columns with a heading. No column is cut; the last is not padded. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === widths.length - 1 ? cell : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return `${[paint('bold', line(headings)), ...rows.map(line)].join('\n')}\n`;
}

/** `1 rule`, `3 rules`, `1,234 matches`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
