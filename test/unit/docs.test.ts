// What the pages say must be so: links lead somewhere, commands exist, functions and options bear the names given.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../src/config/load.js';
import { compileRoutes } from '../../src/config/routes.js';
import { ENGINE_ERROR, EVENT_KIND, SUBMIT } from '../../src/engine/layout.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const below = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .sort();

const pages = ['README.md', 'CHANGELOG.md', ...below('docs', '.md'), ...below('src', '.md'), ...below('native', '.md')];
const withoutFences = (page: string): string => page.replace(/^```[\s\S]*?^```$/gm, '');
/** What a page shows as code: fenced blocks and inline spans. */
const code = (page: string): string[] =>
  [...page.matchAll(/^```\w*\n([\s\S]*?)^```$|`([^`\n]+)`/gm)].map((match) => match[1] ?? match[2]!);

/** The anchor a heading gets where the pages are read. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
const anchors = (page: string): string[] =>
  [...withoutFences(page).matchAll(/^#+ (.+)$/gm)].map((match) => anchor(match[1]!));

/** The names in the first column of the table under a heading, every name of a cell. */
function firstColumn(page: string, heading: string): string[] {
  const part = page.split(`\n${heading}\n`)[1];
  assert.ok(part !== undefined, `there is a heading '${heading}'`);
  return part
    .split(/\n#/)[0]!
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...line.split('|')[1]!.matchAll(/`(\w+)`/g)].map((match) => match[1]!));
}

test('every link in the pages leads to a file, and to a heading in it', () => {
  const broken: string[] = [];
  for (const path of pages) {
    for (const [, target] of withoutFences(read(path)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue;
      const [file, heading] = target!.split('#');
      const to = file === '' ? path : join(dirname(path), file!);
      const isThere = existsSync(join(root, to));
      if (!isThere || (heading !== undefined && !anchors(read(to)).includes(heading)))
        broken.push(`${path}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('every make target the pages name is one that make help lists', () => {
  const targets = execFileSync('make', ['-s', 'help'], { cwd: root, encoding: 'utf8' });
  const unknown = pages.flatMap((path) =>
    code(read(path))
      .flatMap((text) => [...text.matchAll(/\bmake ([a-z][a-z-]*)/g)].map((match) => match[1]!))
      .filter((name) => !new RegExp(`^ *make ${name}\\s`, 'm').test(targets))
      .map((name) => `${path}: make ${name}`),
  );
  assert.deepEqual(unknown, []);
});

test('every command and flag of sevenfold that the pages name is in its help', () => {
  const main = ['--import', 'tsx', 'src/cli/main.ts'];
  const help = execFileSync(process.execPath, [...main, '--help'], { cwd: root, encoding: 'utf8' });
  const sources = [...below('src/cli', '.ts'), 'bench/options.ts'].map(read).join('\n');
  const unknown: string[] = [];
  for (const path of pages) {
    for (const text of code(read(path))) {
      for (const [, name] of text.matchAll(/^(?:node dist\/cli\/main\.js|sevenfold) ([a-z]+)/gm)) {
        if (name !== 'ready' && !new RegExp(`^  ${name} `, 'm').test(help)) unknown.push(`${path}: sevenfold ${name}`);
      }
      // Flags of other programs, those of the laboratory among them, are not ours.
      const ours = text.replace(
        /^(?:node --import|make bench-|taskset|openssl|curl|apt-get|systemctl|docker)\b.*$/gm,
        '',
      );
      for (const [flag] of ours.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)) {
        if (!new RegExp(`'[^']*${flag}[ ']`).test(sources)) unknown.push(`${path}: ${flag}`);
      }
    }
  }
  assert.deepEqual(unknown, []);
});

test('every function and file that a LIFECYCLE.md names is in the code', () => {
  const pagesOfLife = [...below('src', 'LIFECYCLE.md'), ...below('native', 'LIFECYCLE.md')];
  assert.ok(pagesOfLife.includes('native/LIFECYCLE.md') && pagesOfLife.length >= 5, pagesOfLife.join());
  const page = pagesOfLife.map(read).join('\n');
  const files = [...below('src', '.ts'), ...below('native', '.c'), ...below('native', '.h')];
  const sources = files.map(read).join('\n');
  const engine = below('native', '.c').map(read).join('\n');
  const names = [...page.matchAll(/`(#?\w+)\(\)`/g)].map((match) => match[1]!);
  assert.ok(names.length > 40, `${names.length} functions are named`);
  const isDefined = (name: string): boolean =>
    new RegExp(`function ${name}\\(|^  (?:static |readonly )?${name}(?:\\(| = )`, 'm').test(sources) ||
    new RegExp(`^[A-Za-z][\\w *]*\\b${name}\\(`, 'm').test(engine);
  assert.deepEqual(
    names.filter((name) => !isDefined(name)),
    [],
  );
  const flags = [...page.matchAll(/`(SF__\w+)`/g)].map((match) => match[1]!);
  const header = read('native/internal.h');
  assert.deepEqual(
    flags.filter((flag) => !new RegExp(`\\b${flag} = `).test(header)),
    [],
  );
  const mentioned = [...page.matchAll(/`([\w/-]+\.(?:ts|c|h))`/g)].map((match) => match[1]!);
  assert.deepEqual(
    mentioned.filter((name) => !files.some((file) => file.endsWith(`/${name}`))),
    [],
  );
});

test('docs/architecture.md lists the words of the engine as layout.ts declares them', () => {
  const page = read('docs/architecture.md');
  assert.deepEqual(firstColumn(page, '### Submissions'), Object.keys(SUBMIT));
  assert.deepEqual(firstColumn(page, '### Events'), Object.keys(EVENT_KIND));
  const errors = page.split('\n### Errors\n\n')[1]!.split('\n\n')[0]!;
  const listed = [...errors.slice(errors.indexOf(':')).matchAll(/`(\w+)`/g)].map((match) => match[1]!);
  assert.deepEqual(listed, Object.keys(ENGINE_ERROR));
});

test('docs/operations.md lists every field of the report, and no other', () => {
  const fieldsOf = (source: string, from: RegExp): string[] => {
    const body = source.slice(source.search(from)).match(/return \{([\s\S]*?)\n? *\};/)![1]!;
    return [...body.matchAll(/(?:^|,)\s*(\w+)(?=[:,\s]|$)/g)].map((match) => match[1]!);
  };
  const worker = fieldsOf(read('src/worker/report.ts'), /^export function reportOf/m);
  const heap = fieldsOf(read('src/worker/thread.ts'), /^function heap\(\)/m);
  assert.deepEqual(firstColumn(read('docs/operations.md'), '## The report').sort(), [...worker, ...heap].sort());
  const fields = [...read('src/primary/report.ts').matchAll(/^ {2}readonly (\w+):/gm)].map((match) => match[1]!);
  assert.deepEqual(firstColumn(read('docs/operations.md'), '### Pools and servers').sort(), fields.sort());
});

test('every limit and timeout the pages name is an option', () => {
  const reference = read('docs/configuration.md');
  const headings = [...reference.matchAll(/^#+ `(?:.*\.)?(limits|timeouts)`$/gm)];
  const known = headings.flatMap(([heading, section]) =>
    firstColumn(reference, heading).map((option) => `${section}.${option}`),
  );
  assert.ok(known.includes('limits.slabBytes') && known.includes('timeouts.backendRequest'), known.join(', '));
  const unknown = pages.flatMap((path) =>
    [...read(path).matchAll(/`((?:limits|timeouts)\.\w+)`/g)]
      .map((match) => match[1]!)
      .filter((name) => !known.includes(name))
      .map((name) => `${path}: ${name}`),
  );
  assert.deepEqual(unknown, []);
});

test('the configuration in README.md is one that runs', () => {
  const [, text] = read('README.md').match(/^```yaml\n([\s\S]*?)^```$/m)!;
  const { routes, warnings } = compileRoutes(parseConfig(text!, 'README.md'));
  assert.equal(routes.rules.length, 2);
  assert.deepEqual(warnings, []);
});
