// HAProxy at Layer 7 and Layer 4. The configurations and why they are fair: peers/haproxy-*.cfg.
import { spawnSync } from 'node:child_process';
import { certificateMissing, certificatesIn } from '../certificate.js';
import { writePeerConfig } from '../peers.js';
import { freePort, startProcess } from '../processes.js';
import type { Contestant, Place, RunningContestant } from './contestant.js';

export function haproxyContestants(): Contestant[] {
  const missing = spawnSync('haproxy', ['-v']).error === undefined ? undefined : 'haproxy is not installed';
  const common = { family: 'haproxy', scheme: 'http', mainOnly: false, missing: () => missing } as const;
  return [
    { ...common, id: 'haproxy-l4', mode: 'l4', start: (place) => start('haproxy-l4.cfg', place) },
    { ...common, id: 'haproxy-l7', mode: 'l7', start: (place) => start('haproxy-l7.cfg', place) },
    {
      ...common,
      id: 'haproxy-https',
      mode: 'https',
      scheme: 'https',
      http2: true,
      missing: () => missing ?? certificateMissing(),
      start: (place) => start('haproxy-https.cfg', place, { bundle: certificatesIn(place.directory).bundlePath }),
    },
  ];
}

async function start(
  config: string,
  place: Place,
  more: Readonly<Record<string, string>> = {},
): Promise<RunningContestant> {
  const port = await freePort();
  const path = writePeerConfig(config, place.directory, {
    workers: String(place.workers),
    port: String(port),
    originPort: String(place.originPort),
    ...more,
  });
  // -db keeps it in the foreground; one process, so its CPU time is all in one place.
  const started = await startProcess({
    name: config,
    command: 'haproxy',
    args: ['-db', '-f', path],
    cores: place.cores,
    ready: { port },
  });
  return { host: '127.0.0.1', port, process: started, pid: started.pid, stop: started.stop };
}
