// Files that change are told once they rest, and not before.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stampOf, TlsWatch } from '../../../src/primary/tls-watch.js';
import { scratchDirectory } from '../../support/addresses.js';

test('a file that is still being written is told when it has rested for one look, once', async (t) => {
  const file = join(scratchDirectory(), 'cert.pem');
  writeFileSync(file, '');
  const use = { files: [file], stamp: stampOf([file]) };
  const WRITES = 5;
  let looks = 0;
  const toldAt: number[] = [];
  await new Promise<void>((resolve) => {
    const watch = new TlsWatch({
      lookMs: 5,
      // Each look finds another file than the one before, until all is written.
      onLook: () => {
        looks++;
        if (looks <= WRITES) writeFileSync(file, 'x'.repeat(looks));
        if (looks === WRITES + 5) resolve();
      },
      onChanged: (which) => {
        assert.equal(which, use);
        toldAt.push(looks);
      },
    });
    t.after(() => watch.stop());
    watch.watch([use]);
    // The watch itself keeps no process alive.
    const alive = setInterval(() => {}, 1000);
    t.after(() => clearInterval(alive));
  });
  assert.deepEqual(toldAt, [WRITES + 1]);
});
