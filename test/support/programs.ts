// Other programs as clients: curl, openssl s_client.

import { execFile } from 'node:child_process';

/** A sanitizer that is preloaded for our engine is none of theirs. */
const { LD_PRELOAD: _, ...rest } = process.env;
export const ENVIRONMENT: NodeJS.ProcessEnv = rest;

/** Runs a program to its end, whatever its exit code; what it said on both streams. Rejects when it is not there. */
export function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: 20_000, env: ENVIRONMENT }, (error, stdout, stderr) => {
      if (error !== null && (error as NodeJS.ErrnoException).code === 'ENOENT') reject(error);
      else resolve(`${stdout}\n${stderr}`);
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
