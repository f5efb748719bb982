// Lines of access logs that destinations did not take, in shared memory: the log thread adds, the primary reads without asking.

export class LogTotals {
  readonly shared: SharedArrayBuffer;
  /** One double, written by the log thread alone. */
  readonly #dropped: Float64Array;

  constructor(shared = new SharedArrayBuffer(8)) {
    this.shared = shared;
    this.#dropped = new Float64Array(shared);
  }

  /** Lines dropped since the process started, also by threads that died. */
  get dropped(): number {
    return this.#dropped[0]!;
  }

  drop(lines: number): void {
    this.#dropped[0]! += lines;
  }
}
