// What the shells complete, as bash does it, and the scripts and the man page as their programs read them.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeProgram } from '../../../src/cli/commands.js';
import { completionScript } from '../../../src/cli/completion.js';
import { scratchDirectory } from '../../support/addresses.js';

const program = makeProgram();

function scriptFile(shell: 'bash' | 'zsh' | 'fish'): string {
  const file = join(scratchDirectory(), shell);
  writeFileSync(file, completionScript(shell, program));
  return file;
}

test('bash completes commands, flags, values and the commands of ctl', () => {
  const ask = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sevenfold; echo "\${COMPREPLY[*]}"`;
  const file = scriptFile('bash');
  const complete = (...words: string[]): string[] =>
    execFileSync('bash', ['-c', ask, file, 'sevenfold', ...words], { encoding: 'utf8' })
      .trim()
      .split(' ');
  assert.deepEqual(
    complete(''),
    program.commands.map((command) => command.name()),
  );
  assert.deepEqual(complete('run', '--wor'), ['--workers']);
  assert.deepEqual(complete('run', '--mode', ''), ['l7', 'l4']);
  assert.deepEqual(complete('check', '-c', '/etc/hostnam'), ['/etc/hostname']);
  assert.deepEqual(complete('ctl', 'relo'), ['reload']);
  assert.ok(complete('ctl', 'reload', '--').includes('--address'));
  assert.deepEqual(complete('completion', 'f'), ['fish']);
});

test('every shell and the reader of man pages take what is made for them', (t) => {
  const page = fileURLToPath(new URL('../../../docs/sevenfold.1', import.meta.url));
  for (const [command, ...args] of [
    ['bash', '-n', scriptFile('bash')],
    ['zsh', '-n', scriptFile('zsh')],
    ['fish', '--no-execute', scriptFile('fish')],
    ['groff', '-man', '-Tascii', '-ww', '-z', page],
  ] as const) {
    const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (error !== undefined) t.diagnostic(`not installed: ${command}`);
    else assert.deepEqual([command, status, stderr], [command, 0, '']);
  }
});

test('zsh and fish know every command and flag', () => {
  const scripts = (['zsh', 'fish'] as const).map((shell) => completionScript(shell, program));
  for (const command of program.commands) {
    for (const script of scripts) assert.match(script, new RegExp(`\\b${command.name()}\\b`));
    for (const { long } of command.options) {
      assert.ok(scripts[0]!.includes(`*${long}[`), long);
      assert.ok(scripts[1]!.includes(` -l ${long!.slice(2)}`), long);
    }
  }
});
