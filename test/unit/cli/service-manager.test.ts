// What a service manager gets, notification by notification.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { ServiceManager } from '../../../src/cli/service-manager.js';

function managed(environment: NodeJS.ProcessEnv) {
  const sent: string[] = [];
  const failures: string[] = [];
  const manager = new ServiceManager(
    environment,
    (reason) => failures.push(reason),
    (socket, text) => {
      if (socket === '/gone') throw new Error('ENOENT');
      sent.push(text);
    },
  );
  return { manager, sent, failures };
}

test('a reload is announced with its time, and so is how it went', () => {
  const { manager, sent } = managed({ NOTIFY_SOCKET: '/run/systemd/notify' });
  manager.ready(async () => {});
  const before = process.hrtime.bigint() / 1000n;
  manager.reloading();
  manager.reloaded(false);
  manager.reloading();
  manager.reloaded(true);
  manager.stopping(30_000);
  const micros = BigInt(/MONOTONIC_USEC=(\d+)/.exec(sent[1]!)![1]!);
  assert.ok(micros >= before && micros <= process.hrtime.bigint() / 1000n);
  assert.deepEqual(
    sent.map((text) => text.replace(/USEC=\d+/, 'USEC=n').split('\n')),
    [
      ['READY=1', 'STATUS=ready'],
      ['RELOADING=1', 'MONOTONIC_USEC=n', 'STATUS=reloading'],
      ['READY=1', 'STATUS=the last reload was refused; running the configuration before it'],
      ['RELOADING=1', 'MONOTONIC_USEC=n', 'STATUS=reloading'],
      ['READY=1', 'STATUS=ready'],
      ['STOPPING=1', 'EXTEND_TIMEOUT_USEC=n', 'STATUS=draining'],
    ],
  );
  assert.match(sent.at(-1)!, /EXTEND_TIMEOUT_USEC=35000000$/m);
});

test('its variables are taken out of the environment, and without a socket nothing is sent', () => {
  const environment = { NOTIFY_SOCKET: '@x', WATCHDOG_USEC: '1000000', WATCHDOG_PID: '1', HOME: '/root' };
  managed(environment);
  assert.deepEqual(environment, { HOME: '/root' });
  const { manager, sent } = managed({});
  manager.ready(async () => {});
  manager.stopping(0);
  assert.deepEqual(sent, []);
});

test('a notification that does not arrive is reported once', () => {
  const { manager, failures } = managed({ NOTIFY_SOCKET: '/gone' });
  manager.ready(async () => {});
  manager.reloading();
  assert.deepEqual(failures, ['ENOENT']);
});

test('the watchdog is fed twice as often as asked, while everything answers', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const { manager, sent } = managed({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '20000000', WATCHDOG_PID: `${process.pid}` });
  let answers: (() => void)[] = [];
  manager.ready(() => new Promise<void>((resolve) => answers.push(resolve)));
  const fed = (): number => sent.filter((text) => text === 'WATCHDOG=1').length;
  for (let i = 1; i <= 3; i++) {
    mock.timers.tick(10_000);
    answers.pop()!();
    await Promise.resolve();
    assert.equal(fed(), i);
  }
  mock.timers.tick(100_000); // a worker hangs
  answers = [];
  assert.equal(fed(), 3);
  manager.end();
  mock.timers.reset();
});

test('a watchdog that is another process is left alone', () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const { manager, sent } = managed({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '2000', WATCHDOG_PID: '1' });
  manager.ready(async () => {});
  mock.timers.tick(10);
  assert.deepEqual(sent, ['READY=1\nSTATUS=ready']);
  mock.timers.reset();
});
