// The order of the house, read from its text: which folder may import which, no cycles, one writer per state machine,
// exports that something uses, and words that say nothing to a reader who greps for those of the field.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const below = (folder: string, ending: RegExp): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name))
    .sort();

interface Import {
  readonly from: string;
  readonly to: string;
  /** Only types are imported: nothing is left of it when the program runs. */
  readonly typeOnly: boolean;
}

const IMPORT = /^(?:import|export)\s+(type\s+)?(?:([^;'"]*?)\s+from\s+)?'(\.[^']+)'/gm;

/** Whether a clause like `{ type A, type B }` names types alone. */
function namesTypesAlone(clause: string): boolean {
  const braces = /^\{([^}]*)\}$/s.exec(clause.trim());
  if (braces === null) return false;
  const names = braces[1]!
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.every((name) => name.startsWith('type '));
}

function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(IMPORT)].map(([, type, clause, path]) => ({
    from: relative('src', file),
    to: relative(join(root, 'src'), resolve(root, dirname(file), path!)).replace(/\.js$/, '.ts'),
    typeOnly: type !== undefined || (clause !== undefined && namesTypesAlone(clause)),
  }));
}

const imports = below('src', /(?<!\.d)\.ts$/).flatMap((file) => importsOf(file, read(file)));

/** What the public face stands on. */
const BELOW_THE_FACE = [
  'base',
  'limits',
  'http',
  'engine',
  'balance',
  'routing',
  'health',
  'config',
  'config terms',
  'filter kinds',
  'exchange',
  'codec',
  'worker',
  'primary',
  'explain',
];

/**
 * What a folder may import, itself aside. The order is that of the design: base below everything, the command line on
 * top. The file beside the folders (`index.ts`) is the public face, over everything but the command line.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  engine: ['base'],
  limits: ['base'],
  http: ['base'],
  balance: ['base'],
  routing: ['base', 'http'],
  health: ['base', 'http', 'balance', 'observe'],
  'config terms': ['base', 'http', 'routing'],
  'filter kinds': ['base', 'http', 'routing', 'config terms'],
  config: ['base', 'http', 'balance', 'health', 'routing', 'config terms', 'filter kinds'],
  exchange: ['base', 'http', 'engine', 'balance', 'routing', 'limits'],
  filters: ['base', 'http', 'engine', 'routing', 'limits', 'filter kinds', 'exchange'],
  observe: ['base', 'http', 'engine', 'exchange'],
  codec: ['base', 'http', 'engine', 'balance', 'routing', 'exchange'],
  worker: ['base', 'http', 'engine', 'balance', 'routing', 'limits', 'exchange', 'filters', 'codec', 'observe'],
  explain: [
    'base',
    'http',
    'engine',
    'balance',
    'routing',
    'config',
    'config terms',
    'filter kinds',
    'exchange',
    'codec',
    'worker',
  ],
  primary: [
    'base',
    'limits',
    'http',
    'engine',
    'balance',
    'routing',
    'health',
    'config',
    'config terms',
    'filter kinds',
    'exchange',
    'codec',
    'worker',
    'observe',
  ],
  '.': BELOW_THE_FACE,
  admin: [...BELOW_THE_FACE, 'observe'],
  cli: [...BELOW_THE_FACE, 'observe', 'admin', '.'],
};

/**
 * Files that are a layer of their own inside their folder. `filter kinds` is what is not run: how filters are written, checked, planned
 * and described. `config terms` is what a schema and its checks are made of, those of filters too.
 */
const LAYERS: readonly (readonly [layer: string, file: RegExp])[] = [
  [
    'config terms',
    /^config\/(schema\/(build|field-name)|environment|foreign-variables|page-files|regex|scope|units)\.ts$/,
  ],
  ['filter kinds', /^filters\/(kind|registry|parts\/[^/]+|[^/]+\/(config|plan|describe))\.ts$/],
];

/** The folder of a file, or the layer it is a part of. */
const folderOf = (file: string): string =>
  LAYERS.find(([, pattern]) => pattern.test(file))?.[0] ??
  (file.includes('/') ? file.slice(0, file.indexOf('/')) : '.');

/** Imports that lead from a folder to one above it. */
function arrowsBack(all: readonly Import[]): string[] {
  const back = all.filter(({ from, to }) => {
    const [own, other] = [folderOf(from), folderOf(to)];
    if (own === other) return false;
    assert.ok(MAY_IMPORT[own], `${own} is new: say in MAY_IMPORT what it may import, and who may import it`);
    return !MAY_IMPORT[own].includes(other);
  });
  return [...new Set(back.map(({ from, to }) => `${from} -> ${to}`))].sort();
}

/** Files from which a way of imports by value leads back to themselves. */
function inCycles(all: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to, typeOnly } of all) if (!typeOnly) next.set(from, [...(next.get(from) ?? []), to]);
  const leadsBack = (file: string): boolean => {
    const seen = new Set<string>();
    const left = [...(next.get(file) ?? [])];
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      if (at === file) return true;
      if (seen.has(at)) continue;
      seen.add(at);
      left.push(...(next.get(at) ?? []));
    }
    return false;
  };
  return [...next.keys()].filter(leadsBack).sort();
}

/** What programs import, threads run, and Node loads as hooks. */
const PUBLIC = ['src/index.ts', 'src/worker/thread.ts', 'src/config/module-hooks.ts'];

/** Functions, classes and values that a file exports. Types are left out: declarations name some that no file imports. */
const EXPORTED = /^export (?:async )?(?:function\*?|class|const|let) (\w+)/gm;

/** A line for each export that no other file imports, of `files` by their paths. */
function unusedExports(files: ReadonlyMap<string, string>): string[] {
  const used = new Set<string>();
  for (const [file, text] of files) {
    for (const [, , clause = '*', path] of text.matchAll(IMPORT)) {
      const from = relative(root, resolve(root, dirname(file), path!)).replace(/\.js$/, '.ts');
      // With `* as name`, and without names, all of it counts as used.
      for (const name of clause.match(/\w+|\*/g) ?? []) used.add(`${from}#${name}`);
    }
  }
  return [...files].flatMap(([file, text]) => {
    if (!file.startsWith('src/') || PUBLIC.includes(file) || used.has(`${file}#*`)) return [];
    return [...text.matchAll(EXPORTED)].map(([, name]) => `${file}#${name}`).filter((name) => !used.has(name));
  });
}

/** Not the field's words. Beside each, what to say instead. */
const BANNED: readonly { word: string; pattern: RegExp; say: string }[] = [
  { word: 'goodbye', pattern: /\bgoodbye/i, say: 'drain, shutdown, close_notify' },
  { word: 'whoever', pattern: /\bwhoever\b/i, say: 'the component itself' },
  { word: 'lives by', pattern: /\bliv(?:e|es|ed|ing) by\b/i, say: 'applies' },
  { word: 'is told', pattern: /\b(?:is|are|was|were|been|being) told\b/i, say: 'is reported, gets, logs' },
  { word: 'hears of', pattern: /\bhears? of\b/i, say: 'gets the event, learns' },
  { word: 'tells of', pattern: /\btells? of\b/i, say: 'reports' },
  { word: 'twin', pattern: /\btwins?\b/i, say: 'duplicate, copy' },
  { word: 'hasty', pattern: /hasty/i, say: 'stale reuse' },
  { word: 'nobody', pattern: /\bnobody\b/i, say: 'no client, no server, no worker' },
  { word: 'conflict marker', pattern: /^[<>]{7} /m, say: 'one of the two versions' },
];

/** One entry for each file and banned word in it. */
function bannedWords(file: string, text: string): string[] {
  return BANNED.filter(({ pattern }) => pattern.test(text)).map(({ word }) => `${file}: ${word}`);
}

test('imports follow the order of the folders', () => {
  assert.deepEqual(arrowsBack(imports), [], 'move what both need to the lower folder, or turn the dependency around');
});

test('no file imports itself by way of others', () => {
  assert.deepEqual(inCycles(imports), [], 'pass in what is needed, or move it to a third file');
});

test('what is exported is used by another file', () => {
  const files = ['src', 'test', 'bench'].flatMap((folder) => below(folder, /(?<!\.d)\.ts$/));
  assert.deepEqual(
    unusedExports(new Map(files.map((file) => [file, read(file)]))),
    [],
    'take `export` away, or what is exported if nothing uses it',
  );
});

test('the prose uses the words of the field', () => {
  const files = [
    'README.md',
    'CHANGELOG.md',
    ...below('docs', /\.md$/),
    ...below('src', /\.(?:ts|md)$/),
    ...below('native', /\.[ch]$/),
  ];
  const says = BANNED.map(({ word, say }) => `${word} (${say})`).join('; ');
  assert.deepEqual(
    files.flatMap((file) => bannedWords(file, read(file))),
    [],
    `say it otherwise: ${says}`,
  );
});

test('each state machine of a connection, an exchange or an attempt has one writer', () => {
  const writers = ['exchange', 'codec', 'worker', 'filters', 'explain']
    .flatMap((folder) => below(`src/${folder}`, /\.ts$/))
    .filter((file) => /\.(?:state|stage) = (?!new )/.test(read(file)));
  assert.deepEqual(writers, [
    'src/exchange/attempt.ts',
    'src/exchange/exchange.ts',
    'src/codec/connections.ts',
    'src/codec/h2/stream.ts',
  ]);
  for (const file of writers) {
    const text = read(file);
    const writes = text.match(/\.(?:state|stage) = /g)!.length;
    assert.equal(writes, text.match(/^ {2}to\(st\w+: number\): void \{$/gm)?.length, `${file}: only to() writes`);
  }
});

test('one file of the engine asks the kernel for anything of a socket', () => {
  const call =
    /\b(?:epoll_\w+|socket|connect|accept4?|shutdown|recv(?:msg)?|send(?:msg|to)?|[gs]etsockopt|getsockname|getpeername|ioctl)\(/;
  const code = (file: string): string => read(file).replace(/\/\*.*?\*\/|"[^"\n]*"/gs, '');
  const callers = below('native', /\.[ch]$/).filter((file) => call.test(code(file)));
  // The others need no engine: they open listening sockets, accept on the loop of the primary, set options of either, notify the
  // service manager, and send lines of logs.
  assert.deepEqual(callers, [
    'native/datagram.c',
    'native/handoff_acceptor.c',
    'native/io_epoll.c',
    'native/keep_alive.c',
    'native/listener.c',
    'native/service_notify.c',
  ]);
});

test('the guard itself finds what it looks for', () => {
  const text = [
    "import { a } from '../worker/b.js';",
    "import type { c } from '../cli/d.js';",
    "import {\n  type E,\n  type F,\n} from './g.js';",
    "import { type H, i } from './j.js';",
    "export * from '../base/k.js';",
  ].join('\n');
  const found = importsOf('src/http/x.ts', text);
  assert.deepEqual(
    found.map(({ to, typeOnly }) => `${to}${typeOnly ? ' (types)' : ''}`),
    ['worker/b.ts', 'cli/d.ts (types)', 'http/g.ts (types)', 'http/j.ts', 'base/k.ts'],
  );
  assert.deepEqual(arrowsBack(found), ['http/x.ts -> cli/d.ts', 'http/x.ts -> worker/b.ts']);
  const value = (from: string, to: string): Import => ({ from, to, typeOnly: false });
  const types = { ...value('c', 'a'), typeOnly: true };
  assert.deepEqual(inCycles([value('a', 'b'), value('b', 'c'), types]), []);
  assert.deepEqual(inCycles([value('a', 'b'), value('b', 'c'), value('c', 'b')]), ['b', 'c']);
  const files = [
    ['src/a.ts', 'export const b = 1;\nexport async function c() {}\nexport class D {}\nexport type E = 1;'],
    ['test/f.ts', "import { b, type E } from '../src/a.js';"],
  ] as const;
  assert.deepEqual(unusedExports(new Map(files)), ['src/a.ts#c', 'src/a.ts#D']);
  assert.deepEqual(bannedWords('x.ts', '// Who lives by a plan\n is told of its twin. const hastyUntil = 0;'), [
    'x.ts: lives by',
    'x.ts: is told',
    'x.ts: twin',
    'x.ts: hasty',
  ]);
});
