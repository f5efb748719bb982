// Imports configuration modules: `sevenfold.config.ts`, `.js`, `.mjs`.
// Owns the import and its errors, also on versions of Node that do not read TypeScript. Leaves checking to load.ts.

import { readFileSync, statSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { HooksAtOnce } from './module-hooks.js';
import { ConfigError, type Problem } from './problems.js';

export const MODULE_EXTENSIONS: readonly string[] = ['.ts', '.mts', '.js', '.mjs'];

let hooked: Promise<void> | null = null;

/**
 * The default export of a module, awaited. A changed file is imported anew; what it imports itself is not.
 * Throws `ConfigError` when the module cannot be loaded, or throws.
 */
export async function importModule(file: string): Promise<unknown> {
  hooked ??= hook();
  await hooked;
  const url = pathToFileURL(resolve(file));
  try {
    // The time of the last change makes another module of a changed file, for reloads.
    url.searchParams.set('changed', String(statSync(file).mtimeMs));
    const module: unknown = await import(url.href);
    if (typeof module !== 'object' || module === null || !('default' in module)) {
      throw failure(file, 'The module has no default export.', 'Expected: export default defineConfig({ ... }).');
    }
    return await module.default;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT')
      throw failure(file, 'The file does not exist.', 'Expected the name of a configuration file.');
    throw new ConfigError([
      problemOf(error instanceof SyntaxError ? await placed(error, file) : error, file, url.href),
    ]);
  }
}

/** Makes the process read TypeScript. Where this file itself is TypeScript, it does so already. */
async function hook(): Promise<void> {
  if (import.meta.url.endsWith('.ts')) return;
  if ('registerHooks' in nodeModule) {
    // From 22.15 on; `register` is deprecated since 26.
    const { hooksAtOnce } = await import('./module-hooks.js');
    (nodeModule.registerHooks as (hooks: HooksAtOnce) => void)(hooksAtOnce);
  } else {
    nodeModule.register(new URL('./module-hooks.js', import.meta.url));
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
