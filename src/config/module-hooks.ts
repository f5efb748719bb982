// Loader hooks for configuration modules: TypeScript where Node does not read it, and `sevenfold` from anywhere.
// Owns both hooks; module.ts registers them. Types are blanked, not compiled, so lines and columns stay.

import { readFile } from 'node:fs/promises';
import type { LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/wasm-typescript';

const ownIndex = new URL('../index.js', import.meta.url).href;

/** Finds this very package under its name also where it is not installed beside the configuration. */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  try {
    return await nextResolve(specifier, context);
  } catch (error) {
    if (specifier === 'sevenfold') return { url: ownIndex, shortCircuit: true };
    throw error;
  }
};

/** Node strips types itself from 22.18 on. */
const nodeStrips = 'typescript' in process.features && process.features.typescript !== false;

export const load: LoadHook = async (url, context, nextLoad) => {
  const address = new URL(url);
  if (nodeStrips || address.protocol !== 'file:' || !/\.m?ts$/.test(address.pathname)) return nextLoad(url, context);
  address.search = '';
  const text = await readFile(fileURLToPath(address), 'utf8');
  return { format: 'module', source: stripped(text, url), shortCircuit: true };
};

/** The text with its types blanked. Throws a SyntaxError that says where, in the form of Node's own stack traces. */
export function stripped(text: string, url: string): string {
  try {
    return transformSync(text, { mode: 'strip-only' }).code;
  } catch (error) {
    // The transpiler throws plain objects.
    const { message, startLine, startColumn } = {
      message: String(error),
      startLine: 0,
      startColumn: 0,
      ...Object(error),
    };
    throw new SyntaxError(`${message}\n    at ${url}:${startLine}:${startColumn + 1}`);
  }
}
