// The product with one filter type more: that of gate-filter/, built against dist/ and preloaded in every thread.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { scratchDirectory } from './addresses.js';

const SOURCES = fileURLToPath(new URL('gate-filter/', import.meta.url));
const DIST = new URL('../../dist/', import.meta.url).href;
const ZOD = import.meta.resolve('zod');
const TSC = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));
/** File by file, types dropped: `make check` has checked them. */
const TRANSPILE = ['--ignoreConfig', '--noCheck', '--noResolve', '--module', 'nodenext', '--target', 'es2022'];

/** The environment of a process that knows the filter type Gate. */
export function gateEnvironment(): Readonly<Record<string, string>> {
  const directory = scratchDirectory();
  const files = readdirSync(SOURCES);
  execFileSync(TSC, [...TRANSPILE, '--outDir', directory, ...files.map((file) => join(SOURCES, file))]);
  for (const file of files.map((name) => join(directory, name.replace(/\.ts$/, '.js')))) {
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replaceAll("'../../../src/", `'${DIST}`).replaceAll("'zod'", `'${ZOD}'`));
  }
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  return { NODE_OPTIONS: `--import ${pathToFileURL(join(directory, 'register.js'))}` };
}
