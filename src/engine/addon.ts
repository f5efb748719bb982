// Loads the native engine and refuses one that was built for another layout.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
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
  listenerPort(listener: number): number;
  listenerKeepAlive(listener: number, idleSeconds: number, intervalSeconds: number, probes: number): void;
  listenerRetire(listener: number): void;
  listenerClose(listener: number): void;
  acceptorStart(listener: number): void;
  pinThread(core: number): void;
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
}

/** The engine cannot be used; the message says why in one line, and what mends it. */
export class EngineUnusableError extends Error {
  override readonly name = 'EngineUnusableError';
}

/** In dist/ the engine stands beside this file; from the sources (tests) it is the one `make build` left in dist/. */
function addonPath(): string {
  const beside = fileURLToPath(new URL('./engine.node', import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../dist/engine/engine.node', import.meta.url));
}

let loaded: Addon | undefined;

/**
 * The native engine, loaded once per thread.
 *
 * Throws EngineUnusableError when it is missing, cannot be loaded, or was built for another layout.
 */
export function addon(): Addon {
  if (loaded !== undefined) return loaded;
  const path = addonPath();
  if (!existsSync(path)) {
    throw new EngineUnusableError(`the native engine is missing (${path}). Build it: make build`);
  }
  let found: Addon;
  try {
    found = createRequire(import.meta.url)(path) as Addon;
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    throw new EngineUnusableError(
      `the native engine cannot be loaded (${reason}). Build it again with this Node: make -B engine`,
    );
  }
  const wanted = layoutHash();
  if (found.layoutHash !== wanted) {
    throw new EngineUnusableError(
      `the native engine was built for layout ${found.layoutHash}, this program has ${wanted}. Build both again: make -B engine && make build`,
    );
  }
  loaded = found;
  return found;
}
