// Imports configuration modules: `sevenfold.config.ts`, `.js`, `.mjs`.
// Owns the import and its errors, also on versions of Node that do not read TypeScript. Leaves checking to load.ts.

import { readFileSync, statSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Problem } from '../base/problems.js';
import { ConfigError } from './config-error.js';
import type { HooksAtOnce, Imported } from './module-hooks.js';

/** The query parameter that numbers the loads, as in module-hooks.ts, which is not loaded for nothing. */
const LOAD = 'sevenfold-load';

export const MODULE_EXTENSIONS: readonly string[] = ['.ts', '.mts', '.js', '.mjs'];

let hooked: Promise<void> | null = null;

/** Loads so far: each is a set of modules of its own. */
let loads = 0;
/** What a load has imported, by its number. */
const imported = new Map<string, string[]>();
/** Where the hooks report it, when they run on a thread of their own. */
let port: MessagePort | null = null;

/** A module's configuration, and the files that it is made of. */
interface ImportedModule {
  readonly value: unknown;
  /** The module, what it imports beside packages, and what it names by `export const watchFiles`. */
  readonly files: readonly string[];
}

/**
 * The default export of a module, awaited. Every call runs it anew, with all ES modules it imports, those of packages
 * aside. Node keeps what was imported: a load leaves a copy of the modules behind.
 * Throws `ConfigError` when the module cannot be loaded, or throws.
 */
export async function importModule(file: string): Promise<ImportedModule> {
  hooked ??= hook();
  await hooked;
  const url = pathToFileURL(resolve(file));
  const load = String(++loads);
  imported.set(load, []);
  try {
    statSync(file);
    url.searchParams.set(LOAD, load);
    const module: unknown = await import(url.href);
    if (typeof module !== 'object' || module === null || !('default' in module)) {
      throw failure(file, 'The module has no default export.', 'Expected: export default defineConfig({ ... }).');
    }
    const value: unknown = await module.default;
    return { value, files: filesOf(file, load, module) };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT')
      throw failure(file, 'The file does not exist.', 'Expected the name of a configuration file.');
    throw new ConfigError([
      problemOf(error instanceof SyntaxError ? await placed(error, file) : error, file, url.href),
    ]);
  } finally {
    imported.delete(load);
  }
}

function filesOf(file: string, load: string, module: object): string[] {
  for (let next = port && receiveMessageOnPort(port); next; next = port && receiveMessageOnPort(port)) {
    note(next.message as Imported);
  }
  const named: unknown = 'watchFiles' in module ? module.watchFiles : [];
  const good = Array.isArray(named) && named.every((each) => typeof each === 'string');
  if (!good)
    throw failure(file, 'watchFiles is not a list of file names.', 'Expected the files that the module reads.');
  const read = (named as string[]).map((each) => resolve(dirname(file), each));
  return [...new Set([resolve(file), ...(imported.get(load) ?? []), ...read])];
}

/** Keeps what a load has imported; of one that has ended there is no more to know. */
function note({ load, url }: Imported): void {
  imported.get(load)?.push(fileURLToPath(url));
}

/** Makes the process read TypeScript. Where this file itself is TypeScript, it does so already. */
async function hook(): Promise<void> {
  if (import.meta.url.endsWith('.ts')) return;
  if ('registerHooks' in nodeModule) {
    // From 22.15 on; `register` is deprecated since 26.
    const { hooksAtOnce, reportTo } = await import('./module-hooks.js');
    reportTo(note);
    (nodeModule.registerHooks as (hooks: HooksAtOnce) => void)(hooksAtOnce);
  } else {
    const { port1, port2 } = new MessageChannel();
    port1.unref();
    port = port1;
    nodeModule.register(new URL('./module-hooks.js', import.meta.url), { data: port2, transferList: [port2] });
  }
}

/** The same error with its place, which Node does not tell for modules of plain JavaScript. */
async function placed(error: SyntaxError, file: string): Promise<unknown> {
  const { stripped } = await import('./module-hooks.js');
  try {
    stripped(readFileSync(file, 'utf8'), pathToFileURL(resolve(file)).href);
    return error;
  } catch (found) {
    return found;
  }
}

/** What Node says of `import` and `export` in a file that it reads as CommonJS. */
const NOT_A_MODULE = /outside a module|Unexpected token 'export'/;
const AS_MODULE =
  'Expected an ES module: name the file .mjs or .ts, or put "type": "module" into the package.json of its folder.';

/** What a module threw, or why it could not be read, with the place in it that the stack names. */
function problemOf(error: unknown, file: string, url: string): Problem {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: '' };
  const places = `${message}\n${stack ?? ''}`.split('\n').filter((text) => text.includes(url.replace(/\?.*$/, '')));
  const [, line = '0', column] = /:(\d+)(?::(\d+))?\)?$/.exec(places[0] ?? '') ?? [];
  const found = `The module cannot be loaded: ${message.split('\n', 1)[0]?.replace(/\.$/, '')}.`;
  return {
    file,
    line: Number(line),
    column: Number(column ?? Math.min(1, Number(line))),
    path: '',
    found,
    expected: error instanceof SyntaxError && NOT_A_MODULE.test(message) ? AS_MODULE : '',
  };
}

function failure(file: string, found: string, expected: string): ConfigError {
  return new ConfigError([{ file, line: 0, column: 0, path: '', found, expected }]);
}
