// Sockets of a service manager: it listens, starts the service when a connection waits, and keeps them when it ends.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { freePlace, scratchDirectory, written } from '../support/addresses.js';
import { Child } from '../support/child.js';
import { statusOf } from '../support/messages.js';
import { noReceiver } from '../support/notify-receiver.js';
import { MAIN, standIn, use } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

/** As systemd with three ListenStream=: serves once for each of its last arguments, the number of workers. */
const MANAGER = `
import os, select, socket, sys
node, main, config, host, port, spare, path, *runs = sys.argv[1:]
def listening(family, address):
    one = socket.socket(family)
    one.bind(address)
    one.listen(64)
    return one
sockets = [listening(socket.AF_INET, (host, int(port))), listening(socket.AF_UNIX, path), listening(socket.AF_INET, (host, int(spare)))]
print('listens', flush=True)
for workers in runs:
    select.select(sockets[:2], [], [])
    pid = os.fork()
    if pid == 0:
        for index, high in enumerate([os.dup(one.fileno()) for one in sockets]):
            os.dup2(high, 3 + index)
        names = dict(LISTEN_PID=str(os.getpid()), LISTEN_FDS='3', LISTEN_FDNAMES='http:local:spare')
        os.execve(node, [node, main, 'run', '-c', config, '--workers', workers], {**os.environ, **names})
    print(f'pid {pid}', flush=True)
    print(f'ended {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}', flush=True)
`;

test('a connection starts the service on sockets that outlive it', {
  skip: standIn ? 'only the product' : noReceiver,
}, async (t) => {
  const [place, spare, folder] = [freePlace(), freePlace(), scratchDirectory()];
  const [path, file] = [join(folder, 'http.sock'), join(folder, 'proxy.json')];
  const origin = await use(t, startAnswers());
  const configure = (...addresses: readonly string[]): void =>
    writeFileSync(
      file,
      JSON.stringify({
        listeners: addresses.map((address) => ({ address })),
        routes: [{ rules: [{ pool: 'main' }] }],
        pools: { main: { servers: [{ address: origin.address }] } },
      }),
    );
  configure(written(place), `unix:${path}`);
  const where = [place.host, `${place.port}`, `${spare.port}`, path];
  const manager = new Child('/usr/bin/python3', ['-c', MANAGER, process.execPath, MAIN, file, ...where, '1', '2']);
  t.after(() => manager.kill('SIGKILL'));
  const printed = (line: RegExp): Promise<string> =>
    manager.until(`${line}`, () => line.exec(manager.stdout)?.[1], 60_000);
  await printed(/^(listens)$/m);

  for (const workers of [1, 2]) {
    manager.stdout = '';
    // Nothing runs: it waits in the queue of the socket until something does.
    assert.equal(statusOf(await ask(place, get('/'))), 200);
    const pid = Number(await printed(/^pid (\d+)$/m));
    t.after(() => {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {} // it has ended
    });
    await printed(/^(sevenfold ready)$/m);
    const unused = /^sevenfold: spare, handed over by systemd, listens on [\d.:]+, where the .* no listener/m;
    await manager.until(`${unused}`, () => (unused.test(manager.stderr) ? true : undefined));
    manager.stderr = '';

    // A listener that a reload takes away and brings back gets its socket again.
    configure(`unix:${path}`);
    process.kill(pid, 'SIGHUP');
    await printed(/^(reloaded .*)$/m);
    configure(written(place), `unix:${path}`);
    manager.stdout = '';
    process.kill(pid, 'SIGHUP');
    await printed(/^(reloaded .*)$/m);
    assert.equal(statusOf(await ask(place, get('/'))), 200, `${workers} workers`);

    process.kill(pid, 'SIGTERM');
    assert.equal(await printed(/^ended (-?\d+)$/m), '0');
    assert.ok(existsSync(path), 'the file of the socket is its manager’s');
  }
});
