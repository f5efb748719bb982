// What keeps a test file open, in its own words. test/run.ts has this loaded into every test file (in-file.mjs).
// Owns the answer to the signal that asks. Leaves when to ask to test/run.ts.

import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, type Server, Socket } from 'node:net';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/** Asks a test file what keeps it open. Nothing else in the tests uses this signal. */
export const ASKS = 'SIGPWR';
/** The directory for answers: each in a file named after the process. */
export const ANSWERS = 'SEVENFOLD_TEST_ANSWERS';
/** Marks all that a test file starts with the path of that file. */
export const FILE = 'SEVENFOLD_TEST_FILE';
/** The title of a test file whose `exit` event is there: behind it no JavaScript runs. */
export const EXITING = 'exiting: ';

const directory = process.env[ANSWERS];
if (isMainThread && directory !== undefined && process.env.NODE_TEST_CONTEXT?.startsWith('child')) {
  const file = process.argv[1] ?? '';
  process.env[FILE] = file;
  process.on(ASKS, () => writeFileSync(join(directory, String(process.pid)), openHandles().join('\n')));
  process.once('exit', () => {
    process.title = `${EXITING}${file}`;
  });
}

/** One line for each thing that keeps this process from ending. */
export function openHandles(): string[] {
  // Not documented, and the one way to the things themselves; getActiveResourcesInfo has their kinds alone.
  const active = (process as unknown as { _getActiveHandles(): object[] })._getActiveHandles();
  const seen = active.filter((handle) => handle !== process.stdout && handle !== process.stderr).map(described);
  const kinds = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (!/^(TCP|TCPServer|Pipe|PipeServer|Process|MessagePort)/.test(kind)) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...seen, ...[...kinds].map(([kind, count]) => `${kind}${count > 1 ? ` (${count})` : ''}`)];
}

function described(handle: object): string {
  if (handle instanceof Socket) {
    const { localAddress, localPort, remoteAddress, remotePort } = handle;
    const ends = remoteAddress === undefined ? '' : ` ${localAddress}:${localPort} to ${remoteAddress}:${remotePort}`;
    const flags = (['destroyed', 'readableEnded', 'writableEnded'] as const).filter((name) => handle[name]);
    return `a socket${ends}${flags.length > 0 ? `, ${flags.join(', ')}` : ''}`;
  }
  if ('spawnargs' in handle) {
    const { pid, spawnargs } = handle as ChildProcess;
    return `child process ${pid}: ${spawnargs.join(' ').slice(0, 200)}`;
  }
  if ('listening' in handle) {
    const address = (handle as Server).address() as AddressInfo | string | null;
    return `a server at ${typeof address === 'string' ? address : `${address?.address}:${address?.port}`}`;
  }
  return handle.constructor.name;
}
