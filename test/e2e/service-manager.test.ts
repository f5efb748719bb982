// Under a service manager: what it is notified of, from the start to the end of a drain.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { start as startAnswers } from '../origins/answers.js';
import { scratchDirectory } from '../support/addresses.js';
import type { Child } from '../support/child.js';
import { noReceiver, notifyReceiver } from '../support/notify-receiver.js';
import { run } from '../support/programs.js';
import { standIn, use, useProxy } from '../support/proxy.js';

const skip = standIn ? 'only the product' : noReceiver;

test('ready, fed, reloading, refused, ending: each is notified, in this order', { skip }, async (t) => {
  const receiver = await notifyReceiver(t);
  const origin = await use(t, startAnswers());
  const environment = { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '100000' };
  const spec = { servers: [origin.address], environment, timeouts: { drain: '7s' } };
  const proxy = await useProxy(t, spec);
  await receiver.until(/^READY=1\nSTATUS=ready$/);
  await receiver.until(/^WATCHDOG=1$/);

  await proxy.reload(spec);
  await receiver.until(/^RELOADING=1\nMONOTONIC_USEC=\d+\n/);
  await receiver.until(/^READY=1\nSTATUS=ready$/);

  proxy.process.kill('SIGTERM');
  await receiver.until(/^STOPPING=1\nEXTEND_TIMEOUT_USEC=12000000\n/);
  assert.equal((await proxy.process.exited()).code, 0);
});

test('a refused reload and a manager that is gone are said', { skip }, async (t) => {
  const receiver = await notifyReceiver(t);
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], environment: { NOTIFY_SOCKET: receiver.path } });
  await receiver.until(/^READY=1/);
  const file = proxy.file!;
  writeFileSync(file, 'listeners: []');
  proxy.process.kill('SIGHUP');
  await receiver.until(/^RELOADING=1/);
  await receiver.until(/^READY=1\nSTATUS=the last reload was refused/);
  await said(proxy.process, /was not reloaded/);
  await proxy.stop(); // before its manager

  const environment = { NOTIFY_SOCKET: join(scratchDirectory(), 'nothing') };
  const other = await useProxy(t, { servers: [origin.address], environment });
  await said(other.process, /^sevenfold: the service manager could not be notified \(.*No such file/);
});

/** Waits for a line of standard error, and takes what is there for expected. */
async function said(process: Child, line: RegExp): Promise<void> {
  await process.until(`${line}`, () => (line.test(process.stderr) ? true : undefined));
  process.stderr = '';
}

const analyze = '/usr/bin/systemd-analyze';
test('the unit is as exposed as docs/install.md says', {
  skip: existsSync(analyze) ? false : 'not installed: systemd',
}, async () => {
  const root = new URL('../../', import.meta.url);
  const unit = fileURLToPath(new URL('examples/systemd/sevenfold.service', root));
  const found = /exposure level for sevenfold.service: ([\d.]+ \w+)/.exec(
    await run(analyze, ['security', '--offline=true', unit]),
  );
  const said = /exposure of ([\d.]+) \((\w+)\)/.exec(readFileSync(new URL('docs/install.md', root), 'utf8'))!;
  assert.equal(found?.[1], `${said[1]} ${said[2]}`);
});
