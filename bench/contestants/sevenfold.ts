// Sevenfold itself, in each of its modes, started through its own command line as a user would.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { certificateMissing, certificatesIn } from '../certificate.js';
import { freePort, startProcess } from '../processes.js';
import { httpsConfig, rulesConfig } from '../rules-config.js';
import type { Contestant, Place, RunningContestant } from './contestant.js';

/** The built command line: beside dist/bench when compiled, in dist/ of the tree when not. */
export const COMMAND_LINE = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/cli/main.js' : '../../cli/main.js', import.meta.url),
);

/** A built tree: what its contestants are called, and its command line. */
export interface Tree {
  readonly name: string;
  readonly commandLine: string;
  /** It may be older than HTTP/2 here. */
  readonly http1Only?: boolean;
}

export function sevenfoldContestants(tree: Tree = { name: 'sevenfold', commandLine: COMMAND_LINE }): Contestant[] {
  const missing = (): string | undefined =>
    existsSync(tree.commandLine) ? undefined : 'Sevenfold is not built here (run `make build`)';
  const common = { family: 'sevenfold', scheme: 'http', mainOnly: false, missing } as const;
  const plain = (mode: 'l4' | 'l7', place: Place): Promise<RunningContestant> =>
    start(tree, mode, place, (port) => [
      '--listen',
      `127.0.0.1:${port}`,
      '--backend',
      `127.0.0.1:${place.originPort}`,
      '--mode',
      mode,
    ]);
  return [
    { ...common, id: `${tree.name}-l4`, mode: 'l4', start: (place) => plain('l4', place) },
    { ...common, id: `${tree.name}-l7`, mode: 'l7', start: (place) => plain('l7', place) },
    {
      ...common,
      id: `${tree.name}-l7-rules`,
      mode: 'l7-rules',
      start: (place) =>
        start(tree, 'l7-rules', place, (port) => {
          const path = join(place.directory, `${tree.name}-l7-rules.yaml`);
          writeFileSync(path, rulesConfig(port, place.originPort));
          return ['-c', path];
        }),
    },
    {
      ...common,
      id: `${tree.name}-https`,
      mode: 'https',
      scheme: 'https',
      http2: tree.http1Only !== true,
      missing: () => missing() ?? certificateMissing(),
      start: (place) =>
        start(tree, 'https', place, (port) => {
          const path = join(place.directory, `${tree.name}-https.yaml`);
          writeFileSync(
            path,
            httpsConfig(port, place.originPort, certificatesIn(place.directory), tree.http1Only !== true),
          );
          return ['-c', path];
        }),
    },
  ];
}

async function start(
  { name, commandLine }: Tree,
  mode: string,
  place: Place,
  args: (port: number) => string[],
): Promise<RunningContestant> {
  const port = await freePort();
  const started = await startProcess({
    name: `${name}-${mode}`,
    command: process.execPath,
    args: [
      commandLine,
      'run',
      ...args(port),
      '--workers',
      String(place.workers),
      '--accept',
      place.accept,
      ...(place.pin ? ['--pin'] : []),
    ],
    cores: place.cores,
    ready: { text: 'sevenfold ready' },
  });
  return { host: '127.0.0.1', port, process: started, pid: started.pid, stop: started.stop };
}
