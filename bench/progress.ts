// The progress line: what is measured now and how long the rest will take.
// Writes to standard error, so that standard output stays a report.

export interface Progress {
  /** Says what comes now, and that it will take about `seconds`. */
  step(label: string, seconds: number): void;
  /** What the last step told, in a few words, for terminals. */
  told(text: string): void;
  /** More seconds to come than was thought at first; negative takes away. */
  plan(seconds: number): void;
  end(): void;
}

/** A line that rewrites itself on a terminal; one line per step elsewhere. `write` gets the text as it goes out. */
export function createProgress(terminal: boolean, write: (text: string) => void): Progress {
  let leftSeconds = 0;
  let line = '';
  const show = (text: string): void => {
    if (terminal) write(`\r${text.padEnd(line.length)}`);
    else write(`${text}\n`);
    line = text;
  };
  return {
    plan: (seconds) => {
      leftSeconds += seconds;
    },
    step: (label, seconds) => {
      show(`${label} · ${timeText(leftSeconds)} left`);
      leftSeconds = Math.max(0, leftSeconds - seconds);
    },
    told: (text) => {
      if (terminal) show(`${line} · ${text}`);
    },
    end: () => {
      if (terminal && line !== '') write(`\r${' '.repeat(line.length)}\r`);
      line = '';
    },
  };
}

/** Seconds as a person says them: `48 s`, `3 min 20 s`. */
export function timeText(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
