// Options that several commands share, read from text and checked.

import { InvalidArgumentError, Option } from 'commander';
import { WORKERS_MAX } from '../balance/server-state.js';
import { defaultWorkers } from '../primary/cgroup.js';
import { LOG_LEVELS, type LogLevel } from './events/levels.js';
import { LOG_FORMATS, type LogOptions, type LogTimes } from './log.js';

function readWorkers(text: string): number {
  if (text === 'auto') return defaultWorkers();
  const workers = Number(text);
  if (!/^\d+$/.test(text) || workers < 1 || workers > WORKERS_MAX) {
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${WORKERS_MAX}, or auto.`);
  }
  return workers;
}

type Accept = 'handoff' | 'shared';

/** How workers run: the options of `run` and `demo`. */
interface WorkerOptions {
  workers: number;
  accept: Accept;
  pin: boolean;
}

/** How `run` and `demo` serve. */
export interface ServeOptions extends WorkerOptions {
  log: LogOptions;
}

/** The same as the command line says it. */
export interface ServeFlags {
  workers: number;
  accept: Accept | 'auto';
  pin: boolean;
  logTimes: LogTimes;
  log: LogOptions['format'];
  logLevel: LogLevel;
}

/** What `auto` stands for: with one worker there is no other to choose, and a hand-off costs each connection a wake-up. */
export function serveOptions({ workers, accept, pin, logTimes, log, logLevel }: ServeFlags): ServeOptions {
  return {
    workers,
    accept: accept === 'auto' ? (workers === 1 ? 'shared' : 'handoff') : accept,
    pin,
    log: { times: logTimes, format: log, level: logLevel },
  };
}

export const logOption = (): Option =>
  new Option('--log <format>', 'lines of the log as sentences, or as JSON for programs')
    .choices(LOG_FORMATS)
    .default('text')
    .env('SEVENFOLD_LOG');

export const logLevelOption = (): Option =>
  new Option('--log-level <level>', 'leave out events that matter less')
    .choices(LOG_LEVELS)
    .default('info')
    .env('SEVENFOLD_LOG_LEVEL');

export const logTimesOption = (): Option =>
  new Option('--log-times <when>', 'begin lines with their time (auto: not on a terminal, nor in the journal)')
    .choices(['auto', 'always', 'never'])
    .default('auto')
    .env('SEVENFOLD_LOG_TIMES');

export const workersOption = (): Option =>
  new Option('--workers <n>', 'worker threads: a number, or auto for one per core, as far as the CPU quota goes')
    .argParser(readWorkers)
    .default(defaultWorkers(), 'auto');

export const acceptOption = (): Option =>
  new Option(
    '--accept <mode>',
    'who accepts: the primary, which hands over, or every worker for itself (auto: one worker does)',
  )
    .choices(['auto', 'handoff', 'shared'])
    .default('auto');

export const pinOption = (): Option => new Option('--pin', 'keep each worker on one core').default(false);

/** Collects an option that may be given several times. */
export const collect = (value: string, before: string[]): string[] => [...before, value];
