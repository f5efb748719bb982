// Metrics of the process as every client of Prometheus has them: CPU, memory, descriptors, and what it is.

import { readdirSync, readFileSync } from 'node:fs';
import type { Exposition, Family } from './exposition.js';
import { labels } from './exposition.js';

const family = (kind: Family['kind'], name: string, help: string): Family => ({ name, kind, help, scope: 'process' });

const CPU = family('counter', 'process_cpu_seconds_total', 'CPU time of all threads, user and system.');
const RESIDENT = family('gauge', 'process_resident_memory_bytes', 'Resident memory.');
const VIRTUAL = family('gauge', 'process_virtual_memory_bytes', 'Virtual memory.');
const STARTED = family('gauge', 'process_start_time_seconds', 'When the process started, in seconds since 1970.');
const OPEN = family('gauge', 'process_open_fds', 'Open descriptors.');
const OPEN_MAX = family('gauge', 'process_max_fds', 'Descriptors that the process may have.');
const BUILD = family('info', 'sevenfold_build_info', 'Always 1; the labels say what runs.');

const startedAt = Date.now() / 1000 - process.uptime();

/** Writes them. What the system does not say is left out. */
export function writeProcess(out: Exposition, version: string): void {
  const { user, system } = process.cpuUsage();
  const one = (of: Family, value: number | undefined): void => {
    if (value !== undefined && out.begin(of)) out.sample('', value);
  };
  one(CPU, (user + system) / 1e6);
  one(RESIDENT, process.memoryUsage.rss());
  one(VIRTUAL, virtualBytes());
  one(STARTED, startedAt);
  one(OPEN, openDescriptors());
  one(OPEN_MAX, descriptorsMax());
  if (out.begin(BUILD)) out.sample(labels({ version, node: process.versions.node }), 1);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(`/proc/self/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function virtualBytes(): number | undefined {
  const kib = /^VmSize:\s+(\d+)/m.exec(read('status') ?? '')?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}

function descriptorsMax(): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(read('limits') ?? '')?.[1];
  return soft === undefined ? undefined : Number(soft);
}
