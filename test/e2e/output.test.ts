// Outputs that are closed, full or not read: the service goes on, and says later what was lost.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { freePlace, type Place, scratchDirectory } from '../support/addresses.js';
import { statusOf } from '../support/messages.js';
import { describeProduct, documentOf, MAIN, standIn, use } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const skip = standIn ? 'only the product' : false;

/** Waits until the proxy answers: with its output gone it cannot say so. */
async function answers(place: Place): Promise<void> {
  for (const until = Date.now() + 10_000; ; ) {
    try {
      assert.equal(statusOf(await ask(place, get())), 200);
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

interface Service {
  readonly child: ChildProcess;
  readonly place: Place;
}

/** Starts the product with these descriptors as its outputs; a fail to end by SIGTERM with 0 fails the test. */
async function startWith(t: TestContext, stdout: 'pipe' | number, stderr: 'pipe' | number): Promise<Service> {
  const origin = await use(t, startAnswers());
  const place = freePlace();
  const file = join(scratchDirectory(), 'proxy.yaml');
  const pools = { main: { servers: [{ address: origin.address }] } };
  writeFileSync(file, JSON.stringify(documentOf({ pools }, [place])));
  const child = spawn(process.execPath, [MAIN, 'run', '-c', file, '--workers', '1', '--log-times', 'never'], {
    stdio: ['ignore', stdout, stderr],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  t.after(() => child.kill('SIGKILL'));
  return { child, place };
}

/** Asks for reports and reloads, and has the service end in order. */
async function useAndEnd({ child, place }: Service): Promise<void> {
  await answers(place);
  for (let i = 0; i < 5; i++) {
    child.kill('SIGUSR2');
    child.kill('SIGHUP');
    await answers(place);
  }
  child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  assert.deepEqual([child.exitCode, child.signalCode], [0, null]);
}

describeProduct('outputs that cannot be written', () => {
  test('both are pipes that were closed', async (t) => {
    const service = await startWith(t, 'pipe', 'pipe');
    service.child.stdout!.destroy();
    service.child.stderr!.destroy();
    await useAndEnd(service);
  });

  test('standard output is full, which standard error says once', async (t) => {
    const full = openSync('/dev/full', 'w');
    t.after(() => closeSync(full));
    const service = await startWith(t, full, 'pipe');
    let said = '';
    service.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await useAndEnd(service);
    assert.match(said, /^sevenfold: standard output cannot be written \(ENOSPC\)\. .*\n$/);
  });

  test('both are full', async (t) => {
    const full = openSync('/dev/full', 'w');
    t.after(() => closeSync(full));
    await useAndEnd(await startWith(t, full, full));
  });

  test('a reader that does not read holds nothing up, and gets the number of lost lines', async (t) => {
    const fifo = join(scratchDirectory(), 'fifo');
    assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(fifo, constants.O_WRONLY);
    t.after(() => closeSync(reader));
    const service = await startWith(t, writer, 'pipe');
    closeSync(writer);
    await answers(service.place);
    // More than a pipe holds, and more than may wait.
    for (let i = 0; i < 1000; i++) {
      service.child.kill('SIGUSR2');
      await answers(service.place);
    }
    let text = '';
    const buffer = Buffer.alloc(65_536);
    const read = (): void => {
      for (;;) {
        try {
          const bytes = readSync(reader, buffer);
          if (bytes === 0) return;
          text += buffer.toString('utf8', 0, bytes);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
          return;
        }
      }
    };
    const lost = /^sevenfold: \d+,?\d* lines of output were lost \(no reader takes them\)$/m;
    const counted = /"linesLost":[1-9]\d*\}$/m;
    for (const until = Date.now() + 15_000; !(lost.test(text) && counted.test(text)) && Date.now() < until; ) {
      read();
      service.child.kill('SIGUSR2');
      await answers(service.place);
    }
    assert.match(text, lost);
    for (const line of text.split('\n').slice(0, -1)) {
      if (line.startsWith('{')) JSON.parse(line);
    }
    assert.ok(text.split('\n').filter((line) => line.startsWith('{"engine"')).length > 10);
    assert.match(text, counted);
    const reported = (): number =>
      [...text.matchAll(/^sevenfold: ([\d,]+) lines? of output w/gm)]
        .map(([, lines]) => Number(lines!.replaceAll(',', '')))
        .reduce((sum, lines) => sum + lines, 0);
    const total = (): number => Number(/"linesLost":(\d+)\}\n(?!.*"linesLost")/s.exec(text)![1]);
    // A report that waited to be written counts fewer lost lines than what stands in front of it.
    for (const until = Date.now() + 10_000; reported() !== total() && Date.now() < until; read()) {
      service.child.kill('SIGUSR2');
      await answers(service.place);
    }
    assert.equal(reported(), total(), 'each lost line is reported once');
    service.child.kill('SIGTERM');
    if (service.child.exitCode === null) await once(service.child, 'exit');
    assert.equal(service.child.exitCode, 0);
  });
});

describe('lines of a service', { skip }, () => {
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z `;

  test('begin with their time where no person looks on', async (t) => {
    const origin = await use(t, startAnswers());
    const file = join(scratchDirectory(), 'proxy.yaml');
    writeFileSync(file, JSON.stringify(documentOf({ servers: [origin.address] }, [freePlace()])));
    for (const [args, wanted] of [
      [[], true],
      [['--log-times', 'always'], true],
      [['--log-times', 'never'], false],
    ] as const) {
      const child = spawn(process.execPath, [MAIN, 'run', '-c', file, '--workers', '1', ...args]);
      t.after(() => child.kill('SIGKILL'));
      let out = '';
      child.stdout.setEncoding('utf8');
      for await (const text of child.stdout) {
        out += text;
        if (/sevenfold ready\n/.test(out) && !/drain/.test(out)) child.kill('SIGTERM');
      }
      for (const line of out.trimEnd().split('\n')) assert.equal(new RegExp(`^${time}`).test(line), wanted, line);
      assert.match(out, new RegExp(`^${wanted ? time : ''}drained in `, 'm'));
    }
  });
});

describe('commands that print and end', { skip }, () => {
  test('are not disturbed by a reader that leaves, and say when the output is full', () => {
    const closed = spawnSync(
      'sh',
      ['-c', `"$0" "$1" --help | head -c 1; "$0" "$1" run --help | head -c 1`, process.execPath, MAIN],
      { encoding: 'utf8' },
    );
    assert.deepEqual([closed.status, closed.stdout, closed.stderr], [0, 'UU', '']);
    const file = join(scratchDirectory(), 'proxy.yaml');
    writeFileSync(file, JSON.stringify(documentOf({ servers: ['127.0.0.1:1'] }, [freePlace()])));
    const full = spawnSync('sh', ['-c', `"$0" "$1" check -c "$2" > /dev/full`, process.execPath, MAIN, file], {
      encoding: 'utf8',
    });
    assert.equal(full.status, 1);
    assert.match(full.stderr, /^sevenfold: the output cannot be written \(ENOSPC\)\n$/);
  });
});
