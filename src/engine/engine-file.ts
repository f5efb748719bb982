// Which file the native engine is loaded from, and whether that file is whole: a cut one would end the process by SIGBUS.
// Owns the name of this platform, the choice and the check. Leaves loading to addon.ts.

import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** ELF's e_machine of the architectures that Node names so. */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
/** File name of the checksums beside prebuilt engines, in the format of sha256sum. */
const CHECKSUMS = 'SHA256SUMS';

/** A platform that engines are built for, as in `linux-x64-glibc`: the file name of its prebuilt engine. */
export function platformName(
  platform: string = process.platform,
  arch: string = process.arch,
  interpreter: string = interpreterOf(process.execPath),
): string {
  return platform === 'linux' ? `linux-${arch}-${/musl/.test(interpreter) ? 'musl' : 'glibc'}` : `${platform}-${arch}`;
}

/**
 * The engine's file below `root`, the folder with package.json: the one that was built here, else the prebuilt one of this
 * platform. Undefined when there is neither.
 */
export function findEngine(root: string, platform: string): string | undefined {
  const own = ownEngine(root);
  if (existsSync(own)) return own;
  const prebuilt = join(prebuiltFolder(root), `${platform}.node`);
  return existsSync(prebuilt) ? prebuilt : undefined;
}

/** What to do about an engine that is missing or cannot be used, as a sentence: a clone has a Makefile, a package has none. */
export function howToBuild(root: string, again = false): string {
  if (existsSync(join(root, 'Makefile')))
    return again ? 'Build it again with this Node: make -B engine' : 'Build it: make build';
  const include = resolve(dirname(process.execPath), '../include/node');
  const command = [
    'cc -std=c11 -D_GNU_SOURCE -O2 -fPIC -fvisibility=hidden -shared -Wl,-z,now',
    `-I${include} -o ${ownEngine(root)} ${join(root, 'native')}/*.c -lpthread`,
  ].join(' ');
  return `${again ? 'Install the package again, or build the engine' : 'Build it'} with a C compiler and the headers of Node: ${command}`;
}

/** Why there is no engine for `platform` below `root`, and what to do, in one line. */
export function whyMissing(root: string, platform: string): string {
  if (!platform.startsWith('linux-')) return `sevenfold runs on Linux only (epoll); this is ${platform}`;
  const folder = prebuiltFolder(root);
  const there = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.node')) : [];
  const missing =
    there.length === 0
      ? `the native engine is missing (${ownEngine(root)})`
      : `no native engine for ${platform} is in this package, which has ${there.map((name) => basename(name, '.node')).join(', ')}`;
  return `${missing}. ${howToBuild(root)}`;
}

/**
 * What is wrong with an engine's file, or undefined when it may be loaded. Reads the whole file: ELF's own tables say how long it
 * must be, and beside prebuilt engines lie their checksums.
 */
export function engineFileProblem(path: string, arch: string = process.arch): string | undefined {
  const bytes = readFileSync(path);
  return elfProblem(bytes, arch) ?? checksumProblem(path, bytes);
}

const ownEngine = (root: string): string => join(root, 'dist/engine/engine.node');
const prebuiltFolder = (root: string): string => join(root, 'dist/engine/prebuilt');

// --- ELF (System V gABI, chapters 4 and 5), 64 bits, little-endian ---------------------------------------------------------

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const LOAD = 1;
const INTERPRETER = 3;

function isElf(bytes: Buffer): boolean {
  // The magic number, 64 bits, little-endian.
  return bytes.length >= HEADER_BYTES && bytes.toString('latin1', 0, 6) === '\x7fELF\x02\x01';
}

function elfProblem(bytes: Buffer, arch: string): string | undefined {
  if (!isElf(bytes)) return `it is not a library of this system (${bytes.length} bytes)`;
  const machine = bytes.readUInt16LE(18);
  const wanted = MACHINES[arch];
  if (wanted !== undefined && machine !== wanted) {
    const other = Object.keys(MACHINES).find((name) => MACHINES[name] === machine) ?? `machine ${machine}`;
    return `it is built for ${other}, and this is ${arch}`;
  }
  const sections = bytes.readUInt16LE(58) * bytes.readUInt16LE(60);
  let end = Number(bytes.readBigUInt64LE(40)) + sections;
  for (const { kind, offset, length } of segmentsOf(bytes)) if (kind === LOAD) end = Math.max(end, offset + length);
  return bytes.length < end ? `it is cut: ${bytes.length} bytes of ${end}` : undefined;
}

/** The program headers that lie inside of `bytes`. */
function segmentsOf(bytes: Buffer): { kind: number; offset: number; length: number }[] {
  const first = Number(bytes.readBigUInt64LE(32));
  const count = bytes.readUInt16LE(56);
  const segments = [];
  for (let at = first; at < first + count * SEGMENT_BYTES && at + SEGMENT_BYTES <= bytes.length; at += SEGMENT_BYTES) {
    const [offset, length] = [Number(bytes.readBigUInt64LE(at + 8)), Number(bytes.readBigUInt64LE(at + 32))];
    segments.push({ kind: bytes.readUInt32LE(at), offset, length });
  }
  return segments;
}

function checksumProblem(path: string, bytes: Buffer): string | undefined {
  const list = join(dirname(path), CHECKSUMS);
  if (!existsSync(list)) return undefined;
  const line = readFileSync(list, 'utf8')
    .split('\n')
    .find((text) => text.endsWith(`  ${basename(path)}`));
  if (line === undefined) return undefined;
  const sum = createHash('sha256').update(bytes).digest('hex');
  return line.startsWith(sum) ? undefined : `it is damaged: its checksum is not the one in ${CHECKSUMS}`;
}

/** The loader that an executable asks for, as in /lib/ld-musl-x86_64.so.1: tells which C library it uses. Empty when unknown. */
function interpreterOf(executable: string): string {
  // Started by its loader, Node takes that for itself.
  if (basename(executable).startsWith('ld-')) return executable;
  let file: number;
  try {
    file = openSync(executable, 'r');
  } catch {
    return '';
  }
  try {
    const head = Buffer.alloc(4096);
    const bytes = head.subarray(0, readSync(file, head, 0, head.length, 0));
    const found = isElf(bytes) ? segmentsOf(bytes).find(({ kind }) => kind === INTERPRETER) : undefined;
    if (found === undefined) return '';
    const name = Buffer.alloc(Math.min(found.length, 4096));
    readSync(file, name, 0, name.length, found.offset);
    return name.toString('latin1').replace(/\0.*$/s, '');
  } finally {
    closeSync(file);
  }
}
