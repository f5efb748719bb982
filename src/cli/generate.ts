// Writes docs/sevenfold.1, or with --check says that it is stale.

import { readFileSync, writeFileSync } from 'node:fs';
import { makeProgram } from './commands.js';
import { manualPage } from './manual.js';

const path = new URL('../../docs/sevenfold.1', import.meta.url);
const page = manualPage(makeProgram());
if (!process.argv.includes('--check')) writeFileSync(path, page);
else if (readFileSync(path, 'utf8') !== page) {
  console.error('docs/sevenfold.1 does not match the commands in src/cli. Run `make generate` and commit the result.');
  process.exitCode = 1;
}
