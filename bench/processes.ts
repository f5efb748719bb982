// Starts, pins, awaits and stops the processes of a benchmark, and leaves none behind.
// Knows nothing about what they are; contestants/ and origins.ts do.
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

const START_MS = 15_000;
const STOP_MS = 5_000;
const OUTPUT_MAX = 16_384;

export interface ProcessPlan {
  /** How messages name it. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Cores it may run on, as `taskset -c` writes them (`0`, `0-2`, `1,3`); undefined leaves it to the kernel. */
  readonly cores?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** Ready once this text appears on its standard output, or once something accepts on this loopback port. */
  readonly ready?: { readonly text: string } | { readonly port: number };
}

export interface StartedProcess {
  readonly pid: number;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** The last 16 KiB of what it wrote, both streams. */
  output(): string;
  /** Lines of standard output, as they come, from now on. */
  onLine(listener: (line: string) => void): void;
  signal(name: NodeJS.Signals): void;
  /** Asks it to end (SIGTERM), and ends it after five seconds. Safe to call twice. */
  stop(): Promise<void>;
}

const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) endGroup(child, 'SIGKILL');
});

/**
 * Starts a process in a group of its own, so that an interrupt at the terminal reaches us first and what was measured
 * can still be printed. Rejects with the last lines it wrote when it ends, or is not ready within 15 seconds.
 */
export async function startProcess(plan: ProcessPlan): Promise<StartedProcess> {
  const pinned = plan.cores !== undefined;
  const child = spawn(
    pinned ? 'taskset' : plan.command,
    [...(pinned ? ['-c', plan.cores!, plan.command] : []), ...plan.args],
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...plan.env },
    },
  );
  living.add(child);
  let output = '';
  let unfinished = '';
  const listeners: Array<(line: string) => void> = [];
  const keep = (text: string): void => {
    output = (output + text).slice(-OUTPUT_MAX);
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    keep(text);
    const lines = (unfinished + text).split('\n');
    unfinished = lines.pop()!;
    for (const line of lines) for (const listener of listeners) listener(line);
  });
  child.stderr.setEncoding('utf8').on('data', keep);
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on('error', (error) => {
      keep(`${error.message}\n`);
      living.delete(child);
      resolve(127);
    });
    child.on('close', (code, signal) => {
      living.delete(child);
      resolve(code ?? signal ?? 1);
    });
  });
  const started: StartedProcess = {
    pid: child.pid ?? -1,
    ended,
    output: () => output,
    onLine: (listener) => listeners.push(listener),
    signal: (name) => child.kill(name),
    stop: () => stopChild(child, ended),
  };
  if (plan.ready !== undefined) await untilReady(plan, started, plan.ready);
  return started;
}

/** Runs a process to its end and gives its standard output. Rejects when it fails, or when `signal` aborts it. */
export async function runProcess(plan: ProcessPlan, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const lines: string[] = [];
  const started = await startProcess(plan);
  started.onLine((line) => lines.push(line));
  const abort = (): void => void started.stop();
  signal?.addEventListener('abort', abort, { once: true });
  const end = await started.ended;
  signal?.removeEventListener('abort', abort);
  signal?.throwIfAborted();
  if (end !== 0) throw new Error(`${plan.name} ended with ${end}: ${lastLines(started.output())}`);
  return lines.join('\n');
}

/** A TCP port of 127.0.0.1 that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the system gave no TCP port on 127.0.0.1');
  return address.port;
}

async function untilReady(
  plan: ProcessPlan,
  started: StartedProcess,
  ready: { text: string } | { port: number },
): Promise<void> {
  const stopWaiting = new AbortController();
  const timer = setTimeout(() => stopWaiting.abort(), START_MS);
  const failed = started.ended.then((end) => {
    throw new Error(`${plan.name} ended with ${end} while starting: ${lastLines(started.output())}`);
  });
  const late = new Promise<never>((_, reject) => {
    stopWaiting.signal.addEventListener('abort', () =>
      reject(new Error(`${plan.name} was not ready after ${START_MS / 1000} s: ${lastLines(started.output())}`)),
    );
  });
  const up =
    'port' in ready
      ? untilAccepting(ready.port, stopWaiting.signal)
      : new Promise<void>((resolve) => {
          started.onLine((line) => line.includes(ready.text) && resolve());
          if (started.output().includes(ready.text)) resolve();
        });
  try {
    await Promise.race([up, failed, late]);
  } catch (error) {
    await started.stop();
    throw error;
  } finally {
    clearTimeout(timer);
    failed.catch(() => {});
    late.catch(() => {});
    if (!stopWaiting.signal.aborted) stopWaiting.abort();
  }
}

/** Resolves once 127.0.0.1:`port` accepts a connection, or when `signal` says that nobody waits any longer. */
async function untilAccepting(port: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const accepted = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('connect', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
      socket.unref();
      socket.on('connect', () => socket.destroy());
    });
    if (accepted) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function stopChild(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (!living.has(child)) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => endGroup(child, 'SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

/** Ends the whole group: a killed master leaves its workers behind otherwise. */
function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already, which is what we wanted.
  }
}

function lastLines(output: string): string {
  const lines = output.trim().split('\n').slice(-5).join(' | ');
  return lines === '' ? 'it wrote nothing' : lines;
}
