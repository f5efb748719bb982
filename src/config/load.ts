// From a file, or a value, to a checked configuration: or to every problem it has, each with its place.
// Owns the order of the steps and the translation of schema issues. Leaves the checks to schema.ts and semantics.ts.

import { readFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import type { z } from 'zod';
import { type DocumentPath, formatPath } from '../base/document-path.js';
import { nearest } from '../base/nearest.js';
import { alternatives, didYouMean, inOrder, type Problem, Problems } from '../base/problems.js';
import { type Config, resolveConfig } from './config.js';
import { ConfigError } from './config-error.js';
import { readJson } from './json.js';
import { importModule, MODULE_EXTENSIONS } from './module.js';
import { PageFiles } from './page-files.js';
import { knownKeysFrom, refusalFrom } from './schema/build.js';
import { type ParsedConfig, schema } from './schema.js';
import { checkMeaning } from './semantics.js';
import { type Document, Source } from './source.js';
import { readYaml } from './yaml.js';

/** A checked configuration, and where its parts stand. */
export interface Loaded {
  readonly config: Config;
  readonly source: Source;
  /** The files it was made of: its own, what a module reads, and the pages it names. None for a mere value. */
  readonly files: readonly string[];
  /** What stands in those pages, by their absolute names. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** What is allowed but probably not meant. */
  readonly warnings: readonly Problem[];
}

/**
 * Loads and checks a configuration: `.yaml`, `.yml`, `.json`, or a module `.ts`, `.mts`, `.js`, `.mjs` whose default
 * export is the configuration. A name without extension is read as YAML.
 *
 * Throws `ConfigError` with every problem of the file.
 */
export async function loadConfig(file: string): Promise<Loaded> {
  const extension = extname(file);
  if (MODULE_EXTENSIONS.includes(extension)) {
    const { value, files } = await importModule(file);
    return checkConfig({ value, source: new Source(file, '', null), mistakes: [] }, files);
  }
  if (!['.yaml', '.yml', '.json', ''].includes(extension)) {
    throw failure(
      file,
      `'${extension}' is not a known kind of configuration.`,
      'Expected .yaml, .yml, .json, .ts, .mts, .js or .mjs.',
    );
  }
  return parseConfig(await readText(file), file);
}

/** Checks a configuration given as text: JSON if `file` ends in `.json`, else YAML. `file` is the name in messages. */
export function parseConfig(text: string, file: string): Loaded {
  return checkConfig(extname(file) === '.json' && text.trim() !== '' ? readJson(file, text) : readYaml(file, text));
}

/** Checks a configuration given as a value, such as that of a module. `file` is the name in messages. */
export function checkValue(value: unknown, file = 'config'): Loaded {
  return checkConfig({ value, source: new Source(file, '', null), mistakes: [] }, []);
}

async function readText(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    throw failure(file, ...unreadable(error));
  }
}

function unreadable(error: unknown): [found: string, expected: string] {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return ['The file does not exist.', 'Expected the name of a configuration file.'];
  if (code === 'EACCES' || code === 'EPERM')
    return ['The file may not be read by this user.', 'Change its mode or its owner.'];
  if (code === 'EISDIR') return ['This is a directory.', 'Expected the name of a configuration file.'];
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return ['The file is not UTF-8.', 'Expected a text in UTF-8.'];
  return [`The file cannot be read: ${error instanceof Error ? error.message : String(error)}.`, ''];
}

function failure(file: string, found: string, expected: string): ConfigError {
  return new ConfigError([{ file, line: 0, column: 0, path: '', found, expected }]);
}

/** `read` are the files that the document was read from. */
function checkConfig({ value, source, mistakes }: Document, read: readonly string[] = [resolve(source.file)]): Loaded {
  const problems = new Problems(source.placeOf);
  for (const { offset, path, found, expected } of mistakes) problems.error(path, found, expected, source.at(offset));
  if (mistakes.length > 0) throw new ConfigError(inOrder(problems.errors));
  if (value === null || value === undefined) {
    problems.error([], 'The configuration is empty.', 'Expected listeners, routes and pools.');
    throw new ConfigError(problems.errors);
  }

  const broken: DocumentPath[] = [];
  const misspelt = new Set<string>();
  const parsed = parseAround(value, source, problems, broken, misspelt);
  const pages = new PageFiles(dirname(source.file));
  if (parsed !== undefined) {
    const isBroken = (path: DocumentPath) =>
      broken.some((prefix) => prefix.every((step, index) => path[index] === step));
    checkMeaning(parsed, {
      report: (path, found, expected) => {
        // Where a key was not understood, a complaint about the whole map would be about that key.
        if (!isBroken(path) && !misspelt.has(formatPath(path))) problems.error(path, found, expected);
      },
      warn: (path, found, expected) => problems.warn(path, found, expected),
      poolNames: isBroken(['pools']) ? null : new Set(Object.keys(parsed.pools)),
      isBroken,
      poolsBeyondHttp: new Set(
        Object.entries(parsed.pools).flatMap(([name, { tls, proxyProtocol }]) =>
          tls === undefined && proxyProtocol === undefined ? [] : [name],
        ),
      ),
      poolsUsed: new Set(
        broken.some(([top]) => top === 'routes' || top === 'listeners') ? Object.keys(parsed.pools) : [],
      ),
      directory: dirname(source.file),
      pages,
    });
  }
  const { errors, warnings } = problems;
  const files = [...read, ...pages.names];
  if (errors.length > 0 || parsed === undefined) throw new ConfigError(inOrder(errors), files);
  const config = resolveConfig(parsed, resolve(source.file));
  return { config, source, files, contents: pages.contents, warnings: inOrder(warnings) };
}

/**
 * Parses `value` by the schema. Where parts of it do not fit, reports them, puts harmless parts in their place, and
 * parses again, so that the sound rest can still be checked for meaning. `broken` gets the paths of such parts,
 * `misspelt` those of maps with unknown keys, which are only dropped.
 */
function parseAround(
  value: unknown,
  source: Source,
  problems: Problems,
  broken: DocumentPath[],
  misspelt: Set<string>,
): ParsedConfig | undefined {
  const first = schema.safeParse(value);
  if (first.success) return first.data;
  const rest = copy(value);
  const meant = new Set<string>();
  for (const issue of first.error.issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const path = pathOf(issue);
    misspelt.add(formatPath(path));
    const known = knownKeysFrom(issue.message);
    for (const key of issue.keys) {
      const expected = `Expected ${alternatives(known)}.${didYouMean(key, known)}`;
      problems.error(path, `'${key}' is not an option here.`, expected, source.placeOfKey([...path, key]));
      meant.add(formatPath([...path, nearest(key, known) ?? '']));
      put(rest, [...path, key], undefined);
    }
  }
  for (const issue of first.error.issues) {
    if (issue.code === 'unrecognized_keys') continue;
    const path = pathOf(issue);
    // A key that is missing only because it is misspelt is one mistake, not two.
    if (!meant.has(formatPath(path))) reportIssue(issue, path, value, problems);
    const around = brokenPart(path);
    if (around === undefined) return undefined;
    broken.push(around.path);
    put(rest, around.path, around.instead);
  }
  const second = schema.safeParse(rest);
  return second.success ? second.data : undefined;
}

function pathOf(issue: z.core.$ZodIssue): DocumentPath {
  return issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
}

function reportIssue(issue: z.core.$ZodIssue, path: DocumentPath, value: unknown, problems: Problems): void {
  const { found, expected } = refusalFrom(issue.message);
  const last = path.at(-1);
  if (typeof last === 'string' && at(value, path) === undefined) {
    problems.error(path.slice(0, -1), `'${last}' is missing.`, expected);
  } else {
    problems.error(path, found, expected);
  }
}

/** The smallest part around `path` that the meaning checks can do without, and what stands there meanwhile. */
function brokenPart(path: DocumentPath): { path: DocumentPath; instead: unknown } | undefined {
  const [top, second, third, fourth] = path;
  const rule = { filters: [] };
  switch (top) {
    case 'listeners':
      if (second === undefined) return { path: [top], instead: [{ address: '127.0.0.1:1' }] };
      return { path: [top, second], instead: { address: '127.0.0.1:1' } };
    case 'routes':
      if (second === undefined) return { path: [top], instead: [{ rules: [rule] }] };
      if (third === 'rules' && fourth !== undefined) return { path: [top, second, third, fourth], instead: rule };
      return { path: [top, second], instead: { rules: [rule] } };
    case 'pools':
      if (second === undefined) return { path: [top], instead: {} };
      return { path: [top, second], instead: { servers: [] } };
    case 'tests':
      if (second === undefined) return { path: [top], instead: [] };
      return { path: [top, second], instead: { request: 'GET /', expect: {} } };
    case 'limits':
    case 'timeouts':
      return { path: second === undefined ? [top] : [top, second], instead: undefined };
    case 'accessLog':
    case 'errorPages':
    case 'trustedProxies':
    case 'filters':
    case 'nameservers':
    case 'admin':
    case 'metrics':
      return { path: [top], instead: undefined };
    default:
      return undefined;
  }
}

/** A copy of the maps and lists in a document; other values are shared. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copy(member)]));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at `path`, undefined when there is none. */
function at(value: unknown, path: DocumentPath): unknown {
  let part = value;
  for (const step of path) {
    if (typeof part !== 'object' || part === null) return undefined;
    part = Object.getOwnPropertyDescriptor(part, step)?.value;
  }
  return part;
}

/** Sets the value at `path`, or removes it when `part` is undefined. Does nothing where the way there does not exist. */
function put(value: unknown, path: DocumentPath, part: unknown): void {
  const last = path.at(-1);
  const holder = at(value, path.slice(0, -1));
  if (last === undefined) return;
  if (Array.isArray(holder)) holder[Number(last)] = part;
  else if (isMap(holder)) {
    if (part === undefined) delete holder[last];
    else holder[last] = part;
  }
}
