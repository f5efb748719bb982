// Runs the tables of mistakes: each case in mistakes/*.md is a configuration and the exact messages it must cause.
// Owns the format of those files: a heading, the configuration as a code block, the messages as a block `says`.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { formatProblem } from '../../../src/base/problems.js';
import { ConfigError } from '../../../src/config/config-error.js';
import { parseConfig } from '../../../src/config/load.js';

const folder = new URL('./mistakes/', import.meta.url);
const CASE = /^## ([^\n]+)\n\n```(yaml|json)\n(.*?)```\n\n```says\n(.*?)\n?```$/gms;

/** All that loading `text` says, one string. */
function said(text: string, file: string): string {
  try {
    const { warnings } = parseConfig(text, file);
    return warnings.map((warning) => `warning: ${formatProblem(warning)}`).join('\n');
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem).join('\n');
    throw error;
  }
}

for (const name of readdirSync(folder).sort()) {
  const table = readFileSync(new URL(name, folder), 'utf8');
  describe(name, () => {
    const cases = [...table.matchAll(CASE)];
    test('every heading of the file opens a case', () => {
      assert.equal(cases.length, table.match(/^## /gm)?.length);
    });
    for (const [, title, language, text, says] of cases) {
      test(title!, () => assert.equal(said(text!, `shop.${language}`), says));
    }
  });
}
