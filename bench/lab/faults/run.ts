// One contestant, three origins, a steady load, and one fault after the other.
// Owns the order of events. Leaves the record's meaning to figures.ts.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Contestant, start } from './contestants.js';
import { type Figures, figuresOf } from './figures.js';
import { Load } from './load.js';
import type { Fault as OriginFault } from './origin.js';

/** What is done to one of the three servers. */
export const FAULTS = {
  kill: 'killed (SIGKILL), then started again',
  freeze: 'frozen (SIGSTOP), then let go on',
  slow: 'answers 400 ms late',
  errors: 'answers 500 to everything',
  closes: 'closes kept connections at random moments',
  resets: 'resets every answer in the middle of its body',
  refuses: 'refuses connections, then listens again',
} as const;
export type FaultName = keyof typeof FAULTS;

/** How long things take, in milliseconds. */
export interface Schedule {
  /** Load before the fault. */
  warmUpMs: number;
  /** The fault. */
  faultMs: number;
  /** Longest wait for the server's return after it. */
  returnMs: number;
}

const ORIGIN = fileURLToPath(new URL('./origin.ts', import.meta.url));
const NAMES = ['a', 'b', 'c'];
/** The one that gets the faults. */
const VICTIM = 1;

export interface Place {
  host: string;
  port: number;
}

/** Puts one contestant under every fault in `faults`. `place` gives a free address per call. */
export async function runFaults(
  which: Contestant,
  faults: readonly FaultName[],
  schedule: Schedule,
  place: () => Place,
  onFigures: (fault: FaultName, figures: Figures) => void,
): Promise<void> {
  const places = NAMES.map(place);
  const origins = await Promise.all(NAMES.map((name, i) => startOrigin(places[i]!, name)));
  try {
    const proxy = await start(
      which,
      place(),
      places.map(({ host, port }) => `${host}:${port}`),
    );
    try {
      for (const fault of faults) {
        const figures = await runFault(proxy.url, fault, schedule, origins, () => startOrigin(places[VICTIM]!, 'b'));
        onFigures(fault, figures);
      }
    } finally {
      await proxy.stop();
    }
  } finally {
    for (const origin of origins) origin.kill('SIGKILL');
  }
}

async function runFault(
  url: string,
  fault: FaultName,
  schedule: Schedule,
  origins: ChildProcess[],
  startAgain: () => Promise<ChildProcess>,
): Promise<Figures> {
  const load = new Load(url);
  const name = NAMES[VICTIM]!;
  const answersAgain = (sinceMs: number) =>
    load.seen.some((one) => one.startMs >= sinceMs && one.origin === name && one.failure === null);
  // The server may still be on its way back from the fault before.
  await until(() => answersAgain(0), schedule.returnMs);
  await wait(schedule.warmUpMs);
  const fromMs = load.nowMs;
  await begin(fault, origins);
  await wait(schedule.faultMs);
  const healedMs = load.nowMs;
  await end(fault, origins, startAgain);
  await until(() => answersAgain(healedMs), schedule.returnMs);
  await load.stop();
  return figuresOf(load.seen, { fromMs, healedMs }, name);
}

async function begin(fault: FaultName, origins: ChildProcess[]): Promise<void> {
  const victim = origins[VICTIM]!;
  if (fault === 'kill') {
    victim.kill('SIGKILL');
    await once(victim, 'exit');
  } else if (fault === 'freeze') {
    victim.kill('SIGSTOP');
  } else {
    await tell(victim, fault);
  }
}

async function end(fault: FaultName, origins: ChildProcess[], startAgain: () => Promise<ChildProcess>): Promise<void> {
  if (fault === 'kill') origins[VICTIM] = await startAgain();
  else if (fault === 'freeze') origins[VICTIM]!.kill('SIGCONT');
  else await tell(origins[VICTIM]!, 'none');
}

async function tell(origin: ChildProcess, fault: OriginFault): Promise<void> {
  const done = once(origin, 'message');
  origin.send(fault);
  await done;
}

async function startOrigin({ host, port }: Place, name: string): Promise<ChildProcess> {
  const origin = fork(ORIGIN, [host, String(port), name], { execArgv: ['--import', 'tsx'] });
  await once(origin, 'message');
  return origin;
}

async function until(reached: () => boolean, atMostMs: number): Promise<void> {
  const end = performance.now() + atMostMs;
  while (!reached() && performance.now() < end) await wait(20);
}
