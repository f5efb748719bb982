// What the kernel says of processes: who started whom, what their main thread does, what they have open.
// Owns reading /proc. Leaves what to think of it to test/run.ts.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Ticks of the kernel's clock per second, as /proc counts them (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** One process, as it was when it was looked at. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** R runs, S sleeps, D waits for a disk, Z is dead and not waited for. */
  readonly state: string;
  /** Ticks of the processor it has used. */
  readonly ticks: number;
  /** Seconds since it was started. */
  readonly ageSeconds: number;
  /** With its pid it names this process and no later one. */
  readonly startedAt: number;
}

/** The process `pid`, or undefined when it is gone. */
export function processOf(pid: number): Process | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === '') return undefined;
  // The second field is the command in brackets, which may hold anything.
  const [state, parent, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ') as [string, string, ...string[]];
  const startedAt = Number(rest[17]);
  const upSeconds = Number(read('/proc/uptime').split(' ')[0]);
  return {
    pid,
    parent: Number(parent),
    state,
    ticks: Number(rest[9]) + Number(rest[10]),
    ageSeconds: upSeconds - startedAt / TICKS_PER_SECOND,
    startedAt,
  };
}

/** All processes. */
export function allProcesses(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processOf(Number(name)) ?? []);
}

/** The processes below `pid`: its children, and theirs. */
export function descendants(pid: number, all: readonly Process[]): Process[] {
  const children = all.filter(({ parent }) => parent === pid);
  return children.flatMap((child) => [child, ...descendants(child.pid, all)]);
}

/** The value of a variable in the environment a process was started with; '' without it. */
export function variable(pid: number, name: string): string {
  const found = read(`/proc/${pid}/environ`)
    .split('\0')
    .find((line) => line.startsWith(`${name}=`));
  return found?.slice(name.length + 1) ?? '';
}

/** Its command line, or what it made of it. */
export function commandLine(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

/** What the main thread of `before` is about, by what it did since it was looked at, `seconds` ago. */
export function mainThread(before: Process, seconds: number): string {
  const now = processOf(before.pid);
  if (now === undefined) return 'gone';
  const percent = Math.round(((now.ticks - before.ticks) / TICKS_PER_SECOND / seconds) * 100);
  const place = read(`/proc/${now.pid}/wchan`);
  return `state ${now.state}${/^[a-z]/.test(place) ? ` in ${place}` : ''}, ${percent} % of a processor`;
}

/** What it has open beside what every Node has: sockets with their ends, and named files. */
export function openDescriptors(pid: number): string[] {
  const ends = socketEnds();
  const fds = names(`/proc/${pid}/fd`).filter((fd) => Number(fd) > 2);
  return fds.flatMap((fd) => {
    const target = link(`/proc/${pid}/fd/${fd}`);
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode === undefined) return target.startsWith('/') && target !== '/dev/null' ? `${fd}: ${target}` : [];
    const end = ends.get(inode) ?? 'a socket that is closed, or of another kind';
    return end === '' ? [] : `${fd}: ${end}`;
  });
}

const TCP_STATES = ['', 'established', 'SYN sent', 'SYN received', 'FIN wait 1', 'FIN wait 2', 'time wait', 'closed'];
TCP_STATES.push('close wait', 'last ACK', 'listens', 'closing');

/** The ends of the TCP sockets over IPv4, and the paths of unix sockets, by inode; '' for unix sockets without one. */
function socketEnds(): Map<string, string> {
  const ends = new Map<string, string>();
  for (const line of read('/proc/net/tcp').split('\n').slice(1)) {
    const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
    if (inode === undefined) continue;
    const where = `TCP ${endOf(local!)} to ${endOf(remote!)}, ${TCP_STATES[Number.parseInt(state!, 16)]}`;
    ends.set(inode, where.replace(' to 0.0.0.0:0', ''));
  }
  for (const line of read('/proc/net/unix').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields.length > 6) ends.set(fields[6]!, fields[7] === undefined ? '' : `unix socket ${fields[7]}`);
  }
  return ends;
}

/** `0100007F:1F90` as the kernel of a little-endian machine writes 127.0.0.1:8080. */
function endOf(text: string): string {
  const [address, port] = text.split(':') as [string, string];
  const bytes = [...Buffer.from(address, 'hex')].reverse();
  return `${bytes.join('.')}:${Number.parseInt(port, 16)}`;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function link(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
