// Writes the reference page of the configuration from the schema itself.
// Owns the layout of the page. Leaves every fact to the schema: what it does not say cannot be on the page.

import { z } from 'zod';
import { references } from './schema/build.js';
import { schema } from './schema.js';

const INTRODUCTION = `# Configuration

<!-- Generated from src/config/schema.ts by \`make generate\`. Do not edit. -->

A configuration is one file: YAML (\`.yaml\`, \`.yml\`), JSON (\`.json\`), or a module (\`.ts\`, \`.mts\`, \`.js\`, \`.mjs\`) whose
default export is the configuration. Every key is checked: an unknown one is an error that names the nearest known key.
\`sevenfold check -c FILE\` reports all problems at once, each with file, line and column.

\`\`\`yaml
# yaml-language-server: $schema=./node_modules/sevenfold/docs/sevenfold.schema.json
listeners:
  - address: :8080
routes:
  - hostnames: [shop.example.com]
    rules:
      - matches: [{ path: { value: /images } }]
        pool: images
      - pool: api
pools:
  api: { servers: [{ address: 10.0.0.11:3000 }, { address: 10.0.0.12:3000 }] }
  images: { servers: [{ address: unix:/run/images.sock }] }
\`\`\`

**Durations** are a number and a unit, \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`: \`500ms\`, \`10s\`, \`1.5m\`; or several:
\`1h30m\`, \`1s200ms\`; or \`0\`; at most \`30d\`.
**Sizes** are a number and a unit, \`B\`, \`KiB\`, \`MiB\` or \`GiB\`: \`16KiB\`; or a plain count of bytes.
**Texts** that look like a number or like \`true\` need quotes in YAML: \`value: "2"\`.

**Variables of the environment** can stand in every value, whatever its kind and the form of the file: \`\${NAME}\`, or
\`\${NAME:-default}\` for a variable that may be unset or empty. They are filled in when the file is read. A process keeps the
environment it was started with, so a reload fills in the same values. A variable that is not set is a mistake with file, line and column.
\`$\${\` stands for a plain \`\${\`. In values of headers, the names that are filled in for each request, such as
\`\${clientAddress}\`, come before variables of the environment of the same name. Keys, and whole lists or maps, cannot come
from a variable; files that a configuration names are not searched for them. Inside \`{ }\` and \`[ ]\` of YAML, quotes are needed: \`{ address: "\${HOST}:3000" }\`.

In TypeScript, \`defineConfig\` types the whole configuration; a pool that does not exist is a type error in the editor:

\`\`\`ts
import { defineConfig } from 'sevenfold';

export default defineConfig({
  listeners: [{ address: ':8080' }],
  routes: [{ rules: [{ pool: 'api' }] }],
  pools: { api: { servers: [{ address: '10.0.0.11:3000' }] } },
});
\`\`\`

Where requests would go can be asked without any socket: on the command line with \`sevenfold explain\`, \`routes\`,
\`test\` and \`diff\`, and in any test runner:

\`\`\`ts
import { compile, loadConfig } from 'sevenfold';

const router = compile(await loadConfig('shop.yaml'));
const { rule, pools } = router.match({ method: 'GET', url: 'http://shop.example.com/images/cat.png' });
assert.deepEqual(pools, [{ pool: 'images', share: 1 }]);
\`\`\`
`;

/** A map of the schema with the path that leads to it. */
interface Section {
  readonly path: string;
  readonly says: string;
  readonly map: z.ZodObject;
}

/** The whole page, as Markdown. */
export function referencePage(): string {
  const sections: Section[] = [];
  collect(schema, '', 'A configuration has these sections.', sections, new Set());
  return `${INTRODUCTION}\n${sections.map(sectionText).join('\n')}`;
}

/** Adds the section of a map, then those of the maps inside it, in the order of the schema. Equal maps come once. */
function collect(map: z.ZodObject, path: string, says: string, sections: Section[], seen: Set<z.ZodObject>): void {
  if (seen.has(map)) return;
  seen.add(map);
  sections.push({ path, says, map });
  for (const [key, value] of Object.entries(map.shape)) {
    if (!(value instanceof z.ZodType)) continue;
    const inner = innermost(value);
    const steps = path === '' ? key : `${path}.${key}`;
    for (const { map: part, suffix, says } of mapsIn(inner)) {
      collect(part, `${steps}${suffix}`, says ?? value.description ?? '', sections, seen);
    }
  }
}

/** A map inside a value, what its path adds to the value's (`[]` for list items, `.NAME` for chosen names), and its own words. */
interface Part {
  readonly map: z.ZodObject;
  readonly suffix: string;
  readonly says: string | undefined;
}

function mapsIn(value: z.ZodType): Part[] {
  if (value instanceof z.ZodObject) return [{ map: value, suffix: '', says: undefined }];
  if (value instanceof z.ZodArray && value.element instanceof z.ZodType) {
    return mapsIn(innermost(value.element)).map((part) => ({ ...part, suffix: `[]${part.suffix}` }));
  }
  if (value instanceof z.ZodRecord && value.valueType instanceof z.ZodType) {
    return mapsIn(innermost(value.valueType)).map((part) => ({ ...part, suffix: `.NAME${part.suffix}` }));
  }
  if (value instanceof z.ZodDiscriminatedUnion) {
    return value.options.flatMap((option) => {
      if (!(option instanceof z.ZodObject)) return [];
      const { type } = option.shape;
      const says = type instanceof z.ZodType ? type.description : undefined;
      return [{ map: option, suffix: ` (${literalOf(type)})`, says }];
    });
  }
  return [];
}

function literalOf(value: unknown): string {
  return value instanceof z.ZodLiteral ? String(value.value) : '';
}

/** The schema inside `optional` and `prefault`. */
function innermost(value: z.ZodType): z.ZodType {
  if ((value instanceof z.ZodOptional || value instanceof z.ZodPrefault) && value.unwrap() instanceof z.ZodType) {
    const inner = value.unwrap();
    return inner instanceof z.ZodType ? innermost(inner) : value;
  }
  return value;
}

function sectionText({ path, says, map }: Section): string {
  const title = path === '' ? 'Top level' : `\`${path}\``;
  const level = Math.min(5, 2 + (path.match(/\.|\(/g)?.length ?? 0));
  const rows = Object.entries(map.shape).flatMap(([key, value]) =>
    value instanceof z.ZodType ? [row(key, value)] : [],
  );
  return [
    `${'#'.repeat(level)} ${title}`,
    '',
    says,
    '',
    '| option | value | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function row(key: string, value: z.ZodType): string {
  const notes = references.get(value) ?? {};
  const limit = notes.limit ?? limitOf(value);
  const meaning = [
    value.description ?? '',
    notes.zero === undefined ? '' : `0: ${notes.zero}.`,
    limit === undefined ? '' : `Limit: ${limit}.`,
  ];
  return `| \`${key}\` | ${kindOf(value)} | ${defaultOf(value, notes.byDefault)} | ${meaning.filter(Boolean).join(' ')} |`;
}

/** The range that a value, or each item of a list, is held to. */
function limitOf(value: z.ZodType): string | undefined {
  const inner = innermost(value);
  if (!(inner instanceof z.ZodArray)) return references.get(inner)?.limit;
  const each = inner.element instanceof z.ZodType ? limitOf(inner.element) : undefined;
  return each === undefined ? undefined : `each ${each}`;
}

function defaultOf(value: z.ZodType, inWords: string | undefined): string {
  if (inWords !== undefined) return inWords;
  if (value instanceof z.ZodPrefault) return `\`${JSON.stringify(value.def.defaultValue).replaceAll('"', '')}\``;
  return value instanceof z.ZodOptional ? 'none' : 'required';
}

/** The plural of what `kindOf` says: `texts`, `addresses`, but one of a few words stays as it is. */
function manyOf(kind: string): string {
  const parts = kind
    .split(' or ')
    .map((part) => (part.includes('`') ? part : part.endsWith('s') ? `${part}es` : `${part}s`));
  return parts.join(' or ');
}

function kindOf(value: z.ZodType): string {
  const inner = innermost(value);
  if (inner instanceof z.ZodLiteral) return `\`${literalOf(inner)}\``;
  if (inner instanceof z.ZodObject) return 'map';
  if (inner instanceof z.ZodRecord) return 'map';
  if (inner instanceof z.ZodDiscriminatedUnion) return 'map';
  if (inner instanceof z.ZodArray) {
    const item = inner.element instanceof z.ZodType ? kindOf(inner.element) : '';
    return `list of ${manyOf(item)}`;
  }
  return references.get(inner)?.kind ?? '';
}
