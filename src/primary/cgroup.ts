// What the control groups of this process allow: CPUs by quota, bytes of memory. A container, a unit of systemd and a pod
// are limited so, while the machine's cores and memory still show.
// Owns reading versions 1 and 2 of the interface. Leaves what follows from the limits to the callers.

import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join, posix } from 'node:path';

/** Undefined where nothing limits. */
interface CgroupLimits {
  /** CPU time per time, as in 1.5. */
  readonly cpus: number | undefined;
  readonly memoryBytes: number | undefined;
}

/** Most of the slab where no limit of memory asks for less. */
const SLAB_BYTES_MAX = 256 * 1024 * 1024;
/** Least of it: what a thousand requests at once need. */
const SLAB_BYTES_MIN = 16 * 1024 * 1024;
const MIB = 1024 * 1024;

/**
 * How many workers run by default: one per core that this process may use, at most as many as its CPU quota pays for. A
 * fraction is left out: threads beyond the quota are all stopped together until the next period.
 */
export function defaultWorkers(cores = availableParallelism(), { cpus } = cgroupLimits()): number {
  return cpus === undefined ? cores : Math.max(1, Math.min(cores, Math.floor(cpus)));
}

/** `limits.slabBytes: auto`, per worker: the slabs of all workers together have at most half of the memory. */
export function defaultSlabBytes(workers: number, { memoryBytes } = cgroupLimits(), total = totalmem()): number {
  const share = Math.min(memoryBytes ?? total, total) / 2 / workers;
  return Math.max(SLAB_BYTES_MIN, Math.min(SLAB_BYTES_MAX, Math.floor(share / MIB) * MIB));
}

/** Reads the limits of this process: the least of its own group and of all groups above it. `root` is for tests. */
export function cgroupLimits(root = '/'): CgroupLimits {
  const groups = readText(join(root, 'proc/self/cgroup'));
  const mounts = readText(join(root, 'proc/self/mountinfo'));
  if (groups === undefined || mounts === undefined) return { cpus: undefined, memoryBytes: undefined };
  const folders = (controller: string): Folders => foldersOf(controller, groups, mounts, root);
  return { cpus: least(folders('cpu'), cpusOf), memoryBytes: least(folders('memory'), memoryOf) };
}

/** Where a controller's files are: the group's own folder first, then those above it. */
interface Folders {
  readonly version: 1 | 2;
  readonly folders: readonly string[];
}

/**
 * /proc/self/cgroup says which group this process is in, by hierarchy; /proc/self/mountinfo where a hierarchy is mounted, and
 * which part of it (cgroups(7), proc(5)). A controller is in version 1 where such a hierarchy has it, else in version 2.
 */
function foldersOf(controller: string, groups: string, mounts: string, root: string): Folders {
  const lines = [...groups.matchAll(/^\d+:([^:\n]*):(.*)$/gm)].map(([, controllers = '', group = '']) => ({
    controllers: controllers.split(','),
    group,
  }));
  const one = lines.find(({ controllers }) => controllers.includes(controller));
  const found = one ?? lines.find(({ controllers }) => controllers[0] === '');
  const version = one === undefined ? 2 : 1;
  const mount = mounts.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ').map((half) => half.split(' '));
    const isIt =
      version === 2 ? after?.[0] === 'cgroup2' : after?.[0] === 'cgroup' && after[2]?.split(',').includes(controller);
    return isIt ? [{ part: before![3]!, at: before![4]! }] : [];
  })[0];
  if (found === undefined || mount === undefined) return { version, folders: [] };
  // Outside of what is mounted here (a namespace of another kind): the mount's own folder is the nearest there is.
  const below = posix.relative(mount.part, found.group);
  const top = join(root, mount.at);
  const folders = [top];
  if (!below.startsWith('..')) {
    for (const name of below.split('/')) if (name !== '') folders.unshift(join(folders[0]!, name));
  }
  return { version, folders };
}

function least({ version, folders }: Folders, read: (folder: string, version: 1 | 2) => number | undefined) {
  const limits = folders.flatMap((folder) => read(folder, version) ?? []);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

function cpusOf(folder: string, version: 1 | 2): number | undefined {
  const [quota, period] =
    version === 2
      ? (readText(join(folder, 'cpu.max'))?.trim().split(' ').map(Number) ?? [])
      : ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => Number(readText(join(folder, name))));
  // `max`, or -1: no quota.
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : undefined;
}

function memoryOf(folder: string, version: 1 | 2): number | undefined {
  const text = readText(join(folder, version === 2 ? 'memory.max' : 'memory.limit_in_bytes'));
  const bytes = Number(text?.trim());
  // `max`, or the greatest number of pages there can be: no limit.
  return bytes > 0 && bytes < 2 ** 60 ? bytes : undefined;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
