// Loads the native engine and refuses one that was built for another layout.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { engineFileProblem, findEngine, howToBuild, platformName, whyMissing } from './engine-file.js';
import { layoutHash } from './layout.js';

/** What `engineOpen` borrows. Every array stays alive as long as the engine; addresses count from `memory`. */
interface EngineMemory {
  memory: ArrayBuffer;
  slabAt: number;
  chunkCount: number;
  slotCount: number;
  connectionsMax: number;
  control: Int32Array;
  peers: Uint8Array;
  events: Int32Array;
  submissions: Int32Array;
}

export interface NativeEngine {
  turn(words: number): number;
  submit(words: number): void;
  addressAdd(host: string, port: number, idleSeconds: number, intervalSeconds: number, probes: number): number;
  addressRemove(index: number): void;
  listen(listener: number): void;
  listenEnd(listener: number): void;
  chunkTake(): number;
  runTake(count: number): number;
  chunksOwed(into: Int32Array): void;
  localAddress(conn: number, into: Uint8Array): boolean;
  progress(conn: number, into: Float64Array): boolean;
  close(): void;
}

export interface Addon {
  layoutHash: number;
  engineOpen(options: EngineMemory, onReady: () => void): NativeEngine;
  listenerOpen(host: string, port: number, backlog: number, v6Only: boolean): number;
  /** Takes a listening socket that the process was started with, for a listener of its place; returns that, in text. */
  listenerInherit(fd: number): string;
  /** Whether an inherited socket waits for a listener of its place. */
  listenerUnused(fd: number): boolean;
  listenerPort(listener: number): number;
  listenerKeepAlive(listener: number, idleSeconds: number, intervalSeconds: number, probes: number): void;
  listenerRetire(listener: number): void;
  listenerClose(listener: number): void;
  acceptorStart(listener: number): void;
  pinThread(core: number): void;
  /** One notification of sd_notify(3) to the socket `path`. Throws with `code` set when it does not get there. */
  serviceNotify(path: string, text: string): void;
  tlsOpen(versionMin: number, ciphers: string, protocols: Uint8Array, scope: string): number;
  tlsOpenBackend(
    versionMin: number,
    ciphers: string,
    protocols: Uint8Array,
    name: string,
    verify: boolean,
    authorities: Uint8Array,
  ): number;
  tlsVerifyClients(tls: number, required: boolean, authorities: Uint8Array): void;
  tlsCertificate(tls: number, identity: number, chain: Uint8Array, key: Uint8Array): void;
  tlsStaple(tls: number, identity: number, response: Uint8Array, until: number): void;
  tlsName(tls: number, name: string, identity: number): void;
  tlsReplace(tls: number, by: number): void;
  tlsCount(): number;
  tlsClose(tls: number): void;
  /** A socket connected to a unix datagram socket (port -1) or by UDP; throws with the system's code. */
  datagramOpen(host: string, port: number): number;
  /** Sends one datagram without waiting; throws with the system's code, EAGAIN where it would have to wait. */
  datagramSend(descriptor: number, bytes: Uint8Array, length: number): void;
  datagramClose(descriptor: number): void;
}

/** The engine cannot be used; the message says why in one line, and what mends it. */
export class EngineUnusableError extends Error {
  override readonly name = 'EngineUnusableError';
}

/** The folder with package.json, from dist/ and from the sources (tests) alike. */
const root = fileURLToPath(new URL('../../', import.meta.url));

let loaded: Addon | undefined;

/**
 * The native engine, loaded once per thread.
 *
 * Throws EngineUnusableError when it is missing, cannot be loaded, or was built for another layout.
 */
export function addon(): Addon {
  if (loaded !== undefined) return loaded;
  const platform = platformName();
  const path = findEngine(root, platform);
  if (path === undefined) throw new EngineUnusableError(whyMissing(root, platform));
  const problem = engineFileProblem(path);
  if (problem !== undefined) {
    throw new EngineUnusableError(`the native engine (${path}) cannot be used: ${problem}. ${howToBuild(root, true)}`);
  }
  let found: Addon;
  try {
    found = createRequire(import.meta.url)(path) as Addon;
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    throw new EngineUnusableError(`the native engine cannot be loaded (${reason}). ${howToBuild(root, true)}`);
  }
  const wanted = layoutHash();
  if (found.layoutHash !== wanted) {
    throw new EngineUnusableError(
      `the native engine (${path}) was built for layout ${found.layoutHash}, this program has ${wanted}. ${howToBuild(root, true)}`,
    );
  }
  loaded = found;
  return found;
}
