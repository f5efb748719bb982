// Runs test files on Node's own runner, and sees to it that none of them hangs and that nothing of them stays behind.
// Owns how long a file may take, and the end of all processes that tests start. Leaves the tests to node:test.
//
//   node --import tsx test/run.ts FILE...
//
// TEST_FILE_SECONDS=300 (3600 with SEVENFOLD_LONG=1): a file that takes longer is killed with all that it started, and it is said what kept it open.
// The run fails then, and also when a process that a test started is still there once its file has ended.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ANSWERS, ASKS, EXITING, FILE } from './support/open-handles.js';
import {
  allProcesses,
  commandLine,
  descendants,
  mainThread,
  openDescriptors,
  type Process,
  processOf,
  variable,
} from './support/processes.js';

/** Marks all that a run starts. */
const RUN = 'SEVENFOLD_TEST_RUN';
/** Files that a runner tests at a time. */
const CONCURRENCY = 2;
/** A file has so long to say what keeps it open. */
const ANSWER_SECONDS = 2;
/** A runner with nothing left to run has so long to end. */
const IDLE_SECONDS = 60;

const fileSeconds = Number(process.env.TEST_FILE_SECONDS ?? (process.env.SEVENFOLD_LONG === '1' ? 3600 : 300));
if (!(fileSeconds > 0)) {
  process.stderr.write(
    `test/run: TEST_FILE_SECONDS=${process.env.TEST_FILE_SECONDS} is no number of seconds above 0.\n`,
  );
  process.exit(2);
}

const answers = mkdtempSync(join(tmpdir(), 'sevenfold-answers-'));
const run = `${process.pid}-${Date.now()}`;
const inFiles = new URL('support/in-file.mjs', import.meta.url).href;
const flags = ['--import', 'tsx', '--import', inFiles, '--test', `--test-concurrency=${CONCURRENCY}`];
const runner = spawn(process.execPath, [...flags, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, [RUN]: run, [ANSWERS]: answers },
});
/** Files that hang, by pid. */
const hanging = new Set<number>();
/** Processes without a file, by pid, with when they were started: so long nothing is said of them. */
const strays = new Map<number, number>();
let failed = false;
let idleSince = performance.now();
let over = false;

function say(...lines: readonly string[]): void {
  process.stderr.write(`test/run: ${lines.join('\n  ')}\n`);
}

/** What a process says of a file, as a person would name it. */
const named = (path: string): string => (path === '' ? 'a test file' : relative(process.cwd(), path));

/** Ends processes at once; those that are gone already are no matter. */
function kill(processes: readonly Process[]): void {
  for (const { pid, startedAt } of processes) {
    if (processOf(pid)?.startedAt === startedAt) process.kill(pid, 'SIGKILL');
  }
}

/** All that this run started and that lives, but for the runner. */
function started(all: readonly Process[]): Process[] {
  return all.filter(({ pid, state }) => state !== 'Z' && pid !== runner.pid && variable(pid, RUN) === run);
}

/** Looks at all processes of the run once. */
function look(): void {
  const all = allProcesses();
  const files = all.filter(({ parent, state }) => parent === runner.pid && state !== 'Z');
  for (const file of files) {
    if (file.ageSeconds < fileSeconds || hanging.has(file.pid)) continue;
    hanging.add(file.pid);
    void endFile(file);
  }
  if (files.length > 0) idleSince = performance.now();
  else if (performance.now() - idleSince > IDLE_SECONDS * 1000) {
    failed = true;
    say(`the runner has no file to run, and does not end; it is killed.`, ...openDescriptors(runner.pid!));
    runner.kill('SIGKILL');
  }
  const below = new Set(descendants(runner.pid!, all).map(({ pid }) => pid));
  const now = started(all).filter(({ pid }) => !below.has(pid) && !files.some((file) => isOf(file, pid)));
  // What is seen twice had time enough to end.
  leftBehind(now.filter(({ pid, startedAt }) => strays.get(pid) === startedAt));
  strays.clear();
  for (const { pid, startedAt } of now) strays.set(pid, startedAt);
}

/** Whether `file` is the one that started process `pid`, though that is no child of it any more. */
function isOf(file: Process, pid: number): boolean {
  return commandLine(file.pid).includes(variable(pid, FILE));
}

/** Says what keeps a file open, and ends it with all that it started. */
async function endFile(file: Process): Promise<void> {
  failed = true;
  const line = commandLine(file.pid);
  const path = line.slice(line.lastIndexOf(' ') + 1);
  process.kill(file.pid, ASKS);
  await wait(ANSWER_SECONDS * 1000);
  const children = descendants(file.pid, allProcesses());
  const lines = [`${named(path)} has not ended within ${fileSeconds} s; it is killed with all that it started.`];
  const answer = answerOf(file.pid);
  if (answer === undefined) {
    const where = line.startsWith(EXITING)
      ? 'It is behind its `exit` event, and Node does not end'
      : 'It does not answer';
    lines.push(`${where}: its main thread is in ${mainThread(file, ANSWER_SECONDS)}. It has open:`);
    lines.push(...openDescriptors(file.pid).map((text) => `  ${text}`));
  } else lines.push('What keeps it open:', ...answer.map((text) => `  ${text}`));
  lines.push(...children.map(({ pid }) => `process ${pid}: ${commandLine(pid).slice(0, 200)}`));
  say(...lines);
  kill([file, ...children]);
}

/** What a file said of itself, line by line. */
function answerOf(pid: number): string[] | undefined {
  try {
    return readFileSync(join(answers, String(pid)), 'utf8').split('\n');
  } catch {
    return undefined;
  }
}

/** Ends processes whose file has ended, and fails the run for them. */
function leftBehind(processes: readonly Process[]): void {
  for (const { pid } of processes) {
    failed = true;
    say(`${named(variable(pid, FILE))} left process ${pid} behind; it is killed: ${commandLine(pid).slice(0, 200)}`);
  }
  kill(processes);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    over = true;
    runner.kill(signal);
  });
}

// As long as a file may take is a multiple of this, so a short limit is kept as well as a long one.
const looks = setInterval(look, Math.min(5000, fileSeconds * 200));
const status = await new Promise<number>((resolve) => {
  runner.once('error', (error) => {
    say(`${process.execPath} cannot be run: ${error.message}`);
    resolve(2);
  });
  runner.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
});
clearInterval(looks);
if (started(allProcesses()).length > 0) {
  // They may be about to end. A run that was broken off leaves its files themselves.
  if (!over) await wait(1000);
  const left = started(allProcesses());
  if (over) kill(left);
  else leftBehind(left);
}
rmSync(answers, { recursive: true, force: true });
process.exitCode = status === 0 && failed ? 1 : status;
