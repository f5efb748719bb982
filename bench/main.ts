// The entry of the benchmark: `sevenfold bench` calls main() with its arguments; `node dist/bench/main.js` does too.
// Owns exit codes, interrupts and where reports go.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { allowedCores } from './machine.js';
import { CommandLineEnd, parseOptions } from './options.js';
import { createProgress } from './progress.js';
import { htmlReport } from './report/html.js';
import { terminalReport } from './report/terminal.js';
import { runBench } from './run.js';

const EXIT_INTERRUPTED = 130;
const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs the benchmark with these command-line arguments and prints its report.
 * Resolves with the exit code: 0 measured (or help printed), 1 failed, 2 wrong command line, 130 interrupted.
 */
export async function main(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  // The first one ends the run with what there is; who cannot wait for that says it twice.
  const onInterrupt = (): void => {
    if (interrupt.signal.aborted) process.exit(EXIT_INTERRUPTED);
    interrupt.abort();
  };
  const progress = createProgress(process.stderr.isTTY === true, (text) => void process.stderr.write(text));
  try {
    const options = parseOptions(args, allowedCores(readFileSync('/proc/self/status', 'utf8')).length);
    for (const name of INTERRUPTS) process.on(name, onInterrupt);
    const command = ['sevenfold bench', ...args].join(' ');
    const result = await runBench(options, command, interrupt.signal, progress);
    // With the figures on standard output, the tables would be in the way of whoever reads them.
    const report = options.json === '-' ? process.stderr : process.stdout;
    report.write(terminalReport(result));
    if (options.json === '-') process.stdout.write(`${JSON.stringify(result)}\n`);
    else if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
    if (options.html !== undefined) writeFileSync(options.html, await htmlReport(result));
    return interrupt.signal.aborted ? EXIT_INTERRUPTED : 0;
  } catch (error) {
    progress.end();
    if (error instanceof CommandLineEnd) return error.exitCode;
    process.stderr.write(`sevenfold bench: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    for (const name of INTERRUPTS) process.off(name, onInterrupt);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2));
}
