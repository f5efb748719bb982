// `sevenfold top`: a screen of what runs, drawn again each second, over the admin API.
// Owns sampling, keys and the terminal. Leaves what is drawn to top-screen.ts.

import { setTimeout } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Stats } from '../primary/stats.js';
import { adminOptions } from './ctl.js';
import { AdminClient, AdminError, type AdminOptions } from './ctl-client.js';
import type { Status } from './ctl-tables.js';
import { outcome, printReport } from './terminal.js';
import { SORTS, type Sort, screen } from './top-screen.js';

interface TopOptions extends AdminOptions {
  readonly interval: number;
  readonly sort: Sort;
  readonly once?: boolean;
}

/** What is drawn where there is no terminal. */
const PLAIN = { columns: 160, rows: 1_000_000 };

const ESC = '\u001b[';
/** The other screen, without a cursor; and back. */
const ENTER = `${ESC}?1049h${ESC}?25l`;
const LEAVE = `${ESC}?25h${ESC}?1049l`;

export function register(program: Command): void {
  adminOptions(program.command('top'))
    .description('show what runs, drawn again each second: q ends it, s sorts by something else, space holds it')
    .addOption(new Option('-i, --interval <seconds>', 'time between two samples').argParser(readSeconds).default(1))
    .addOption(new Option('--sort <by>', 'the first order').choices(SORTS).default('rate'))
    .option('--once', 'print one screen and end; so it does where the output is no terminal')
    .action((options: TopOptions) => {
      const isTerminal = process.stdout.isTTY && process.stdin.isTTY && !options.once;
      return printReport(async () => {
        try {
          const client = new AdminClient(options);
          return outcome(0, isTerminal ? await new Top(client, options).run() : await once(client, options));
        } catch (error) {
          if (!(error instanceof AdminError)) throw error;
          return outcome(error.code, '', `${error.message}\n`);
        }
      });
    });
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('Expected seconds from 0.1 to 3600.');
}

interface Sample {
  readonly status: Status;
  readonly stats: Stats;
}

async function sample(client: AdminClient): Promise<Sample> {
  const [status, stats] = await Promise.all([client.json<Status>('/status'), client.json<Stats>('/stats')]);
  return { status, stats };
}

async function once(client: AdminClient, { interval, sort }: TopOptions): Promise<string> {
  const before = await sample(client);
  await setTimeout(interval * 1000);
  const { status, stats } = await sample(client);
  const lines = screen({ status, before: before.stats, now: stats, sort, ...PLAIN, painted: false });
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** The screen while it is shown. */
class Top {
  readonly #client: AdminClient;
  readonly #intervalMs: number;
  readonly #ended = new AbortController();
  #sort: Sort;
  #held = false;
  #before: Sample | null = null;
  #now: Sample | null = null;

  constructor(client: AdminClient, { interval, sort }: TopOptions) {
    this.#client = client;
    this.#intervalMs = interval * 1000;
    this.#sort = sort;
  }

  /** Draws until a key or a signal ends it, or the API does not answer any more. Leaves the terminal as it was. */
  async run(): Promise<string> {
    const { stdin, stdout } = process;
    const key = (keys: Buffer): void => {
      for (const char of String(keys)) this.#key(char);
    };
    const draw = (): void => this.#draw();
    const end = (): void => this.#ended.abort();
    stdout.write(ENTER);
    stdin.setRawMode(true);
    stdin.on('data', key);
    stdout.on('resize', draw);
    for (const signal of SIGNALS) process.on(signal, end);
    try {
      while (!this.#ended.signal.aborted) {
        if (!this.#held) {
          const next = await sample(this.#client);
          this.#before = this.#now ?? next;
          this.#now = next;
          this.#draw();
        }
        await setTimeout(this.#intervalMs, undefined, { signal: this.#ended.signal }).catch(() => {});
      }
    } finally {
      for (const signal of SIGNALS) process.off(signal, end);
      stdout.off('resize', draw);
      stdin.off('data', key);
      stdin.setRawMode(false);
      stdin.pause();
      stdout.write(LEAVE);
    }
    return '';
  }

  #key(char: string): void {
    if (char === 'q' || char === '\u0003' || char === '\u001b') this.#ended.abort();
    else if (char === ' ') this.#held = !this.#held;
    else if (char === 's') {
      this.#sort = SORTS[(SORTS.indexOf(this.#sort) + 1) % SORTS.length]!;
      this.#draw();
    }
  }

  /** Draws over what is there, line by line: a screen that is cleared first flickers. */
  #draw(): void {
    if (this.#before === null || this.#now === null) return;
    const { columns = 80, rows = 24 } = process.stdout;
    const painted = (process.env.NO_COLOR ?? '') === '';
    const { status, stats } = this.#now;
    const lines = screen({ status, before: this.#before.stats, now: stats, sort: this.#sort, columns, rows, painted });
    process.stdout.write(`${ESC}H${lines.map((line) => `${line}${ESC}K`).join('\r\n')}${ESC}J`);
  }
}

const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;
