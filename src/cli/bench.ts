// `sevenfold bench`: hands its arguments to the benchmark, which is built beside the product into dist/bench.
// Owns no flag: bench/options.ts does, so that `sevenfold bench --help` and the harness cannot disagree.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { printAll } from './output.js';

/** What dist/bench/main.js exports. Declared here because the product never imports the benchmark as it compiles. */
interface BenchModule {
  /** Runs the benchmark with these arguments; resolves with the exit code. */
  main(args: readonly string[]): Promise<number>;
}

/** Adds `bench` to the command line; its flags are parsed by the benchmark itself. */
export function register(program: Command): void {
  program
    .command('bench')
    .summary('measure what reading the request costs, beside nginx, HAProxy and others')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .argument('[flags...]', 'see sevenfold bench --help')
    .action(async (flags: string[]) => {
      process.exitCode = await runBench(flags);
    });
}

async function runBench(flags: readonly string[]): Promise<number> {
  const entry = new URL('../bench/main.js', import.meta.url);
  if (!existsSync(entry)) {
    printAll(
      2,
      `sevenfold bench: the benchmark is not built: ${fileURLToPath(entry)} is missing. Run \`make build\`.\n`,
    );
    return 1;
  }
  const bench: BenchModule = await import(entry.href);
  return bench.main(flags);
}
