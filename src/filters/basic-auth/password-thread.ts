// Compares passwords with bcrypt hashes, one after the other, in a thread of its own: each takes a processor for a tenth of a second.

import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

/** What the thread is asked. */
export interface PasswordQuestion {
  readonly password: string;
  readonly hash: string;
}

parentPort?.on('message', ({ password, hash }: PasswordQuestion) => {
  parentPort!.postMessage(compareSync(password, hash));
});
