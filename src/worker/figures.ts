// What a worker knows of itself, for metrics: gathered once a tick.
// Owns which word of the engine is which figure. Leaves counting and naming to observe/metrics/.

import { CONTROL } from '../engine/layout.js';
import { LoopDelay } from '../observe/metrics/loop-delay.js';
import type { WorkerFigures } from '../observe/metrics/recorder.js';
import type { Worker } from './worker.js';

/** One object, filled anew each time. */
export class Figures implements WorkerFigures {
  slabFull = 0;
  acceptFailures = 0;
  acceptPauses = 0;
  busySeconds = 0;
  readonly gauges = {
    clientConnections: 0,
    backendConnections: 0,
    handshaking: 0,
    mirrors: 0,
    slabChunksUsed: 0,
    slabChunks: 0,
    queuedBytes: 0,
    loopDelaySeconds: 0,
  };
  readonly #worker: Worker;
  readonly #delay = new LoopDelay(performance.now());

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  get counters(): Worker['counters'] {
    return this.#worker.counters;
  }

  /** A tick has come, at `now` milliseconds. */
  gather(now: number): this {
    const { engine, handshakes, mirrors, chunkCount, chunksUsed } = this.#worker;
    this.#delay.tick(now);
    this.slabFull = engine.counter(CONTROL.slabFull);
    this.acceptFailures = engine.counter(CONTROL.refused);
    this.acceptPauses = engine.counter(CONTROL.acceptPauses);
    this.busySeconds = performance.eventLoopUtilization().active / 1000;
    const { gauges } = this;
    gauges.clientConnections = engine.counter(CONTROL.clientConnections);
    gauges.backendConnections = engine.counter(CONTROL.connections) - gauges.clientConnections;
    gauges.handshaking = handshakes;
    gauges.mirrors = mirrors;
    gauges.slabChunksUsed = chunksUsed;
    gauges.slabChunks = chunkCount;
    gauges.queuedBytes = engine.counter(CONTROL.queuedBytes);
    gauges.loopDelaySeconds = this.#delay.worstSeconds;
    return this;
  }
}
