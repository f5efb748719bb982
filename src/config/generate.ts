// Writes docs/configuration.md and docs/sevenfold.schema.json, or with --check says which of them is stale.

import { readFileSync, writeFileSync } from 'node:fs';
import { referencePage } from './reference.js';
import { jsonSchema } from './schema.js';

const generated = [
  { file: 'docs/configuration.md', text: referencePage() },
  { file: 'docs/sevenfold.schema.json', text: `${JSON.stringify(jsonSchema(), null, 2)}\n` },
];

for (const { file, text } of generated) {
  const path = new URL(`../../${file}`, import.meta.url);
  if (!process.argv.includes('--check')) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    console.error(`${file} does not match src/config/schema.ts. Run \`make generate\` and commit the result.`);
    process.exitCode = 1;
  }
}
