// TCP keep-alive: when the kernel asks a silent peer whether it is still there (native/keep_alive.h).

/** In seconds, as the kernel counts. */
export interface KeepAlive {
  /** Of silence before the first probe; 0 sends none, at most 32767. */
  readonly idleSeconds: number;
  /** Between two probes, 1 to 32767. */
  readonly intervalSeconds: number;
  /** Left unanswered before the connection is dead, 1 to 127. */
  readonly probes: number;
}

export const NO_KEEP_ALIVE: KeepAlive = { idleSeconds: 0, intervalSeconds: 0, probes: 0 };
