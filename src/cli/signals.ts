// Signals from the first moment on: until the process is ready they are remembered, not left to their default, which
// would end it, or, for process 1, drop them.
// Owns holding and handing over. Leaves what a signal means to serve.ts.

/** SIGTERM and SIGINT end the service, SIGHUP reloads, SIGUSR1 opens logs anew, SIGUSR2 prints a report. */
const HELD = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

export type HeldSignal = (typeof HELD)[number];

let early: HeldSignal[] = [];
let handler = (signal: HeldSignal): void => void early.push(signal);
const listeners = HELD.map((signal) => [signal, () => handler(signal)] as const);

/** Holds signals from now on. Call it before anything else is loaded. */
export function holdSignals(): void {
  for (const [signal, listener] of listeners) if (process.listenerCount(signal) === 0) process.on(signal, listener);
}

/** Hands every signal to `handle`, those that came before at once and in order. Returns a function that ends it. */
export function takeSignals(handle: (signal: HeldSignal) => void): () => void {
  holdSignals();
  handler = handle;
  const before = early;
  early = [];
  for (const signal of before) handle(signal);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}
