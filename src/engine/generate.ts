// Writes native/layout.h, or with --check says whether it is stale.

import { readFileSync, writeFileSync } from 'node:fs';
import { layoutHeader } from './layout.js';

const path = new URL('../../native/layout.h', import.meta.url);
const wanted = layoutHeader();

if (process.argv.includes('--check')) {
  if (readFileSync(path, 'utf8') !== wanted) {
    console.error('native/layout.h does not match src/engine/layout.ts. Run `make generate` and commit the result.');
    process.exitCode = 1;
  }
} else {
  writeFileSync(path, wanted);
}
