// What systemd waits for from a service of Type=notify: that it is ready, that it reloads and how that went, that it ends, and,
// with a watchdog, that it is alive (sd_notify(3), systemd.service(5)).
// Owns the protocol. Leaves when each is said to serve.ts.

import { addon } from '../engine/addon.js';

/** What is asked of the service to know that it is alive. Settles when every part of it has answered. */
type Alive = () => Promise<unknown>;

/** A drain is given so much longer than it may take, for the process to end after it. */
const END_MS = 5000;

/** A service manager that waits for notifications, or none: then nothing is sent. */
export class ServiceManager {
  readonly #socket: string | undefined;
  readonly #watchdogMs: number;
  readonly #failed: (reason: string) => void;
  readonly #send: (socket: string, text: string) => void;
  #timer: NodeJS.Timeout | undefined;
  /** A failure was reported: one line is enough. */
  #silent = false;

  /**
   * Takes its variables out of `environment`, so that no process started by this one notifies in its place. `failed` is called
   * once when a notification does not arrive.
   */
  constructor(
    environment: NodeJS.ProcessEnv,
    failed: (reason: string) => void,
    send = (socket: string, text: string): void => addon().serviceNotify(socket, text),
  ) {
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: micros, WATCHDOG_PID: pid } = environment;
    this.#socket = socket === '' ? undefined : socket;
    const isOurs = pid === undefined || Number(pid) === process.pid;
    this.#watchdogMs = isOurs && Number(micros) > 0 ? Number(micros) / 1000 : 0;
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
    this.#failed = failed;
    this.#send = send;
  }

  /** It is ready. From now on the watchdog is fed, twice as often as it asks for, each time `alive` has settled. */
  ready(alive: Alive): void {
    this.#notify('READY=1', 'STATUS=ready');
    if (this.#socket === undefined || this.#watchdogMs === 0) return;
    let asking = false;
    const feed = (): void => {
      if (asking) return; // a worker that does not answer is what the watchdog is for
      asking = true;
      alive().then(
        () => {
          asking = false;
          this.#notify('WATCHDOG=1');
        },
        () => {},
      );
    };
    this.#timer = setInterval(feed, this.#watchdogMs / 2).unref();
  }

  /** A reload begins. `reloaded` must follow. */
  reloading(): void {
    // The clock is CLOCK_MONOTONIC, as hrtime's is.
    this.#notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`, 'STATUS=reloading');
  }

  /** A reload is over, and was `taken` or not. */
  reloaded(taken: boolean): void {
    this.#notify(
      'READY=1',
      `STATUS=${taken ? 'ready' : 'the last reload was refused; running the configuration before it'}`,
    );
  }

  /** It ends, in at most `drainMs`: it is not killed before. */
  stopping(drainMs: number): void {
    this.#notify('STOPPING=1', `EXTEND_TIMEOUT_USEC=${(drainMs + END_MS) * 1000}`, 'STATUS=draining');
  }

  /** Feeds no watchdog any more. */
  end(): void {
    clearInterval(this.#timer);
  }

  #notify(...lines: readonly string[]): void {
    if (this.#socket === undefined) return;
    try {
      this.#send(this.#socket, lines.join('\n'));
    } catch (error) {
      if (!this.#silent) this.#failed((error as Error).message);
      this.#silent = true;
    }
  }
}
