// `sevenfold bench`: hands its arguments to the benchmark, which is built beside the product into dist/bench.
// Owns no flag: bench/options.ts does, so that `sevenfold bench --help` and the harness cannot disagree.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { printAll } from './output.js';

/** What dist/bench/main.js exports. Declared here because the product never imports the benchmark as it compiles. */
interface BenchModule {
  /** Runs the benchmark with these arguments; resolves with the exit code. */
  main(args: readonly string[]): Promise<number>;
}

const NEEDED = ['autocannon', 'hdr-histogram-js'];
const HELP = ['--help', '-h'];

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
  const missing = flags.some((flag) => HELP.includes(flag)) ? [] : missingPackages(entry);
  if (missing.length > 0) {
    printAll(
      2,
      `sevenfold bench: what only the benchmark needs does not come with sevenfold. Install it beside: npm install ${missing.join(' ')}\n`,
    );
    return 1;
  }
  const bench: BenchModule = await import(entry.href);
  return bench.main(flags);
}

/** What the load generators need; as NAME@RANGE, those that `from` cannot import. The plots' library may be missing: the page says so. */
function missingPackages(from: URL): string[] {
  const { resolve } = createRequire(from);
  const { peerDependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    peerDependencies: Readonly<Record<string, string>>;
  };
  const isThere = (name: string): boolean => {
    try {
      resolve(name);
      return true;
    } catch {
      return false;
    }
  };
  return NEEDED.filter((name) => !isThere(name)).map((name) => `${name}@${peerDependencies[name]}`);
}
