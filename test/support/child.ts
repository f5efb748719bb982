// One child process under test: its output line by line, its exit, its memory.
// Owns starting, stopping and reading one process. Leaves what the process is to proxy.ts and nginx.ts.

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child {
  stdout = '';
  stderr = '';
  /** It was asked to end. */
  ending = false;
  private ended: Exit | undefined;
  private readonly waiting = new Set<() => void>();
  private readonly child: ChildProcess;

  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', SEVENFOLD_LOG_TIMES: 'never', SEVENFOLD_CHECKS: '1', ...environment },
    });
    running.add(this.child);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.wake();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.wake();
    });
    this.child.once('error', (error) => {
      this.stderr += error.message;
    });
    this.child.once('close', (code, signal) => {
      running.delete(this.child);
      this.ended = { code, signal, stdout: this.stdout, stderr: this.stderr };
      this.wake();
    });
  }

  private wake(): void {
    for (const check of [...this.waiting]) check();
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`the process did not start: ${this.stderr}`);
    return this.child.pid;
  }

  /** How it ended, or undefined while it runs. */
  get exit(): Exit | undefined {
    return this.ended;
  }

  /** Asks `look` after every piece of output and at the exit, until it answers something. */
  until<T>(what: string, look: () => T | undefined, deadlineMs = 20_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        this.waiting.delete(check);
        settle();
      };
      const output = (): string => `stdout: ${JSON.stringify(this.stdout)}, stderr: ${JSON.stringify(this.stderr)}`;
      const check = (): void => {
        const found = look();
        if (found !== undefined) done(() => resolve(found));
        else if (this.ended !== undefined) {
          const how = `code ${this.ended.code}, signal ${this.ended.signal}`;
          done(() => reject(new Error(`no ${what}: the process ended first (${how}); ${output()}`)));
        }
      };
      const timer = setTimeout(() => {
        done(() => reject(new Error(`no ${what} within ${deadlineMs} ms; ${output()}`)));
      }, deadlineMs);
      this.waiting.add(check);
      check();
    });
  }

  /** Waits for the exit. */
  exited(deadlineMs = 20_000): Promise<Exit> {
    return this.until('exit', () => this.ended, deadlineMs);
  }

  kill(signal: NodeJS.Signals): void {
    if (signal === 'SIGTERM' || signal === 'SIGINT' || signal === 'SIGKILL') this.ending = true;
    this.child.kill(signal);
  }
}

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  if (line === null) throw new Error(`process ${pid} has no VmRSS`);
  return Number(line[1]) * 1024;
}

/** Open descriptors of a process. */
export function descriptorCount(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
