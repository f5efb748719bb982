// From single check results to up or down.
// Owns the thresholds of one server. Leaves making checks to checker.ts and acting on the verdict, too.

/*
 *                      first failed                        unhealthyThreshold failed in a row
 *   UNCHECKED ──────────────────────► DOWN ◄──────────────────────────────────── UP (in doubt after the first)
 *       │                              │                                          ▲
 *       │ first passed                 └── healthyThreshold passed in a row ──────┤
 *       └─────────────────────────────────(in doubt after the first)──────────────┘
 *
 * The first check decides alone, both ways: a start is not to wait for several intervals.
 */
export class Verdict {
  #state: 'UNCHECKED' | 'UP' | 'DOWN' = 'UNCHECKED';
  /** Results in a row that contradict the state. */
  #against = 0;

  /** What the server is taken for. */
  get state(): 'UNCHECKED' | 'UP' | 'DOWN' {
    return this.#state;
  }

  /** The last results contradict the state, but there were not enough of them: look again sooner. */
  get inDoubt(): boolean {
    return this.#against > 0;
  }

  /** Takes a result. True when the state changed. Thresholds are at least 1. */
  note(passed: boolean, healthyThreshold: number, unhealthyThreshold: number): boolean {
    const says = passed ? 'UP' : 'DOWN';
    if (says === this.#state) {
      this.#against = 0;
      return false;
    }
    this.#against++;
    const needed = this.#state === 'UNCHECKED' ? 1 : passed ? healthyThreshold : unhealthyThreshold;
    if (this.#against < needed) return false;
    this.#state = says;
    this.#against = 0;
    return true;
  }
}
