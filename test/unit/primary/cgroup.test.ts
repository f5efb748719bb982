// Control groups as containers, units and pods have them, laid out in a folder.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { cgroupLimits, defaultSlabBytes, defaultWorkers } from '../../../src/primary/cgroup.js';
import { scratchDirectory } from '../../support/addresses.js';

const MIB = 1024 * 1024;

function rootWith(files: Readonly<Record<string, string>>): string {
  const root = scratchDirectory();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

const V2_MOUNT = '29 22 0:25 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n';

test('version 2, in a container that sees its own group as the root', () => {
  const root = rootWith({
    'proc/self/cgroup': '0::/\n',
    'proc/self/mountinfo': `1 0 0:1 / / rw - overlay overlay rw\n${V2_MOUNT}`,
    'sys/fs/cgroup/cpu.max': '250000 100000\n',
    'sys/fs/cgroup/memory.max': `${512 * MIB}\n`,
  });
  assert.deepEqual(cgroupLimits(root), { cpus: 2.5, memoryBytes: 512 * MIB });
});

test('version 2, in a unit of systemd: the least of the group and those above it', () => {
  const root = rootWith({
    'proc/self/cgroup': '0::/system.slice/sevenfold.service\n',
    'proc/self/mountinfo': V2_MOUNT,
    'sys/fs/cgroup/system.slice/sevenfold.service/cpu.max': '400000 100000\n',
    'sys/fs/cgroup/system.slice/sevenfold.service/memory.max': 'max\n',
    'sys/fs/cgroup/system.slice/cpu.max': '300000 100000\n',
    'sys/fs/cgroup/system.slice/memory.max': `${1024 * MIB}\n`,
  });
  assert.deepEqual(cgroupLimits(root), { cpus: 3, memoryBytes: 1024 * MIB });
});

test('no quota: max in version 2, -1 and the greatest number in version 1', () => {
  const two = rootWith({
    'proc/self/cgroup': '0::/\n',
    'proc/self/mountinfo': V2_MOUNT,
    'sys/fs/cgroup/cpu.max': 'max 100000\n',
    'sys/fs/cgroup/memory.max': 'max\n',
  });
  const one = rootWith({
    'proc/self/cgroup': '4:memory:/\n2:cpu,cpuacct:/\n0::/\n',
    'proc/self/mountinfo': [
      '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
      '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    ].join('\n'),
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
  });
  for (const root of [two, one, rootWith({})])
    assert.deepEqual(cgroupLimits(root), { cpus: undefined, memoryBytes: undefined });
});

test('version 1 in a container: the part of the hierarchy that is mounted, beside a version 2 without controllers', () => {
  const root = rootWith({
    'proc/self/cgroup': '5:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/docker/abc\n',
    'proc/self/mountinfo': [
      '32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct',
      '35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory',
      '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    ].join('\n'),
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '150000\n',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': `${256 * MIB}\n`,
  });
  assert.deepEqual(cgroupLimits(root), { cpus: 1.5, memoryBytes: 256 * MIB });
});

test('a group outside of what is mounted: the limits of the mount itself', () => {
  const root = rootWith({
    'proc/self/cgroup': '0::/../other\n',
    'proc/self/mountinfo': V2_MOUNT,
    'sys/fs/cgroup/cpu.max': '100000 100000\n',
  });
  assert.deepEqual(cgroupLimits(root), { cpus: 1, memoryBytes: undefined });
});

test('workers: whole CPUs of the quota, at least one, at most the cores', () => {
  const workers = (cores: number, cpus: number | undefined): number =>
    defaultWorkers(cores, { cpus, memoryBytes: undefined });
  assert.deepEqual(
    [workers(8, undefined), workers(8, 2.5), workers(8, 0.2), workers(2, 4), workers(8, 3)],
    [8, 2, 1, 2, 3],
  );
});

test('the slab: 256 MiB per worker, half of the memory for all together, at least 16 MiB', () => {
  const slab = (workers: number, limit: number | undefined, total = 64 * 1024): number =>
    defaultSlabBytes(workers, { cpus: undefined, memoryBytes: limit && limit * MIB }, total * MIB) / MIB;
  assert.deepEqual(
    [slab(8, undefined), slab(2, 512), slab(3, 512), slab(8, 128), slab(1, 4096), slab(2, undefined, 1024)],
    [256, 128, 85, 16, 256, 256],
  );
});
