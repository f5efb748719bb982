// Loader hooks for configuration modules: TypeScript, read as ES modules whatever package they lie in, and `sevenfold` from
// anywhere. Node's own reading of TypeScript would go by the `type` of the nearest package.json.
// Each load of a configuration is a set of modules of its own: what the configuration imports carries its number too.
// Owns the hooks in both forms that Node takes; module.ts registers them. Types are blanked, so lines and columns stay.

import { readFileSync } from 'node:fs';
import type {
  LoadFnOutput,
  LoadHook,
  LoadHookContext,
  ResolveFnOutput,
  ResolveHook,
  ResolveHookContext,
} from 'node:module';
import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { transformSync } from '@swc/wasm-typescript';

/** Hooks as `module.registerHooks` takes them: they run on the thread that imports, and answer at once. */
export interface HooksAtOnce {
  resolve(
    specifier: string,
    context: ResolveHookContext,
    nextResolve: (specifier: string, context?: ResolveHookContext) => ResolveFnOutput,
  ): ResolveFnOutput;
  load(
    url: string,
    context: LoadHookContext,
    nextLoad: (url: string, context?: LoadHookContext) => LoadFnOutput,
  ): LoadFnOutput;
}

/** The query parameter that numbers the loads. */
export const LOAD = 'sevenfold-load';

/** A file that a load has imported. */
export interface Imported {
  readonly load: string;
  readonly url: string;
}

let report: (imported: Imported) => void = () => {};

/** Hands what loads import to `take`, for hooks on this thread. */
export function reportTo(take: (imported: Imported) => void): void {
  report = take;
}

/** The same for `module.register`: called by Node on the thread of the hooks. */
export function initialize(port: MessagePort | undefined): void {
  if (port !== undefined) report = (imported) => port.postMessage(imported);
}

/** The module with the number of the load that imports it, unless it belongs to a package, which does not change. */
function ofLoad(found: ResolveFnOutput, parentURL: string | undefined): ResolveFnOutput {
  const load = parentURL === undefined ? null : new URL(parentURL).searchParams.get(LOAD);
  if (load === null || !found.url.startsWith('file:') || found.url.includes('/node_modules/')) return found;
  if (found.url.startsWith(ownPackage)) return found;
  report({ load, url: found.url });
  const url = new URL(found.url);
  url.searchParams.set(LOAD, load);
  return { ...found, url: url.href };
}

const ownPackage = new URL('../', import.meta.url).href;
const ownIndex = new URL('../index.js', import.meta.url).href;

/** Finds this very package under its name also where it is not installed beside the configuration. */
function resolveOwn(specifier: string, error: unknown): ResolveFnOutput {
  if (specifier === 'sevenfold') return { url: ownIndex, shortCircuit: true };
  throw error;
}

/** TypeScript of a file with its types blanked; null for all that Node is to load itself. */
function loadTypeScript(url: string): LoadFnOutput | null {
  const address = new URL(url);
  if (address.protocol !== 'file:' || !/\.m?ts$/.test(address.pathname)) return null;
  address.search = '';
  const text = readFileSync(fileURLToPath(address), 'utf8');
  return { format: 'module', source: stripped(text, url), shortCircuit: true };
}

export const hooksAtOnce: HooksAtOnce = {
  resolve(specifier, context, nextResolve) {
    try {
      return ofLoad(nextResolve(specifier, context), context.parentURL);
    } catch (error) {
      return resolveOwn(specifier, error);
    }
  },
  load: (url, context, nextLoad) => loadTypeScript(url) ?? nextLoad(url, context),
};

/** The same for `module.register`, which runs hooks on a thread of their own. */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  try {
    return ofLoad(await nextResolve(specifier, context), context.parentURL);
  } catch (error) {
    return resolveOwn(specifier, error);
  }
};

export const load: LoadHook = async (url, context, nextLoad) => loadTypeScript(url) ?? nextLoad(url, context);

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
