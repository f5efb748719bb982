// The service manager's end of sd_notify(3): a datagram socket, which Node has none of, read by Python.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { scratchDirectory } from './addresses.js';
import { Child } from './child.js';

const PROGRAM = `
import json, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('"bound"', flush=True)
while True:
    print(json.dumps(receiver.recv(4096).decode()), flush=True)
`;

/** Why a test that needs one skips; false when it can run. */
export const noReceiver: string | false = existsSync('/usr/bin/python3') ? false : 'not installed: python3';

/** A receiver of notifications. */
export async function notifyReceiver(
  t: TestContext,
): Promise<{ path: string; until: (text: RegExp) => Promise<void> }> {
  const path = join(scratchDirectory(), 'notify');
  const child = new Child('/usr/bin/python3', ['-c', PROGRAM, path]);
  t.after(() => child.kill('SIGKILL'));
  let from = 0;
  const until = (wanted: RegExp): Promise<void> =>
    child.until(`${wanted}`, () => {
      const lines = child.stdout.split('\n').slice(0, -1);
      const at = lines.findIndex((line, index) => index >= from && wanted.test(JSON.parse(line) as string));
      if (at < 0) return undefined;
      from = at + 1;
      return true;
    }) as Promise<unknown> as Promise<void>;
  await until(/^bound$/);
  return { path, until };
}
