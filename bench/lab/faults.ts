// Faults are shown, not assumed: what each kind of server failure costs the clients of Sevenfold, nginx and HAProxy.
// Owns the command line and docs/reliability.md. Leaves the running to faults/.
// Run: make bench-faults FLAGS='[--only NAME,…] [--faults NAME,…] [--write]'

import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { CONTESTANTS, type Contestant } from './faults/contestants.js';
import type { Figures } from './faults/figures.js';
import { page, type Result, row } from './faults/page.js';
import { FAULTS, type FaultName, runFaults } from './faults/run.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: CONTESTANTS.join(',') },
    faults: { type: 'string', default: Object.keys(FAULTS).join(',') },
    write: { type: 'boolean', default: false },
  },
});
const faults = values.faults.split(',').filter((name): name is FaultName => name in FAULTS);
const contestants = CONTESTANTS.filter((name) => values.only.split(',').includes(name));
const SCHEDULE = { warmUpMs: 1000, faultMs: 6000, returnMs: 15_000 };

// Below the ports the kernel gives to clients, and on an address of this process alone.
let port = 20_000 + (process.pid % 5000);
const place = () => ({ host: `127.9.${(process.pid >> 7) & 127}.${(process.pid & 127) + 1}`, port: port++ });

const results: Result[] = [];
for (const contestant of contestants) {
  try {
    await runFaults(contestant, faults, SCHEDULE, place, (fault, figures) => report(contestant, fault, figures));
  } catch (error) {
    // A missing peer is no reason to show nothing.
    console.error(`${contestant}: ${(error as Error).message}`);
    if (contestant === 'sevenfold') process.exitCode = 1;
  }
}

function report(contestant: Contestant, fault: FaultName, figures: Figures): void {
  results.push({ contestant, fault, figures });
  console.log(row({ contestant, fault, figures }), Object.keys(figures.failures).length > 0 ? figures.failures : '');
}

if (values.write) {
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), Linux ${release()}, Node ${process.version}`;
  const file = new URL('../../docs/reliability.md', import.meta.url);
  writeFileSync(file, page(results, machine, SCHEDULE));
}
