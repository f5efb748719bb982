// `sevenfold ctl`: looks at a running Sevenfold and changes it, over its admin API.
// Owns the commands. Leaves the API to ctl-client.ts, and the tables to ctl-tables.ts.

import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { ProcessEvent } from '../observe/events.js';
import { AdminClient, AdminError, type AdminRequest, DEFAULT_ADDRESS } from './ctl-client.js';
import * as tables from './ctl-tables.js';
import { describeEvent } from './events/describe.js';
import { collect } from './options.js';
import { printAll } from './output.js';
import { type Outcome, outcome, printReport } from './terminal.js';

interface CtlOptions {
  readonly address: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
  readonly keep?: 'reload' | 'saved';
}

const KEEP = () =>
  new Option('--keep <how-long>', 'until the next reload, or saved over reloads and restarts')
    .choices(['reload', 'saved'])
    .default('reload');

/** Where the admin API is, for every command that asks it. */
export function adminOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-a, --address <address>', 'where the admin API is: unix:/PATH or HOST:PORT')
        .default(DEFAULT_ADDRESS)
        .env('SEVENFOLD_ADMIN'),
    )
    .option('--token-file <file>', 'a file with the token; without it, SEVENFOLD_ADMIN_TOKEN of the environment');
}

export function register(program: Command): void {
  const ctl = adminOptions(program.command('ctl'))
    .description('look at a running Sevenfold and change it, over its admin API')
    .option('--json', 'print what the API answers')
    .showHelpAfterError('(sevenfold ctl --help lists the commands)');
  const read = <T>(
    words: string,
    says: string,
    path: (...args: string[]) => string,
    show: (answer: T) => string,
  ): void => {
    ctl
      .command(words)
      .description(says)
      .action((...args) =>
        answer<T>(
          args.at(-1) as Command,
          () => path(...(args.slice(0, -2) as string[])),
          () => ({}),
          show,
        ),
      );
  };
  read<tables.Status>('status', 'what runs, since when, and whether it takes requests', () => '/status', tables.status);
  read<tables.Pools>('pools', 'all pools', () => '/pools', tables.pools);
  read<tables.Servers>(
    'servers <pool>',
    'the servers of a pool',
    (pool) => `/pools/${encodeURIComponent(pool)}/servers`,
    tables.servers,
  );
  read<tables.Routes>('routes', 'all matches in order of precedence', () => '/routes', tables.routes);
  read<tables.Exchanges>('exchanges', 'requests under way, the oldest first', () => '/exchanges', tables.exchanges);
  read<tables.Connections>(
    'connections',
    'client connections, the oldest first',
    () => '/connections',
    tables.connections,
  );
  read<tables.Certificates>(
    'certificates',
    'certificates, the next to expire first',
    () => '/certificates',
    tables.certificates,
  );
  read<object>('config', 'the configuration that runs, without secrets', () => '/config', tables.plain);
  read<object>('support', 'all there is to know, for a question: without secrets', () => '/support', tables.plain);
  registerChanges(ctl);
  registerOthers(ctl);
}

function registerChanges(ctl: Command): void {
  const change = (words: string, says: string, body: (args: string[], keep: string) => object): void => {
    ctl
      .command(words)
      .description(says)
      .addOption(KEEP())
      .action((...args) => {
        const command = args.at(-1) as Command;
        const [server = '', ...rest] = args.slice(0, -2) as string[];
        const { keep = 'reload' } = command.optsWithGlobals<CtlOptions>();
        const isRemoval = words.startsWith('remove ');
        return answer<tables.Server | undefined>(
          command,
          () => `${pathOf(server)}${isRemoval ? `?keep=${keep}` : ''}`,
          () => (isRemoval ? { method: 'DELETE' } : { method: 'PATCH', body: body(rest, keep) }),
          (now) => (now === undefined ? `${server} is taken out\n` : tables.servers({ servers: [now] })),
        );
      });
  };
  for (const [state, says] of STATES) {
    change(`${state} <pool/server>`, says, (_, keep) => ({ state, keep }));
  }
  change(
    'weight <pool/server> <weight>',
    "changes a server's share: 0 to 1000, or - for that of the configuration",
    ([text], keep) => ({
      weight: text === '-' ? null : numberIn(text!),
      keep,
    }),
  );
  ctl
    .command('add <pool/server> <address>')
    .description('adds a server to a pool: an IP address and port, or unix:/PATH')
    .option('--weight <weight>', 'its share, 0 to 1000', numberIn, 1)
    .option('--backup', 'use it only when no other server can be')
    .addOption(KEEP())
    .action(
      (
        server: string,
        address: string,
        options: { weight: number; backup?: boolean; keep: string },
        command: Command,
      ) => {
        const body = { address, weight: options.weight, backup: options.backup === true, keep: options.keep };
        return answer<tables.Server>(
          command,
          () => pathOf(server),
          () => ({ method: 'PUT', body }),
          (now) => tables.servers({ servers: [now] }),
        );
      },
    );
  change('remove <pool/server>', 'takes a server out of its pool', () => ({}));
  change('restore <pool/server>', 'takes a removal back', (_, keep) => ({ removed: false, keep }));
}

const STATES = [
  ['drain', 'no new requests for a server, but for clients whose session is there'],
  ['maintenance', 'no requests at all for a server'],
  ['ready', 'takes drain or maintenance back'],
] as const;

function registerOthers(ctl: Command): void {
  ctl
    .command('reload')
    .description('reads the configuration again; says what it changed, or all that is wrong with it')
    .action((_options, command: Command) =>
      answer<{ changes: ProcessEvent[] }>(
        command,
        () => '/reload',
        () => ({ method: 'POST' }),
        ({ changes }) =>
          changes
            .flatMap(describeEvent)
            .map(({ text }) => `${text}\n`)
            .join(''),
      ),
    );
  ctl
    .command('explain <request>')
    .description(
      "where a request would go now, and why: 'GET http://shop.example.com/'; - reads a request as it is sent",
    )
    .option('-H, --header <header>', "a header, 'Name: value'; may be repeated", collect, [])
    .option('--client <address>', 'address at the other end of the connection')
    .option('--listener <name>', 'listener that the request comes to')
    .action((request: string, options: { header: string[]; client?: string; listener?: string }, command: Command) => {
      const query = new URLSearchParams();
      if (request !== '-') query.set('request', request);
      for (const header of options.header) query.append('header', header);
      for (const name of ['client', 'listener'] as const)
        if (options[name] !== undefined) query.set(name, options[name]);
      return answer<{ text: string }>(
        command,
        () => `/explain?${query}`,
        () => (request === '-' ? { method: 'POST', body: readInput() } : {}),
        ({ text }) => text,
      );
    });
  ctl
    .command('events')
    .description('what happened to the process')
    .option('-f, --follow', 'and what happens from now on')
    .action((options: { follow?: boolean }, command: Command) =>
      events(command.optsWithGlobals(), options.follow === true),
    );
  ctl
    .command('metrics')
    .description('what is counted, as Prometheus reads it')
    .action((_options, command: Command) =>
      printReport(() =>
        reached(async () => outcome(0, await new AdminClient(command.optsWithGlobals()).text('/metrics'))),
      ),
    );
}

/** Asks the API, and prints the answer as a table, or as it is with --json. */
function answer<T>(
  command: Command,
  path: () => string,
  asked: () => AdminRequest,
  show: (answer: T) => string,
): Promise<void> {
  const options = command.optsWithGlobals<CtlOptions>();
  return printReport(() =>
    reached(async () => {
      const got = await new AdminClient(options).json<T>(path(), asked());
      if (options.json) return outcome(0, got === undefined ? '' : `${JSON.stringify(got, null, 2)}\n`);
      return outcome(0, show(got));
    }),
  );
}

async function reached(ask: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    return outcome(error.code, '', `${error.message}\n`);
  }
}

/** `api/10.0.0.1:80`. */
function pathOf(text: string): string {
  const slash = text.indexOf('/');
  if (slash > 0 && slash < text.length - 1) {
    return `/pools/${encodeURIComponent(text.slice(0, slash))}/servers/${encodeURIComponent(text.slice(slash + 1))}`;
  }
  throw new AdminError(`'${text}' is no server. Expected POOL/SERVER, such as api/10.0.0.1:80.`, 2);
}

function numberIn(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new AdminError(`'${text}' is no weight. Expected a whole number from 0 to 1000.`, 2);
}

function readInput(): string {
  return readFileSync(0, 'utf8');
}

/** Prints events line by line: those that happened, and with `follow` each as it happens, until either side ends. */
async function events(options: CtlOptions, follow: boolean): Promise<void> {
  const line = ({ id, time, ...event }: { id: number; time: string } & Record<string, unknown>): string => {
    if (options.json) return `${JSON.stringify({ id, time, ...event })}\n`;
    return describeEvent(event as unknown as ProcessEvent)
      .map(({ text }) => `${time} ${text}\n`)
      .join('');
  };
  await printReport(() =>
    reached(async () => {
      const client = new AdminClient(options);
      if (follow) {
        for await (const event of client.events(0)) if (printAll(1, line(event)) !== null) break;
        return outcome(0, '');
      }
      const { events: all } = await client.json<tables.Events>('/events');
      return outcome(0, all.map(({ id, time, event }) => line({ id, time, ...event })).join(''));
    }),
  );
}
