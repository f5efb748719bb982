// The files in examples/: configurations are right, and the image and the pods do what their comments say.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadAll } from 'js-yaml';
import { parseConfig } from '../../src/config/load.js';

const read = (name: string): string => readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8');

test('the image drops root, drains within the time of Docker, and asks its own admin API', () => {
  const lines = read('docker/Dockerfile')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  const after = (word: string): string => last.findLast((line) => line.startsWith(`${word} `))!.slice(word.length + 1);
  assert.match(after('USER'), /^[1-9]\d*:[1-9]\d*$/);
  assert.equal(after('STOPSIGNAL'), 'SIGTERM');
  assert.match(after('HEALTHCHECK'), /CMD \["sevenfold", "health"\]$/);
  assert.deepEqual(JSON.parse(after('ENTRYPOINT')), ['sevenfold']);
  const [command, , file] = JSON.parse(after('CMD')) as string[];
  assert.deepEqual([command, file], ['run', '/etc/sevenfold/sevenfold.yaml']);
  // Every tag names a version, and no file comes from the network but by npm.
  assert.ok(lines.filter((line) => line.startsWith('FROM ')).every((line) => /:\$\{NODE\}-/.test(line)));
  assert.ok(!lines.some((line) => /^ADD |curl|wget|apt-get/.test(line)));

  const { config } = parseConfig(read('docker/sevenfold.yaml'), 'sevenfold.yaml');
  assert.ok(config.timeouts.drainLeadMs + config.timeouts.drainMs < 10_000);
  assert.equal(config.admin?.address, /SEVENFOLD_ADMIN=(\S+)/.exec(after('ENV'))![1]);
});

test('the pods are given time for their drain, and the configuration in them is right', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the shape is that of Kubernetes
  const [map, deployment] = loadAll(read('kubernetes/sevenfold.yaml')) as any[];
  const { config } = parseConfig(map.data['sevenfold.yaml'], 'sevenfold.yaml');
  const pod = deployment.spec.template.spec;
  assert.ok(config.timeouts.drainLeadMs + config.timeouts.drainMs < pod.terminationGracePeriodSeconds * 1000);
  const [container] = pod.containers;
  assert.equal(container.args.at(-1), `${container.volumeMounts[0].mountPath}/sevenfold.yaml`);
});
