// What /proc says about processes and cores: CPU time, memory, children.
// Owns the reading of these files; what the figures mean is measure.ts and verdict.ts.
import { readdirSync, readFileSync } from 'node:fs';

/** Linux reports CPU time to user space in hundredths of a second on every architecture we run on. */
const TICK_US = 10_000;

/** CPU time in microseconds. */
export interface CpuTime {
  readonly userUs: number;
  readonly systemUs: number;
}

/** Time of one core since boot, in microseconds. `stolen` is what a hypervisor took away; it is part of `busy`. */
export interface CoreTime {
  readonly busyUs: number;
  readonly stolenUs: number;
  readonly totalUs: number;
}

/** `pid` and all its descendants that live now; a process that ends while we look is left out. */
export function processTree(pid: number): number[] {
  const found = [pid];
  for (let at = 0; at < found.length; at++) {
    for (const task of listed(`/proc/${found[at]}/task`)) {
      const children = readOr(`/proc/${found[at]}/task/${task}/children`, '');
      for (const child of children.split(' ')) if (child.trim() !== '') found.push(Number(child));
    }
  }
  return found;
}

/**
 * CPU time of `pid` and its living descendants: all threads, master and workers alike.
 * Throws when `pid` itself is gone: a figure for a dead proxy would read as "free".
 */
export function treeCpu(pid: number): CpuTime {
  let userUs = 0;
  let systemUs = 0;
  for (const member of processTree(pid)) {
    const fields = statFields(member);
    if (fields === undefined) {
      if (member === pid) throw new Error(`process ${pid} is gone: its CPU time cannot be read`);
      continue;
    }
    userUs += Number(fields[11]) * TICK_US;
    systemUs += Number(fields[12]) * TICK_US;
  }
  return { userUs, systemUs };
}

/** Resident memory of `pid` and its living descendants, in bytes. Pages they share are counted once for each. */
export function treeRssBytes(pid: number): number {
  let bytes = 0;
  for (const member of processTree(pid)) {
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(readOr(`/proc/${member}/status`, ''));
    bytes += Number(match?.[1] ?? 0) * 1024;
  }
  return bytes;
}

/** CPU time of all children of this process that have ended and been waited for: exact, because the kernel adds it up. */
export function endedChildrenCpu(): CpuTime {
  const fields = statFields(process.pid)!;
  return { userUs: Number(fields[13]) * TICK_US, systemUs: Number(fields[14]) * TICK_US };
}

/** Times of every core, by core number. */
export function coreTimes(): Map<number, CoreTime> {
  return parseCoreTimes(readFileSync('/proc/stat', 'utf8'));
}

/** The per-core lines of /proc/stat. Guest time is inside user time already, so it is not added again. */
export function parseCoreTimes(text: string): Map<number, CoreTime> {
  const cores = new Map<number, CoreTime>();
  for (const line of text.split('\n')) {
    const match = /^cpu(\d+) (.+)$/.exec(line);
    if (match === null) continue;
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, stolen = 0] = match[2]!
      .trim()
      .split(/\s+/)
      .map((ticks) => Number(ticks) * TICK_US);
    const busyUs = user + nice + system + irq + softirq + stolen;
    cores.set(Number(match[1]), { busyUs, stolenUs: stolen, totalUs: busyUs + idle + wait });
  }
  return cores;
}

/** Fields of /proc/PID/stat after the command name, which may itself contain spaces and parentheses. */
function statFields(pid: number): string[] | undefined {
  const text = readOr(`/proc/${pid}/stat`, '');
  if (text === '') return undefined;
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

function listed(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
